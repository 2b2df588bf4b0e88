"""Short cuts of prediction, each beside the plain way to the same numbers."""

import numpy as np
import pytest
import torch

from qdist.quantile import PiecewiseLinear
from qdist.regression import Members, SymmetricTrees, average, average_members, stretched
from qdist.regression.trees import TreeRecipe

DIGITS = {torch.float64: 1e-9, torch.float32: 1e-5}


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_members_without_gradients(dtype):
    network = Members(7, width=16, layers=3, members=4, dropout=0.1).to(dtype).eval()
    x = torch.randn(50, 7, dtype=dtype, generator=torch.Generator().manual_seed(0))
    plain = network(x)
    assert plain.requires_grad
    with torch.no_grad():
        short = network(x)
    assert short.shape == plain.shape
    torch.testing.assert_close(short, plain.detach(), rtol=DIGITS[dtype], atol=DIGITS[dtype])


def test_trees_by_codes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    x[::7, 1] = np.nan
    x[:, 3] = rng.integers(0, 3, 300)
    y = x[:, 0] + x[:, 3] + rng.normal(size=300)
    trees = SymmetricTrees.fit(x, y, seed=0, recipe=TreeRecipe(trees=40, depth=5))
    fresh = np.concatenate([x, x * 3, np.full((1, 4), np.nan), np.full((1, 4), 1e300)])
    expected = []
    for row in np.where(np.isnan(fresh), -np.inf, fresh):
        total = trees.start
        for feature, threshold, value in zip(
            trees.feature, trees.threshold, trees.value, strict=True
        ):
            bits = [int(row[f] > t) for f, t in zip(feature, threshold, strict=True)]
            total += value[int("".join(map(str, bits)), 2)]
        expected.append(total)
    assert np.array_equal(trees.predict(fresh), expected)


def shaped(dtype, tails):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(20, 3, 9, generator=generator, dtype=dtype).sort(-1).values
    if not tails:
        return PiecewiseLinear(torch.linspace(0, 1, 9, dtype=dtype), values)
    scales = torch.rand(2, 20, 3, generator=generator, dtype=dtype) + 0.1
    return PiecewiseLinear(
        torch.linspace(0.05, 0.95, 9, dtype=dtype), values, tails=tuple(scales.unbind(0))
    )


LEVELS = [0.0, 1e-9, 0.01, 0.05, 0.3, 0.5, 0.77, 0.95, 0.999, 1.0]


@pytest.mark.parametrize("tails", [True, False], ids=["tails", "no tails"])
@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_all_levels_at_once(dtype, tails):
    law = shaped(dtype, tails)
    tau = torch.tensor(LEVELS, dtype=dtype)
    one_by_one = torch.stack([law.icdf(level) for level in tau], -1)
    torch.testing.assert_close(
        law.quantiles(tau), one_by_one, rtol=DIGITS[dtype], atol=DIGITS[dtype]
    )


@pytest.mark.parametrize("dtype", DIGITS, ids=str)
def test_the_average_of_laws_has_the_average_of_quantiles(dtype):
    laws, shares = [shaped(dtype, True), stretched(shaped(dtype, True), 2.0)], [0.3, 0.7]
    tau = torch.tensor(LEVELS[1:-1], dtype=dtype)
    short = average([average_members(law) for law in laws], shares).quantiles(tau)
    # The plain way: values at the levels first, then their means.
    plain = sum(
        share * law.quantiles(tau).mean(1) for law, share in zip(laws, shares, strict=True)
    )
    tolerance = {torch.float64: 1e-9, torch.float32: 3e-5}[dtype]  # tails reach 20 scales far
    torch.testing.assert_close(short, plain, rtol=tolerance, atol=tolerance)
