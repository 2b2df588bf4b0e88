"""The forest that remembers: against scikit-learn's own trees, by hand, and out of files."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesRegressor

from qdist.errors import FileFormatError
from qdist.regression import ForestMemory
from qdist.regression.memory import MemoryRecipe

RECIPE = MemoryRecipe(trees=7)


def rows(n=150):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3))
    return x, np.round(x[:, 0] + rng.normal(size=n))


def grown(x, y, *, weight=None, grid=None, recipe=RECIPE):
    weight = np.ones(len(y)) if weight is None else weight
    return ForestMemory.fit(x, y, weight=weight, seed=3, grid=grid, recipe=recipe)


@pytest.mark.parametrize("leaf", [1, 5])
def test_the_mean_is_that_of_the_forest(leaf):
    x, y = rows()
    fresh = np.random.default_rng(1).normal(size=(60, 3)) * 2
    memory = grown(x, y, grid=np.unique(y), recipe=MemoryRecipe(7, leaf))
    # The same features as the memory gives its forest, in [-1, 1] and float32.
    low, high = x.min(0), x.max(0)

    def scaled(x):
        return ((x - (low + high) / 2) / ((high - low) / 2)).clip(-1, 1)

    forest = ExtraTreesRegressor(7, min_samples_leaf=leaf, random_state=3).fit(scaled(x), y)
    # Shares are kept in float32: seven digits.
    np.testing.assert_allclose(
        memory.law(fresh, levels=None).mean, forest.predict(scaled(fresh)), rtol=0, atol=1e-5
    )


def test_rows_that_were_met_are_remembered():
    x, y = rows()
    mass = grown(x, y, grid=np.unique(y)).masses(x)
    assert np.allclose(mass.sum(1), 1)
    # Every tree grows until each row is by itself, so each remembers the row's own target.
    assert np.array_equal(np.unique(y)[mass.argmax(1)], y)
    assert mass.max(1).min() == pytest.approx(1)


def test_a_leaf_by_hand():
    # No feature tells the rows apart: one leaf of weights 1, 1 and 2.
    memory = grown(np.zeros((3, 1)), np.array([4.0, 4.0, 7.0]), weight=np.array([1.0, 1.0, 2.0]))
    np.testing.assert_allclose(memory.masses(np.array([[9.0]])), [[0.5, 0.5]])
    assert memory.grid.tolist() == [4.0, 7.0]


def test_knots_are_quantiles_and_tails_have_the_right_mean():
    x = np.zeros((1000, 1))
    y = np.random.default_rng(0).exponential(size=1000)
    memory = grown(x, y, recipe=MemoryRecipe(1))
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    law = memory.law(x[:2], levels=levels)
    # 256 grid values stand for 1,000: levels may be off by two grid steps, 2 / 256.
    ranks = [(y <= v).mean() for v in law.values[0].tolist()]
    np.testing.assert_allclose(ranks, levels, atol=2 / 256)
    grid, share = memory.grid, memory.masses(x[:1])[0]
    top = float(law.values[0, -1])
    assert float(law.tails[1][0]) == pytest.approx((share * (grid - top).clip(0)).sum() / 0.1)


def test_missing_counts_as_smaller_than_all():
    x = np.array([[np.nan], [0.0], [1.0], [2.0]] * 5)
    y = np.array([9.0, 1.0, 2.0, 3.0] * 5)
    mean = grown(x, y).law(np.array([[np.nan], [-1e300], [1e300]]), levels=None).mean
    # Far out counts as at the end of the range of training.
    np.testing.assert_allclose(mean, [9.0, 1.0, 3.0], atol=1e-5)


def test_without_features_all_rows_share_a_leaf():
    law = grown(np.zeros((4, 0)), np.array([1.0, 2.0, 3.0, 4.0])).law(
        np.zeros((2, 0)), levels=None
    )
    np.testing.assert_allclose(law.mean, [2.5, 2.5], atol=1e-6)


def test_a_file_gives_the_same_forest():
    x, y = rows()
    memory = grown(x, y)
    again = ForestMemory.from_tensors(memory.tensors(), features=3)
    assert np.array_equal(again.masses(x[:40] + 0.1), memory.masses(x[:40] + 0.1))


SPOIL = {
    "a loop": lambda t: t["right"].__setitem__(0, 0),
    "a way back": lambda t: t["right"].__setitem__(4, 1),
    "a feature too many": lambda t: t["feature"].__setitem__(0, 3),
    "a value too many": lambda t: t["code"].__setitem__(0, 255),
    "no tensor": lambda t: t.pop("root"),
    "a root beyond": lambda t: t["root"].__setitem__(0, 10**6),
    "a threshold of nothing": lambda t: t["threshold"].__setitem__(0, float("nan")),
    "other digits": lambda t: t.update(grid=t["grid"].float()),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_forests_that_are_none_are_refused(spoil):
    x, y = rows()
    tensors = {name: tensor.clone() for name, tensor in grown(x, y).tensors().items()}
    spoil(tensors)
    with pytest.raises(FileFormatError, match="Expected the tensors of a forest"):
        ForestMemory.from_tensors(tensors, features=3)


def test_the_grid_is_that_of_the_weighted_targets():
    """Of 3,000 targets all but the last 300 weigh next to nothing: the grid is where those are."""
    y = np.arange(3000.0)
    weight = np.where(y < 2700, 1e-9, 1.0)
    memory = ForestMemory.fit(y[:, None], y, weight=weight, seed=0, grid=None)
    assert (memory.grid >= 2700).mean() > 0.99


def test_without_weights_the_grid_has_the_quantiles_of_the_targets():
    y = np.random.default_rng(0).normal(size=1001)
    memory = ForestMemory.fit(y[:, None], y, weight=np.ones(1001), seed=0, grid=None)
    at = (np.arange(256) + 0.5) / 256
    np.testing.assert_array_equal(memory.grid, np.quantile(y, at, method="inverted_cdf"))
