"""Calibration against scipy, and of laws that are known to be right or wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from qdist import scores


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)))
def test_pit_distance_is_that_of_kolmogorov(u):
    assert scores.pit_distance(u) == pytest.approx(stats.kstest(u, "uniform").statistic)


def test_pit_of_the_true_law_is_uniform():
    y = np.random.default_rng(0).gamma(2.0, size=20_000)
    assert scores.pit_distance(stats.gamma(2.0).cdf(y)) < 1.95 / np.sqrt(20_000)  # p = 0.001
    assert scores.pit_distance(stats.gamma(2.2).cdf(y)) > 0.05


def test_calibration():
    levels = scores.midpoint_levels(9)
    y = np.random.default_rng(0).standard_normal(20_000)
    quantiles = np.broadcast_to(stats.norm.ppf(levels), (20_000, 9))
    curve = scores.calibration_curve(y, quantiles)
    np.testing.assert_allclose(curve, levels, atol=4 * np.sqrt(0.25 / 20_000))
    error = scores.calibration_error(y, quantiles, levels)
    assert error == pytest.approx(np.abs(curve - levels).mean())
    assert scores.calibration_error(y, 2 * quantiles, levels) > 0.1
