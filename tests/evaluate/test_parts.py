"""Each measure on its own: against scipy, and against arithmetic by hand."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from qdist.data.pairs import pair_columns
from qdist.evaluate.associations import association_distance, cells_of
from qdist.evaluate.classifier import c2st, c2st_noise
from qdist.evaluate.marginals import kolmogorov, marginal_distance, total_variation
from qdist.evaluate.rows import copied_shares, joint_energy_distance

grid = st.integers(0, 5).map(float)
samples = arrays(np.float64, st.integers(2, 20), elements=grid)


def association(real, synthetic):
    a, b = pair_columns(real, synthetic)
    return association_distance(a, b, cells_of(a), cells_of(b))


# -- marginals


@given(samples, samples)
def test_kolmogorov_agrees_with_scipy(a, b):
    assert kolmogorov(a, b) == pytest.approx(stats.ks_2samp(a, b, method="asymp").statistic)


def test_missing_is_a_value():
    # Half missing against a quarter: that difference alone is 1/4, and none is larger.
    a, b = np.array([np.nan, np.nan, 1.0, 2.0]), np.array([np.nan, 1.0, 2.0, 2.0])
    assert kolmogorov(a, b) == 0.25
    assert kolmogorov(a, a) == 0.0
    for value in (-5.0, 0.0, 5.0):
        assert kolmogorov(np.array([np.nan]), np.array([value])) == 1.0


def test_infinities_are_values_too():
    assert kolmogorov(np.array([np.inf, 0.0]), np.array([np.inf, np.inf])) == 0.5


def test_total_variation_by_hand():
    # Shares (1/2, 1/2, 0) and (1/4, 1/4, 1/2): (1/4 + 1/4 + 1/2) / 2.
    assert total_variation(np.array([0, 1]), np.array([0, 1, 2, 2]), 3) == 0.5


@given(arrays(np.int64, 12, elements=st.integers(0, 3)), st.permutations(range(12)))
def test_total_variation_of_a_table_with_itself_is_zero(codes, order):
    assert total_variation(codes, codes[order], 4) == 0.0


def test_a_missing_level_is_a_level():
    # (a, b, missing): (1/2, 1/2, 0) and (1/2, 0, 1/2).
    (pair,) = pair_columns({"s": ["a", "b"]}, {"s": ["a", None]})
    assert marginal_distance(pair) == 0.5


# -- associations


def test_correlations_by_hand():
    up, down = {"a": [1, 2, 3], "b": [1, 2, 3]}, {"a": [1, 2, 3], "b": [3, 2, 1]}
    assert association(up, down) == pytest.approx(1.0)  # |1 - -1| / 2
    assert association(up, up) == pytest.approx(0.0)
    flat = {"a": [1, 2, 3], "b": [7, 7, 7]}
    assert association(up, flat) == pytest.approx(0.5)  # a constant correlates with nothing


def test_correlations_take_the_rows_that_have_both():
    real = {"a": [1.0, 2.0, 3.0, None, 9.0], "b": [1.0, 2.0, 3.0, 50.0, None]}
    assert association(real, {"a": [1.0, 2.0], "b": [1.0, 2.0]}) == pytest.approx(0.0)
    assert association(real, {"a": [1.0, None], "b": [None, 2.0]}) == pytest.approx(0.5)


def test_contingency_by_hand():
    # Cells (x, u) and (y, v) against (x, v) and (y, u): nothing in common.
    real, other = {"a": ["x", "y"], "b": ["u", "v"]}, {"a": ["x", "y"], "b": ["v", "u"]}
    assert association(real, other) == 1.0
    assert association(real, real) == 0.0


def test_missing_has_a_cell_of_its_own():
    real = {"a": ["x", "y"], "b": [1.0, None]}
    assert association(real, {"a": ["y", "x"], "b": [1.0, None]}) == 1.0


def test_rare_levels_share_a_cell():
    many = [f"level {k:03d}" for k in range(200)]
    frame = {"a": [*many, *many, None], "b": [1.0] * 401}
    (a, _) = pair_columns(frame, frame)
    codes, _, size = cells_of(a)
    assert size == 52
    assert np.bincount(codes, minlength=52).tolist() == [2] * 50 + [300, 1]


@pytest.mark.parametrize("lowest", [1.0, -25.0])
def test_an_atom_has_a_cell_of_its_own(lowest):
    frame = {"a": [0.0] * 50 + list(lowest + 1.5 * np.arange(50)), "b": ["x"] * 100}
    (a, _) = pair_columns(frame, frame)
    codes = cells_of(a)[0]
    assert len(set(codes[:50])) == 1
    assert codes[0] not in codes[50:]


# -- rows


def test_energy_distance_by_hand():
    # Levels at unit distance. Real x, x; synthetic y, y: 2 * 1 - 0 - 0.
    pairs = pair_columns({"a": ["x", "x"]}, {"a": ["y", "y"]})
    both = np.arange(2)
    assert joint_energy_distance(pairs, (both, both)) == pytest.approx(2.0)
    # Numbers 1, 3 are the levels 1/4 and 3/4, and 4 is 1: 2 * (3/4 + 1/4) / 2 - 1/2 - 0.
    pairs = pair_columns({"a": [1.0, 3.0]}, {"a": [4.0, 4.0]})
    assert joint_energy_distance(pairs, (both, both)) == pytest.approx(0.5)
    # Of all rows, not of those that are used: among 1, 3, 3, 3 the levels are 1/8 and 5/8, and
    # 2 * (7/8 + 3/8) / 2 - 1/2 - 0.
    pairs = pair_columns({"a": [1.0, 3.0, 3.0, 3.0]}, {"a": [4.0, 4.0]})
    assert joint_energy_distance(pairs, (both, both)) == pytest.approx(0.75)
    # So are the 50 levels that are told apart: both of "rare" are none of them.
    common = [f"level {k}" for k in range(50)] * 3
    pairs = pair_columns({"a": ["rare 1", "rare 1", *common]}, {"a": ["rare 2", "rare 2"]})
    assert joint_energy_distance(pairs, (both, both)) == pytest.approx(0.0)


def test_only_the_rows_that_are_used_are_encoded():
    n = 20_000
    rng = np.random.default_rng(0)
    frame = {"a": np.array([f"level {k}" for k in rng.integers(0, 60, n)]), "b": rng.random(n)}
    pairs, some = pair_columns(frame, frame), np.arange(100)
    tracemalloc.start()
    joint_energy_distance(pairs, (some, some))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6  # the indicators of all rows would take 16 MB


def test_copies_are_counted():
    train = {"a": [1.0, 2.0, None], "b": ["x", "y", None]}
    synthetic = {"a": [1.0, None, 1.0, 2.0], "b": ["x", None, "y", "x"]}
    real = {"a": [2.0, 5.0], "b": ["y", "y"]}
    assert copied_shares(pair_columns(real, synthetic, train)) == (0.5, 0.5)


# -- the classifier


def areas(real, synthetic, n):
    rows = (np.arange(n), np.arange(n))
    return np.array(c2st(pair_columns(real, synthetic), rows, seed=0))


def test_noise_is_that_of_equal_laws():
    n, rng = 150, np.random.default_rng(0)
    means = [
        areas({"x": rng.standard_normal(n)}, {"x": rng.standard_normal(n)}, n).mean()
        for _ in range(12)
    ]
    noise = c2st_noise(n)
    assert abs(np.mean(means) - 0.5) < 4 * noise / np.sqrt(12)
    # A chi-squared of 11 degrees lies in [0.14, 2.9] times its mean, but twice in a thousand; and
    # the variance in [1/2, 1] times the bound.
    assert 0.07 < np.var(means, ddof=1) / noise**2 < 2.9


def test_holes_give_it_away():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(400)
    # Half of one side is missing, half of the pairs of the rest are in order: 1/2 + 1/4.
    holes = np.where(rng.random(400) < 0.5, np.nan, rng.standard_normal(400))
    assert areas({"x": x}, {"x": holes}, 400).mean() == pytest.approx(0.75, abs=0.06)


def test_infinities_are_allowed():
    x = np.r_[np.random.default_rng(0).standard_normal(100), np.inf, -np.inf]
    assert areas({"x": x}, {"x": -x}, 102).shape == (3,)


def test_many_levels():
    rng = np.random.default_rng(0)
    real = {"s": [f"level {k}" for k in rng.integers(0, 400, size=1200)]}
    other = {"s": [f"level {k}" for k in rng.integers(0, 400, size=1200)]}
    assert abs(areas(real, other, 1200).mean() - 0.5) < 5 * c2st_noise(1200)
    few = {"s": [f"level {k}" for k in rng.integers(0, 20, size=1200)]}
    assert areas(real, few, 1200).mean() > 0.95
