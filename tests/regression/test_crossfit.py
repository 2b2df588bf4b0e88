"""Guesses of rows by trees that have not seen them, and the mean of several sums of trees."""

from functools import partial

import numpy as np
import pytest

from qdist.regression import LeafwiseTrees, SymmetricTrees, cross_fit
from qdist.regression.leafwise import LeafwiseRecipe
from qdist.regression.trees import TreeRecipe

RECIPE = TreeRecipe(trees=20, depth=3)


def data(n=60):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2))
    return x, x[:, 0] + 0.3 * rng.normal(size=n)


GROW = {
    "symmetric": partial(SymmetricTrees.fit, recipe=RECIPE),
    "leafwise": partial(LeafwiseTrees.fit, recipe=LeafwiseRecipe(trees=20)),
}


@pytest.mark.parametrize("kind", GROW)
def test_a_row_has_no_part_in_its_own_guess(kind):
    def crossed(x, y):
        return cross_fit(x, y, grow=GROW[kind], folds=4, seed=0, weight=np.ones(60))

    x, y = data()
    before, _ = crossed(x, y)
    y = y.copy()
    y[7] += 100.0
    after, _ = crossed(x, y)
    assert after[7] == before[7]
    assert np.abs(after - before).max() > 1.0  # those of other folds have seen it


def test_the_mean_of_sums_of_trees_is_the_mean_of_their_predictions():
    x, y = data()
    sums = [SymmetricTrees.fit(x, y, seed=seed, recipe=RECIPE) for seed in range(3)]
    mean = np.mean([trees.predict(x) for trees in sums], 0)
    assert np.ptp([trees.predict(x)[0] for trees in sums]) > 1e-3  # they differ
    np.testing.assert_allclose(SymmetricTrees.mean(sums).predict(x), mean, rtol=1e-12)


def test_the_mean_of_trees_that_ask_nothing():
    x = np.zeros((5, 1))
    sums = [SymmetricTrees.fit(x, np.full(5, float(k)), seed=0, recipe=RECIPE) for k in (1, 4)]
    np.testing.assert_allclose(SymmetricTrees.mean(sums).predict(x), 2.5)
