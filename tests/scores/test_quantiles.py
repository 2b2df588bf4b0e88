"""CRPS from quantiles against closed forms, scoringrules and CRPS of draws."""

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from qdist import scores

shapes = st.tuples(st.integers(1, 4), st.integers(2, 9))
ensembles = arrays(np.float64, shapes, elements=st.floats(-100, 100))


def normal_crps(y, scale=1.0):
    """Gneiting and Raftery (2007), equation 21."""
    z = y / scale
    return scale * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_normal_at_its_centre():
    # (sqrt(2) - 1) / sqrt(pi) = 0.41421 / 1.77245
    quantiles = stats.norm.ppf(scores.midpoint_levels(20_000))
    assert scores.crps_quantiles(0.0, quantiles) == pytest.approx(0.2336950, abs=2e-6)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_200_levels_are_enough(scale):
    y = scale * np.array([-3.0, -1.0, 0.0, 0.4, 2.0])
    quantiles = stats.norm.ppf(scores.midpoint_levels(), scale=scale)
    got = scores.crps_quantiles(y, np.tile(quantiles, (5, 1)))
    np.testing.assert_allclose(got, normal_crps(y, scale), rtol=0.005)


def test_error_falls_with_the_number_of_levels():
    exact = normal_crps(0.7)
    errors = [
        abs(scores.crps_quantiles(0.7, stats.norm.ppf(scores.midpoint_levels(k))) - exact)
        for k in (50, 200, 800)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


@given(ensembles)
def test_quantiles_agree_with_scoringrules(q):
    q = np.sort(q, -1)
    y = q.mean(-1) + 1.0
    levels = scores.midpoint_levels(q.shape[-1])
    expected = scoringrules.crps_quantile(y, q, levels)
    np.testing.assert_allclose(scores.crps_quantiles(y, q), expected, atol=1e-9)


@given(ensembles)
def test_midpoint_quantiles_of_atoms_are_the_plain_ensemble(x):
    # K atoms of weight 1/K are their own quantiles at the midpoints, and the rule is then exact.
    y = x[:, 0] + 0.5
    np.testing.assert_allclose(
        scores.crps_quantiles(y, np.sort(x, -1)),
        scores.crps_ensemble(y, x, estimator="plain"),
        atol=1e-9,
    )
