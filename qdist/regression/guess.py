"""A first guess of a target: boosted trees of two kinds, in shares that unseen rows choose."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Self, final

import numpy as np

from qdist.regression.bins import Floats
from qdist.regression.crossfit import cross_fit
from qdist.regression.leafwise import LeafwiseRecipe, LeafwiseTrees
from qdist.regression.trees import SymmetricTrees, TreeRecipe

__all__ = ["Guess", "GuessRecipe"]

_STEPS: Final = 10  # of the share, from 0 to 1
_NEXT_SEED: Final = 1_000_003  # from one repeat to the next


@final
@dataclass(frozen=True)
class GuessRecipe:
    """How to grow both kinds of trees, and in how many folds rows are guessed."""

    symmetric: TreeRecipe
    leafwise: LeafwiseRecipe
    folds: int = 5


@final
@dataclass(frozen=True)
class Guess:
    """The mean of a target given features.

    Args:
        symmetric: Symmetric trees, already times their share.
        leafwise: Trees that grow leaf by leaf, times theirs; None where they have none.

    Example:
        >>> x = np.arange(40.0)[:, None]
        >>> recipe = GuessRecipe(TreeRecipe(trees=30), LeafwiseRecipe(trees=30))
        >>> unseen, guess = Guess.cross_fit(x, x[:, 0], seed=0, weight=np.ones(40), recipe=recipe)
        >>> bool(abs(guess.predict(x) - x[:, 0]).mean() < abs(unseen - x[:, 0]).mean())
        True
    """

    symmetric: SymmetricTrees
    leafwise: LeafwiseTrees | None = None

    @classmethod
    def cross_fit(
        cls,
        x: Floats,
        y: Floats,
        *,
        seed: int,
        weight: Floats,
        recipe: GuessRecipe,
        repeats: int = 1,
    ) -> tuple[Floats, Self]:
        """Fit trees, and guess each training row by trees that were fitted without it.

        Symmetric trees depend on the rows that each of them is shown, and a guess on the fold that
        its row is in. Repeated with other seeds, both are means over what was drawn. The leaf-wise
        trees, which see all rows, are grown once, to save time.

        Args:
            x: Features, shape (N, F).
            y: Targets, shape (N,).
            seed: Draws the folds and the rows of each tree.
            weight: What each row counts, shape (N,).
            recipe: How to grow.
            repeats: How often the symmetric trees are grown.

        Returns:
            Guesses of the training rows (N,), and the trees that guess other rows.
        """
        grow = partial(SymmetricTrees.fit, recipe=recipe.symmetric)
        many = [
            cross_fit(x, y, grow=grow, folds=recipe.folds, seed=seed + k, weight=weight)
            for k in range(0, repeats * _NEXT_SEED, _NEXT_SEED)
        ]
        calm = np.mean([unseen for unseen, _ in many], axis=0)
        symmetric = SymmetricTrees.mean([trees for _, trees in many])
        quick, leafwise = cross_fit(
            x,
            y,
            grow=partial(LeafwiseTrees.fit, recipe=recipe.leafwise),
            folds=recipe.folds,
            seed=seed,
            weight=weight,
        )
        shares = np.arange(_STEPS + 1) / _STEPS
        errors = [np.average(abs(y - (1 - s) * calm - s * quick), weights=weight) for s in shares]
        share = float(shares[int(np.argmin(errors))])
        unseen = (1 - share) * calm + share * quick
        return unseen, cls(symmetric.scaled(1 - share), leafwise.scaled(share) if share else None)

    def predict(self, x: Floats) -> Floats:
        """The means (N,) given features (N, F)."""
        total = self.symmetric.predict(x)
        return total if self.leafwise is None else total + self.leafwise.predict(x)
