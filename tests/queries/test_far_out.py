"""Scores of numbers far beyond all that was seen: by the tail's own formula, and finite."""

import numpy as np
import pandas as pd
import pytest
import torch

import qdist

PLACES = [5.0, 8.0, 12.0, 30.0, -40.0, 5e3, -1e9]


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"kg": rng.normal(5, 1, 400), "cm": rng.normal(50, 5, 400)})
    return qdist.TabularModel(
        max_steps=20, members=1, backbone_args={"width": 8, "blocks": 1}, random_state=0
    ).fit(frame)


def test_two_routes_to_a_density_far_out(model):
    """log p(kg, cm) = log p(kg) + log p(cm | kg), each by the law on the data's scale."""
    rows = pd.DataFrame({"kg": PLACES, "cm": 50.0})
    found = model.score_samples(rows)
    first = model.predict_dist("kg").log_prob(torch.tensor(PLACES, dtype=torch.float64))
    given = model.predict_dist("cm", given=rows[["kg"]]).log_prob(
        torch.tensor(rows["cm"].to_list())
    )
    np.testing.assert_allclose(found, (first + given).numpy(), rtol=1e-4, atol=0.02)


def test_farther_is_odder_and_the_end_is_finite(model):
    rows = pd.DataFrame({"kg": [12.0, 50.0, 1e4, 1e9, 1e200, 1e308], "cm": 50.0})
    found = model.score_samples(rows)
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()


def test_a_missing_cell_is_no_number_far_out():
    x = np.r_[np.random.default_rng(0).normal(size=200), [np.nan] * 50]
    frame = pd.DataFrame({"x": x, "y": np.arange(250.0)})
    model = qdist.TabularModel(
        max_steps=3, members=1, backbone_args={"width": 8, "blocks": 1}, random_state=0
    ).fit(frame)
    rows = pd.DataFrame({"x": [np.nan, 1e6], "y": [3.0, 3.0]})
    missing, far = model.score_samples(rows)
    assert missing > -20
    assert far < -1e5
