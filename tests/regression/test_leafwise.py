"""Trees that grow leaf by leaf: against scikit-learn's own answers, by hand, and out of files."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from qdist.errors import FileFormatError
from qdist.regression import LeafwiseTrees
from qdist.regression.bins import codes_of, edges_of
from qdist.regression.leafwise import LeafwiseRecipe

RECIPE = LeafwiseRecipe(trees=12)


def rows(n=400, gaps=True):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4))
    x[:, 2] = rng.integers(0, 3, n)
    x[:, 3] = 7.0  # a constant
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=n)
    if gaps:
        x[::9, 1] = np.nan
    return x, y


def grown(x, y, *, weight=None, recipe=RECIPE, seed=0):
    weight = np.ones(len(y)) if weight is None else weight
    return LeafwiseTrees.fit(x, y, seed=seed, weight=weight, recipe=recipe)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [20, 400, 3000])
def test_they_answer_as_scikit_learn_does(n, weighted):
    x, y = rows(n)
    weight = np.random.default_rng(1).uniform(0.5, 2, n) if weighted else np.ones(n)
    edges = [edges_of(column, 254) for column in x.T[:3]]

    def coded(x):
        return np.stack([codes_of(c, e) for c, e in zip(x.T[:3], edges, strict=True)], 1)

    theirs = HistGradientBoostingRegressor(
        max_iter=12, learning_rate=0.2, max_leaf_nodes=15, min_samples_leaf=5,
        early_stopping=False,
    ).fit(coded(x), y, sample_weight=weight)  # fmt: skip
    fresh = np.concatenate([x, 3 * x, np.full((1, 4), np.nan), np.full((1, 4), 1e300)])
    found = grown(x, y, weight=weight).predict(fresh)
    # Theirs are grown on y itself; gradients in single precision differ by a rounding.
    np.testing.assert_allclose(found, theirs.predict(coded(fresh)), rtol=0, atol=1e-5)


def test_a_tree_by_hand():
    # Is a > 1 (the left side is leaf 0)? Then: is b > 0 (the left side is leaf 1)?
    first, second, never = 0b110, 0b101, 2**15 - 1
    high = never - 0b111  # of bits without a leaf nothing is said
    arrays = {
        "feature": np.array([[0, 1] + [0] * 12, [0] * 14], np.int32),
        "cut": np.zeros((2, 14), np.uint8),
        "keep": np.array([[high + first, high + second] + [never] * 12, [never] * 14], np.int32),
        "value": np.array([[1.0, 10.0, 100.0] + [0.0] * 12, [0.25] + [7.0] * 14]),
        "edges": np.array([1.0, 0.0]),
        "first": np.array([0, 1, 2]),
        "start": np.array(0.25),  # and the second tree, which asks nothing, adds as much
    }
    asked = np.array([[0, 0], [0, 9], [1, 9], [2, 0], [2, 0.1], [np.nan, 1], [2, np.nan]])
    wanted = [1.5, 1.5, 1.5, 10.5, 100.5, 1.5, 10.5]  # on a threshold is not above it
    np.testing.assert_array_equal(LeafwiseTrees(arrays).predict(asked), wanted)


def test_the_unit_of_the_target_does_not_matter():
    x, y = rows()
    plain = grown(x, y).predict(x)
    for unit, shift in ((1e-9, 0.0), (1e150, 0.0), (1.0, 1e6)):
        found = grown(x, unit * y + shift).predict(x)
        np.testing.assert_allclose((found - shift) / unit, plain, rtol=0, atol=1e-4)


def test_the_same_seed_gives_the_same_trees():
    x, y = rows()
    once, again = grown(x, y).tensors(), grown(x, y).tensors()
    assert all(torch.equal(once[name], again[name]) for name in once)


@pytest.mark.parametrize("x", [np.zeros((30, 2)), np.full((30, 1), np.nan), np.zeros((30, 0))])
def test_where_there_is_nothing_to_ask_the_mean_is_the_answer(x):
    y = np.arange(30.0)
    assert grown(x, y).predict(x[:3]).tolist() == [14.5] * 3


def test_of_equal_targets_nothing_is_learnt():
    x, _ = rows()
    assert grown(x, np.full(len(x), 2.5)).predict(x[:3]).tolist() == [2.5] * 3


def test_a_factor_scales_what_they_say():
    x, y = rows()
    trees = grown(x, y)
    np.testing.assert_allclose(trees.scaled(0.25).predict(x), 0.25 * trees.predict(x), rtol=1e-12)


class TestTensors:
    def test_they_come_back(self):
        x, y = rows()
        trees = grown(x, y)
        again = LeafwiseTrees.from_tensors(trees.tensors(), features=4)
        assert np.array_equal(again.predict(x), trees.predict(x))

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("feature", lambda w: w + 4),
            ("feature", lambda w: w - 1),
            ("feature", lambda w: w.long()),
            ("cut", lambda w: w[:, :-1]),
            ("keep", lambda w: w + 2**15),
            ("keep", lambda w: w - 2**15),
            ("value", lambda w: w[:-1]),
            ("value", lambda w: w * torch.nan),
            ("value", lambda w: w[0]),
            ("keep", lambda w: w * 0),
            ("keep", lambda w: w & (2**14 - 1)),  # of a tree of 15 leaves, not the last
            ("edges", lambda w: w[:-1]),
            ("edges", lambda w: w.flip(0)),
            ("edges", lambda w: w + torch.inf),
            ("first", lambda w: w.flip(0)),
            ("first", lambda w: w[:-1]),
            ("start", lambda w: w[None]),
        ],
    )
    def test_others_are_refused(self, name, change):
        tensors = grown(*rows()).tensors()
        tensors[name] = change(tensors[name])
        with pytest.raises(FileFormatError, match="leaf-wise trees"):
            LeafwiseTrees.from_tensors(tensors, features=4)

    @pytest.mark.parametrize(("keep", "whole"), [(2**15 - 2, True), (2**15 - 3, False)])
    def test_a_tree_of_two_leaves_keeps_the_second(self, keep, whole):
        tensors = {
            "feature": torch.zeros(1, 14, dtype=torch.int32),
            "cut": torch.zeros(1, 14, dtype=torch.uint8),
            "keep": torch.tensor([[keep, *[2**15 - 1] * 13]], dtype=torch.int32),
            "value": torch.tensor([[1.0, 2.0, *[0.0] * 13]], dtype=torch.float64),
            "edges": torch.tensor([0.5], dtype=torch.float64),
            "first": torch.tensor([0, 1]),
            "start": torch.tensor(0.0, dtype=torch.float64),
        }
        if not whole:
            with pytest.raises(FileFormatError, match="leaf-wise trees"):
                LeafwiseTrees.from_tensors(tensors, features=1)
            return
        trees = LeafwiseTrees.from_tensors(tensors, features=1)
        assert trees.predict(np.array([[0.0], [1.0]])).tolist() == [1.0, 2.0]

    def test_thresholds_may_be_equal_and_fall_from_one_feature_to_the_next(self):
        unit = np.spacing(9.0)  # halves of it are rounded to the even neighbour
        column = np.array([9.0 + unit, 9.0 + 2 * unit, 9.0 + 3 * unit, 10.0])
        x = np.stack([column, [1.0, 2.0, 3.0, 4.0]], 1).repeat(5, 0)
        tensors = grown(x, x[:, 1]).tensors()
        gaps = tensors["edges"].diff()
        assert bool((gaps == 0).any())
        assert bool((gaps < 0).any())
        LeafwiseTrees.from_tensors(tensors, features=2)

    def test_questions_about_no_features(self):
        with pytest.raises(FileFormatError, match="leaf-wise trees"):
            LeafwiseTrees.from_tensors(
                {
                    **(whole := grown(*rows()).tensors()),
                    "feature": torch.zeros_like(whole["feature"]),
                    "edges": torch.zeros(0, dtype=torch.float64),
                    "first": torch.zeros(1, dtype=torch.int64),
                },
                features=0,
            )

    @pytest.mark.parametrize("change", [lambda t: t.pop("cut"), lambda t: t.update(more=t["cut"])])
    def test_one_too_many_or_too_few(self, change):
        tensors = grown(*rows()).tensors()
        change(tensors)
        with pytest.raises(FileFormatError, match="leaf-wise trees"):
            LeafwiseTrees.from_tensors(tensors, features=4)
