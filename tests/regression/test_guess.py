"""First guesses: trees of two kinds, in the shares that rows choose which they have not seen."""

from functools import partial

import numpy as np
import pytest

from qdist.regression import Guess, LeafwiseTrees, SymmetricTrees, cross_fit
from qdist.regression.guess import GuessRecipe
from qdist.regression.leafwise import LeafwiseRecipe
from qdist.regression.trees import TreeRecipe

RECIPE = GuessRecipe(TreeRecipe(trees=20, depth=3), LeafwiseRecipe(trees=20), folds=4)
N = 200
# Trees of one leaf say the mean: they have no share.
BLUNT = GuessRecipe(RECIPE.symmetric, LeafwiseRecipe(trees=20, rows_a_leaf=N), folds=4)
GROW = {
    "symmetric": partial(SymmetricTrees.fit, recipe=RECIPE.symmetric),
    "leafwise": partial(LeafwiseTrees.fit, recipe=RECIPE.leafwise),
}


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
    for kind in GROW.values():
        alone, _ = cross_fit(x, y, grow=kind, folds=4, seed=0, weight=np.ones(N))
        assert np.abs(unseen - y).mean() <= np.abs(alone - y).mean() + 1e-12


def test_shares_follow_the_rows():
    _, guess = crossed(*corners())
    assert guess.leafwise is not None
    assert np.abs(guess.leafwise.predict(corners()[0])).max() > 1
    x, y = slope()
    _, guess = Guess.cross_fit(x, y, seed=0, weight=np.ones(N), recipe=BLUNT)
    assert guess.leafwise is None


def test_rows_that_count_nothing_have_no_say_in_the_shares():
    """Targets beyond the guess of symmetric trees, away from the others, are all for the first."""
    x, y = corners()
    x, y, weight = np.vstack([x, x]), np.tile(y, 2), np.repeat([2.0, 0.0], N)

    def guessed(kind):
        return cross_fit(x, y, grow=GROW[kind], folds=4, seed=0, weight=weight)[0]

    y[N:] = (11 * guessed("symmetric") - 10 * guessed("leafwise"))[N:]
    calm, quick = guessed("symmetric"), guessed("leafwise")
    assert np.abs(calm - y)[N:].mean() < 0.95 * np.abs(quick - y)[N:].mean()
    unseen, _ = Guess.cross_fit(x, y, seed=0, weight=weight, recipe=RECIPE)
    np.testing.assert_allclose(unseen, quick, atol=1e-9)


def test_repeats_are_means_of_symmetric_trees_of_other_seeds():
    x, y = slope()
    unseen, guess = Guess.cross_fit(x, y, seed=5, weight=np.ones(N), recipe=BLUNT, repeats=2)
    each = [
        cross_fit(x, y, grow=GROW["symmetric"], folds=4, seed=seed, weight=np.ones(N))
        for seed in (5, 5 + 1_000_003)
    ]
    assert np.abs(each[0][0] - each[1][0]).max() > 1e-3
    np.testing.assert_allclose(unseen, np.mean([one for one, _ in each], 0), rtol=1e-12)
    means = np.mean([trees.predict(x) for _, trees in each], 0)
    np.testing.assert_allclose(guess.predict(x), means, rtol=1e-12)


def test_what_guesses_other_rows_has_the_shares_of_the_unseen():
    x, y = corners()
    unseen, guess = crossed(x, y)
    parts = {
        kind: cross_fit(x, y, grow=grow, folds=4, seed=0, weight=np.ones(N))
        for kind, grow in GROW.items()
    }
    (calm, symmetric), (quick, leafwise) = parts["symmetric"], parts["leafwise"]
    share = float(((unseen - calm) @ (quick - calm)) / ((quick - calm) @ (quick - calm)))
    assert 0.05 < share <= 1
    np.testing.assert_allclose(unseen, (1 - share) * calm + share * quick, atol=1e-9)
    fresh = np.random.default_rng(1).uniform(size=(50, 2))
    wanted = (1 - share) * symmetric.predict(fresh) + share * leafwise.predict(fresh)
    np.testing.assert_allclose(guess.predict(fresh), wanted, atol=1e-9)


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
