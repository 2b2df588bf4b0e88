"""Scores of intervals: arithmetic by hand, the normal law, and two pinball losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from qdist import scores
from qdist.errors import InputError


def test_coverage_and_width():
    assert scores.coverage([0.0, 1.0, 2.0], [0.0, 1.5, 0.0], [1.0, 2.0, 2.0]) == 2 / 3
    assert scores.interval_width([0.0, 1.5, 0.0], [1.0, 2.0, 2.0]) == pytest.approx(3.5 / 3)


@pytest.mark.parametrize(
    "score",
    [scores.coverage, lambda y, lower, upper: scores.interval_score(y, lower, upper, nominal=0.5)],
)
def test_one_interval_for_each_observation_not_for_each_pair(score):
    y, ends = np.arange(3.0), np.ones((3, 1))
    with pytest.raises(InputError, match=r"that of the observations.*lower \(3, 1\)"):
        score(y, ends, 2 * ends)
    assert np.shape(score(1.0, np.zeros(4), np.ones(4))) in {(), (4,)}  # one, many forecasts


def test_coverage_of_a_normal_interval():
    y = np.random.default_rng(0).standard_normal(20_000)
    lower, upper = stats.norm.interval(0.9)
    assert scores.coverage(y, lower, upper) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 20_000))


@given(arrays(np.float64, 6, elements=st.floats(-100, 100)), st.floats(0.05, 0.95))
def test_interval_score_is_two_pinball_losses(y, nominal):
    lower, upper, alpha = -3.0, 7.0, 1 - nominal
    losses = [
        (y - q) * (tau - (y <= q)) for q, tau in ((lower, alpha / 2), (upper, 1 - alpha / 2))
    ]
    got = scores.interval_score(y, lower, upper, nominal=nominal)
    np.testing.assert_allclose(got, 2 / alpha * sum(losses), atol=1e-9)
