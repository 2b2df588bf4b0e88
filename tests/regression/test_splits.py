"""The questions of symmetric trees: both ways to weigh them beside the plain sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qdist.regression.bins import codes_of, edges_of
from qdist.regression.splits import Asked

SHRINKAGE = 3.0


def error(pull, weight):
    """What a leaf's shrunken mean leaves of the squared error, but for the sum of squares."""
    return -(pull.sum() ** 2) / (weight.sum() + SHRINKAGE)


def plain_gain(asked, leaf, f, b):
    """By how much a question lowers the error: each leaf before and after."""
    gain = 0.0
    for k in range(leaf.max() + 1):
        yes, here = asked.codes[f] > b, leaf == k
        gain += error(asked.pull[here], asked.weight[here])
        for side in (here & yes, here & ~yes):
            gain -= error(asked.pull[side], asked.weight[side])
    return gain


@st.composite
def rows_of_leaves(draw):
    n, features = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    sizes = np.array(draw(st.lists(st.integers(1, 4), min_size=features, max_size=features)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    codes = np.stack([rng.integers(0, size + 1, n) for size in sizes])
    weight = np.ones(n) if draw(st.booleans()) else rng.exponential(size=n) * (rng.random(n) < 0.8)
    leaves = draw(st.sampled_from([1, 2, 4]))
    return Asked(codes, sizes, rng.normal(size=n) * weight, weight), rng.integers(leaves, size=n)


@given(case=rows_of_leaves())
@settings(max_examples=200)
@pytest.mark.parametrize("way", ["_by_cells", "_by_rows"])
def test_gains_are_what_a_question_lowers(way, case):
    asked, leaf = case
    bins = asked.sizes.max() + 1
    found = getattr(asked, way)(leaf, 4, bins, SHRINKAGE)
    there = [(f, b) for f, size in enumerate(asked.sizes) for b in range(size)]
    expected = np.array([plain_gain(asked, leaf, f, b) for f, b in there])
    got = np.array([found[f, b] for f, b in there])
    # Up to a constant: that of no question at all.
    constant = sum(-error(asked.pull[leaf == k], asked.weight[leaf == k]) for k in range(4))
    shift = constant if way == "_by_cells" else 0.0
    np.testing.assert_allclose(got - shift, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", ["even", "uneven"])
def test_both_ways_ask_the_same(weights, monkeypatch):
    """Deep trees on few rows, where either way may be taken at any level."""
    rng = np.random.default_rng(0)
    codes, pull = rng.integers(0, 20, (5, 300)), rng.normal(size=300)
    weight = np.ones(300) if weights == "even" else rng.exponential(size=300)
    asked = Asked(codes, np.full(5, 19), pull * weight, weight)
    found = []
    for cells in (0, 2, 10**9):
        monkeypatch.setattr("qdist.regression.splits._CELLS_A_ROW", cells)
        found.append(asked.questions(8, shrinkage=SHRINKAGE))
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) > 4


def test_the_first_question_by_hand():
    # Residuals -1, -1, 1, 1. "Above 0?" of the second feature: two rows on either side, each
    # gains 2^2 / (2 + 3) = 0.8, 1.6 together. "Above 1?": 1 / (3 + 3) + 1 / (1 + 3) = 0.417. The
    # first feature parts them into sums of 0 and gains nothing.
    codes, pull = np.array([[0, 1, 0, 1], [0, 0, 1, 2]]), np.array([-1.0, -1.0, 1.0, 1.0])
    asked = Asked(codes, np.array([1, 2]), pull, np.ones(4))
    gains = asked._by_rows(np.zeros(4, int), 1, 3, SHRINKAGE)
    np.testing.assert_allclose([gains[0, 0], *gains[1, :2]], [0.0, 1.6, 1 / 6 + 1 / 4])
    assert asked.questions(1, shrinkage=SHRINKAGE) == [(1, 0)]


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_rare_has_an_edge_beside_what_fills_the_bins(sign):
    """99 % of the rows are 0: numbers on either side of it can be told from it."""
    rare = sign * np.linspace(1, 2, 100)
    column = np.concatenate([np.zeros(9900), rare])
    edges = edges_of(column, 64)
    assert len(edges) < 64
    assert len(set(codes_of(np.append(0.0, rare[[0, -1]]), edges))) >= 2
    both = np.concatenate([np.zeros(9900), rare, -rare])
    assert len(set(codes_of(np.array([-1.0, 0.0, 1.0]), edges_of(both, 64)))) == 3


def test_edges_are_never_more_than_bins_allow():
    generator = np.random.default_rng(0)
    for heavy in range(20):
        column = generator.integers(0, 500, 3000).astype(float)
        column[: 100 * heavy] = generator.integers(0, 1 + heavy, 100 * heavy)
        for bins in (4, 64, 254):
            edges = edges_of(column, bins)
            assert len(edges) < bins
            assert (np.diff(edges) > 0).all()
            assert edges[-1] < column.max()
