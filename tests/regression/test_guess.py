"""First guesses: trees of two kinds, in the shares that rows choose which they have not seen."""

import numpy as np
import pytest

from qdist.regression import Guess, LeafwiseTrees, SymmetricTrees, cross_fit
from qdist.regression.guess import GuessRecipe
from qdist.regression.leafwise import LeafwiseRecipe
from qdist.regression.trees import TreeRecipe

RECIPE = GuessRecipe(TreeRecipe(trees=20, depth=3), LeafwiseRecipe(trees=20), folds=4)
N = 200


def corners():
    """A target that is 0 but in two small corners, each of its own height."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(N, 2))
    return x, np.where(x.min(1) > 0.7, 9.0, 0.0) - np.where(x.max(1) < 0.3, 5.0, 0.0)


def slope():
    """A straight line with much noise: what sees least of the noise guesses best."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(N, 2))
    return x, x[:, 0] + rng.normal(size=N)


def crossed(x, y, **more):
    return Guess.cross_fit(x, y, weight=np.ones(N), recipe=RECIPE, **{"seed": 0, **more})


@pytest.mark.parametrize("make", [corners, slope])
def test_it_guesses_unseen_rows_no_worse_than_either_kind(make):
    x, y = make()
    unseen, _ = crossed(x, y)
    grow = {
        "symmetric": lambda *a, **k: SymmetricTrees.fit(*a, **k, recipe=RECIPE.symmetric),
        "leafwise": lambda *a, **k: LeafwiseTrees.fit(*a, **k, recipe=RECIPE.leafwise),
    }
    for kind in grow.values():
        alone, _ = cross_fit(x, y, grow=kind, folds=4, seed=0, weight=np.ones(N))
        assert np.abs(unseen - y).mean() <= np.abs(alone - y).mean() + 1e-12


def test_shares_follow_the_rows():
    _, guess = crossed(*corners())
    assert guess.leafwise is not None
    assert np.abs(guess.leafwise.predict(corners()[0])).max() > 1
    blunt = GuessRecipe(RECIPE.symmetric, LeafwiseRecipe(trees=20, rows_a_leaf=N), folds=4)
    x, y = slope()
    _, guess = Guess.cross_fit(x, y, seed=0, weight=np.ones(N), recipe=blunt)
    assert guess.leafwise is None  # trees of one leaf say the mean, and are not kept


def test_a_row_has_no_part_in_its_own_guess():
    x, y = corners()
    weight = np.ones(N)
    weight[7] = 0.0  # it has no say in the share either, which would be one number of all rows
    before, _ = Guess.cross_fit(x, y, seed=0, weight=weight, recipe=RECIPE, repeats=2)
    y = y.copy()
    y[7] += 100.0
    after, _ = Guess.cross_fit(x, y, seed=0, weight=weight, recipe=RECIPE, repeats=2)
    np.testing.assert_allclose(after[7], before[7], rtol=1e-12)


def test_repeats_are_means_of_symmetric_trees_of_other_seeds():
    once, _ = crossed(*slope())
    twice, guess = crossed(*slope(), repeats=2)
    assert np.abs(twice - once).max() > 1e-3
    assert len(guess.symmetric.value) in (0, 40)


def test_parts_are_summed():
    x, _ = corners()
    _, guess = crossed(*corners())
    parts = [guess.symmetric.predict(x), guess.leafwise.predict(x)]
    np.testing.assert_array_equal(guess.predict(x), parts[0] + parts[1])
    alone = Guess(guess.symmetric)
    np.testing.assert_array_equal(alone.predict(x), parts[0])


def test_of_two_rows():
    unseen, guess = Guess.cross_fit(
        np.array([[0.0], [1.0]]), np.array([1.0, 3.0]), seed=0, weight=np.ones(2), recipe=RECIPE
    )
    assert unseen == pytest.approx([3.0, 1.0])  # each from the other
    assert np.isfinite(guess.predict(np.array([[0.5]]))).all()
