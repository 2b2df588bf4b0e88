"""Scores of forecasts."""

import numpy as np

from qdist import scores
from qdist.errors import InputError

NAN = [1.0, float("nan")]
MASKED = np.ma.array([1.0, 1e30], mask=[False, True])

SCORES = {
    f"{name} of {what}": (
        lambda world, call=call, y=y: call(y),
        InputError,
        "Expected",
    )
    for name, call in {
        "calibration_curve": lambda y: scores.calibration_curve(y, [[0.0], [1.0]]),
        "calibration_error": lambda y: scores.calibration_error(y, [[0.0], [1.0]], [0.5]),
        "coverage": lambda y: scores.coverage(y, [0.0, 0.0], [1.0, 1.0]),
        "crps_ensemble": lambda y: scores.crps_ensemble(y, [[0.0, 1.0]] * 2),
        "crps_quantiles": lambda y: scores.crps_quantiles(y, [[0.0, 1.0]] * 2),
        "energy_distance": lambda y: scores.energy_distance(y, [[0.0], [1.0]]),
        "energy_score": lambda y: scores.energy_score(y, [[[0.0], [1.0]]] * 2),
        "interval_score": lambda y: scores.interval_score(y, [0.0] * 2, [1.0] * 2, nominal=0.9),
        "interval_width": lambda y: scores.interval_width(y, [1.0] * 2),
        "pit_distance": lambda y: scores.pit_distance(y),
    }.items()
    for what, y in {
        "NaN": NAN,
        "text": ["a", "b"],
        "nothing": [],
        "None": None,
        "a mask": MASKED,
    }.items()
} | {
    **{
        f"{name} of what is infinite": (
            lambda world, call=call: call([0.0, float("inf")]),
            InputError,
            "without infinity; got 1 of 2",
        )
        for name, call in {
            "crps_ensemble": lambda x: scores.crps_ensemble(0.0, x),
            "energy_distance": lambda x: scores.energy_distance([[1.0], [2.0]], [[v] for v in x]),
            "energy_score": lambda x: scores.energy_score([0.0], [[v] for v in x]),
        }.items()
    },
    "no levels": (lambda world: scores.midpoint_levels(0), InputError, "Expected"),
    "a nominal share of two": (
        lambda world: scores.interval_score([0.0], [0.0], [1.0], nominal=2.0),
        InputError,
        "Expected",
    ),
    "an estimator that is none": (
        lambda world: scores.crps_ensemble([0.0], [[0.0, 1.0]], estimator="x"),
        InputError,
        "Expected estimator",
    ),
    "ends that are swapped": (
        lambda world: scores.interval_score([0.0], [1.0], [0.0], nominal=0.9),
        InputError,
        "Expected upper ends at or above the lower ones; got 1 of 1",
    ),
    "ends that are swapped, covered": (
        lambda world: scores.coverage([0.0, 1.0], [1.0, 0.0], [0.0, 1.0]),
        InputError,
        "got 1 of 2 below",
    ),
    "ends that are swapped, measured": (
        lambda world: scores.interval_width([1.0, 0.0], [0.0, 1.0]),
        InputError,
        "got 1 of 2 below",
    ),
}

ROWS = (SCORES,)
