"""Scores of draws against scoringrules, scipy, closed forms and each other."""

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from qdist import scores

numbers = st.floats(-100, 100)
ensembles = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 9)), elements=numbers)


# -- CRPS


@pytest.mark.parametrize(("estimator", "theirs"), [("fair", "fair"), ("plain", "nrg")])
@given(x=ensembles)
def test_ensemble_agrees_with_scoringrules(x, estimator, theirs):
    y = x.mean(-1) - 1.0
    expected = scoringrules.crps_ensemble(y, x, estimator=theirs)
    np.testing.assert_allclose(
        scores.crps_ensemble(y, x, estimator=estimator), expected, atol=1e-9
    )


def test_fair_is_unbiased_and_plain_is_not():
    rng = np.random.default_rng(0)
    n, draws = 40_000, 4
    x = rng.standard_normal((n, draws))
    fair = scores.crps_ensemble(np.zeros(n), x)
    plain = scores.crps_ensemble(np.zeros(n), x, estimator="plain")
    error = fair.std() / np.sqrt(n)
    exact = (np.sqrt(2) - 1) / np.sqrt(np.pi)  # of the standard normal law at its centre
    assert abs(fair.mean() - exact) < 4 * error
    # The bias is E|X - X'| / (2 S), and E|X - X'| = 2 / sqrt(pi).
    assert plain.mean() - fair.mean() == pytest.approx(1 / np.sqrt(np.pi) / draws, abs=4 * error)


@pytest.mark.parametrize("estimator", ["fair", "plain"])
@given(x=ensembles, shift=numbers, scale=st.floats(0.1, 10))
def test_ensemble_moves_with_the_data(x, shift, scale, estimator):
    before = scores.crps_ensemble(x[:, 0], x, estimator=estimator)
    after = scores.crps_ensemble(x[:, 0] * scale + shift, x * scale + shift, estimator=estimator)
    np.testing.assert_allclose(after, before * scale, atol=1e-7)


def test_a_batch_is_its_rows():
    rng = np.random.default_rng(0)
    y, x = rng.standard_normal((2, 3)), rng.standard_normal((2, 3, 7))
    together = scores.crps_ensemble(y, x)
    apart = [[scores.crps_ensemble(y[i, j], x[i, j]) for j in range(3)] for i in range(2)]
    np.testing.assert_array_equal(together, apart)


# -- energy


def test_two_points():
    # Draws (0, 0) and (3, 4), observation (3, 0): (3 + 4) / 2 - 5 / 2 = 1, and plain: 3.5 - 5 / 4.
    draws = [[0.0, 0.0], [3.0, 4.0]]
    assert scores.energy_score([3.0, 0.0], draws) == pytest.approx(1.0)
    assert scores.energy_score([3.0, 0.0], draws, estimator="plain") == pytest.approx(2.25)


@pytest.mark.parametrize("estimator", ["fair", "plain"])
@given(x=ensembles)
def test_in_one_dimension_it_is_the_crps(x, estimator):
    y = x.mean(-1) + 0.25
    np.testing.assert_allclose(
        scores.energy_score(y[:, None], x[..., None], estimator=estimator),
        scores.crps_ensemble(y, x, estimator=estimator),
        atol=1e-9,
    )


def test_energy_score_agrees_with_scoringrules():
    rng = np.random.default_rng(0)
    y, x = rng.standard_normal((5, 3)), rng.standard_normal((5, 8, 3))
    got = scores.energy_score(y, x, estimator="plain")
    np.testing.assert_allclose(got, scoringrules.es_ensemble(y, x), rtol=1e-9)


def test_energy_distance_agrees_with_scipy():
    rng = np.random.default_rng(0)
    n = 1500
    x, y = rng.standard_normal(n), rng.standard_normal(n) + 1.0
    # scipy gives the root of the plain estimate, which counts each draw against itself.
    plain = stats.energy_distance(x, y) ** 2 * 1.0
    spread = [np.abs(z[:, None] - z).sum() for z in (x, y)]
    bias = sum(s / (n * (n - 1)) - s / n**2 for s in spread)
    assert scores.energy_distance(x[:, None], y[:, None]) == pytest.approx(plain - bias)


def test_energy_distance_of_equal_laws_is_zero_on_average():
    rng = np.random.default_rng(0)
    values = [scores.energy_distance(*rng.standard_normal((2, 30, 2))) for _ in range(300)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert min(values) < 0
