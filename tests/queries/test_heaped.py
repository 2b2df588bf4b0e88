"""Questions to a column whose values are heaped."""

import numpy as np
import pandas as pd
import pytest

import qdist


@pytest.fixture(scope="module")
def prices():
    rng = np.random.default_rng(3)
    price = np.rint(rng.lognormal(5, 0.4, 3000) * 10)
    price = np.where(rng.random(3000) < 0.9, 100 * np.rint(price / 100), price).astype(int)
    return pd.DataFrame({"price": price, "dear": price > 1500})


@pytest.fixture(scope="module")
def model(prices):
    """The price comes first in the chain, so that draws have its marginal law."""
    order = ["price", "dear"]
    return qdist.TabularModel(order=order, max_steps=5, random_state=0).fit(prices)


def test_quantiles_lie_on_heaps_and_agree_with_probabilities(model):
    levels = np.linspace(0.05, 0.95, 19)
    q = model.quantile("price", levels)[0]
    assert (q % 100 == 0).mean() > 0.7
    assert (model.cdf("price", q)[0] >= levels - 1e-6).all()
    assert (model.cdf("price", q - 1)[0] <= levels + 1e-6).all()


def test_probabilities_are_shares_of_draws(model):
    drawn = model.sample(20_000, random_state=0)["price"].to_numpy()
    at = np.array([900, 999, 1000, 1450, 1500, 2100])
    shares = (drawn[:, None] <= at).mean(0)
    # Five standard errors of a share of 20,000 draws: 5 * sqrt(1/4 / 20000) = 0.018.
    np.testing.assert_allclose(model.cdf("price", at)[0], shares, atol=0.018)


def test_levels_of_rows_are_even_and_turn_back_into_rows(model, prices):
    levels = model.rosenblatt(prices, random_state=0)
    back = model.inverse_rosenblatt(levels)
    tau = np.asarray(levels)[:, 0].astype(float)
    # The first column's law is the marginal one: Kolmogorov distance 1.95 / sqrt(3000) = 0.036.
    grid = np.arange(1, len(tau) + 1) / len(tau)
    assert np.abs(np.sort(tau) - grid).max() < 0.036
    assert (back["price"].to_numpy() == prices["price"].to_numpy()).all()
