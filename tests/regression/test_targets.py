"""Targets of few values: those that a network cannot tell apart are one."""

import numpy as np
import pytest

from qdist.regression.targets import TargetCodec


@pytest.mark.parametrize(
    ("y", "values"),
    [
        (np.repeat([0.1 + 0.2, 0.3, 0.7], [20, 30, 20]), (0.3, 0.7)),  # the commoner of the two
        (np.repeat([0.3, 0.1 + 0.2, 0.7], [20, 30, 20]), (0.1 + 0.2, 0.7)),
        (np.repeat([0.0, 1.0, 1e8], 20), (0.0, 1e8)),  # the first of two that are as common
        (np.repeat([-1e9, 0.0, 1e-9, 2e-9, 1e9], [20, 20, 20, 25, 20]), (-1e9, 2e-9, 1e9)),
        (np.repeat([3.0, 4.0, 5.0], 20), (3.0, 4.0, 5.0)),
    ],
    ids=["rounding", "the other way", "far apart", "three", "whole"],
)
def test_values_that_single_precision_takes_for_one_are_one(y, values):
    codec = TargetCodec.fit(y, np.ones(len(y)))
    assert codec.values == values
    assert (np.diff(np.float32(codec.atoms)) > 0).all()
