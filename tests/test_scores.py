"""Scores against closed forms, scoringrules, scipy and each other."""

import numpy as np
import pytest
import scoringrules
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from qdist import scores
from qdist.errors import InputError

numbers = st.floats(-100, 100)
ensembles = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 9)), elements=numbers)


def normal_crps(y, scale=1.0):
    """Gneiting and Raftery (2007), equation 21."""
    z = y / scale
    return scale * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


# -- CRPS from quantiles


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


# -- CRPS from draws


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
    assert abs(fair.mean() - normal_crps(0.0)) < 4 * error
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


# -- intervals


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


@given(arrays(np.float64, 6, elements=numbers), st.floats(0.05, 0.95))
def test_interval_score_is_two_pinball_losses(y, nominal):
    lower, upper, alpha = -3.0, 7.0, 1 - nominal
    losses = [
        (y - q) * (tau - (y <= q)) for q, tau in ((lower, alpha / 2), (upper, 1 - alpha / 2))
    ]
    got = scores.interval_score(y, lower, upper, nominal=nominal)
    np.testing.assert_allclose(got, 2 / alpha * sum(losses), atol=1e-9)


# -- calibration


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


# -- what goes in, what is refused


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
