"""Targets of few values: those that a network cannot tell apart are one."""

import numpy as np
import pytest
import torch

from qdist.quantile import PiecewiseLinear
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


def test_the_commonest_of_them_is_that_of_most_weight():
    y = np.repeat([0.3, 0.1 + 0.2, 0.7], [30, 20, 20])
    weight = np.repeat([0.5, 2.0, 1.0], [30, 20, 20])
    assert TargetCodec.fit(y, weight).values == (0.1 + 0.2, 0.7)


def test_the_law_has_the_mass_of_all_of_them_at_the_one_that_is_kept():
    codec = TargetCodec.fit(np.repeat([0.3, 0.1 + 0.2, 0.7], 20), np.ones(60))
    levels = torch.tensor([0.0, 2 / 3, 2 / 3, 1.0], dtype=torch.float64)
    places = torch.tensor(codec.atoms, dtype=torch.float64).repeat_interleave(2)
    law = codec.decode(PiecewiseLinear(levels, places))
    y = torch.tensor([0.3, 0.1 + 0.2, 0.7], dtype=torch.float64)
    torch.testing.assert_close(law.log_prob(y).exp(), torch.tensor([2 / 3, 0, 1 / 3]).double())
    torch.testing.assert_close(law.cdf(y), torch.tensor([2 / 3, 2 / 3, 1]).double())
