"""What goes into all scores, and what they refuse."""

import numpy as np
import pytest
import torch

from qdist import scores
from qdist.errors import InputError


def test_tensors_are_welcome(untouched_rng):
    y, x = torch.tensor([0.5], requires_grad=True), torch.tensor([[0.0, 1.0, 4.0]])
    got = scores.crps_ensemble(y, x.float())
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.float64
    assert got == scores.crps_ensemble([0.5], [[0.0, 1.0, 4.0]])


CALLS = {
    "crps_quantiles": lambda y, x: scores.crps_quantiles(y, x),
    "crps_ensemble": lambda y, x: scores.crps_ensemble(y, x),
    "energy_score": lambda y, x: scores.energy_score(x, np.stack([x, x + 1], -2)),
    "energy_distance": lambda y, x: scores.energy_distance(x, x),
    "coverage": lambda y, x: scores.coverage(y, x[:, 0], x[:, 1]),
    "interval_score": lambda y, x: scores.interval_score(y, x[:, 0], x[:, 1], nominal=0.5),
    "interval_width": lambda y, x: scores.interval_width(x[:, 0], x[:, 1]),
    "pit_distance": lambda y, x: scores.pit_distance(x),
    "calibration_curve": lambda y, x: scores.calibration_curve(y, x),
    "calibration_error": lambda y, x: scores.calibration_error(y, x, [0.25, 0.75]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_holes_are_refused(call):
    x = np.array([[0.1, 0.2], [0.3, 0.4]])
    call(np.array([0.1, 0.2]), x)
    x[1, 1] = np.nan
    with pytest.raises(InputError, match=r"without NaN; got [12] of \d"):
        call(np.array([0.1, 0.2]), x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: scores.midpoint_levels(0), "Expected n to be a whole number >= 1"),
        (lambda: scores.crps_quantiles(np.zeros(3), np.zeros((2, 3))), r"shape \(3, number"),
        (lambda: scores.crps_ensemble(0.0, [1.0]), "at least 2 draws"),
        (lambda: scores.crps_ensemble(0.0, [1.0, 2.0], estimator="best"), "'fair' or 'plain'"),
        (lambda: scores.energy_score([0.0], [1.0, 2.0]), "use crps_ensemble"),
        (lambda: scores.energy_distance([[0.0]], [[1.0]]), "at least 2 rows"),
        (lambda: scores.interval_score(0.0, 0.0, 1.0, nominal=90), r"in \(0, 1\); got 90"),
        (lambda: scores.pit_distance([0.5, 1.5]), r"got values in \[0.5, 1.5\]"),
        (lambda: scores.pit_distance([]), "got no values"),
        (lambda: scores.calibration_error([0.0], [[0.0, 1.0]], [0.5]), "Expected 2 levels"),
        (lambda: scores.calibration_error([0.0], [[0.0, 1.0]], [5, 6]), r"in \[0, 1\]; got \[5"),
        (lambda: scores.calibration_curve([], np.zeros((0, 2))), "got none"),
        (lambda: scores.midpoint_levels(2.5), "Expected n to be a whole number >= 1; got 2.5"),
        (
            lambda: scores.crps_ensemble([0.0], np.zeros((1, 0)), estimator="plain"),
            "at least 1 draws for the plain estimator",
        ),
    ],
)
def test_what_cannot_be_scored(call, text):
    with pytest.raises(InputError, match=text):
        call()
