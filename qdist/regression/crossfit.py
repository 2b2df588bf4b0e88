"""Predictions of rows that a model has not seen, for training another model on them."""

import numpy as np
from numpy.typing import NDArray

from qdist.regression.trees import SymmetricTrees, TreeRecipe

__all__ = ["cross_fit"]

Floats = NDArray[np.float64]

_NEXT_SEED = 1_000_003  # from one repeat to the next


def cross_fit(
    x: Floats,
    y: Floats,
    *,
    folds: int,
    repeats: int = 1,
    seed: int,
    weight: Floats,
    recipe: TreeRecipe,
) -> tuple[Floats, SymmetricTrees]:
    """Fit trees, and predict each training row by trees that were fitted without it.

    A network that read the predictions of trees for their own training rows would learn to trust
    them too much. Copies of a row may fall into different folds, as they may into training and
    use.

    Trees depend on the rows that each of them is shown, and a guess on the fold that its row is
    in. Repeated with other seeds, both are means over what was drawn.

    Source: "Stacked generalization" (Wolpert, 1992).

    Args:
        x: Features, shape (N, F).
        y: Targets, shape (N,).
        folds: Number of parts, each predicted from the others; fewer where rows are few.
        repeats: How many times all this is done; the means are returned.
        seed: Draws the parts and the rows of each tree.
        weight: What each row counts, shape (N,).
        recipe: How to boost.

    Returns:
        Predictions of the training rows (N,), and the trees fitted to all of them.

    Example:
        >>> x = np.arange(40.0)[:, None]
        >>> y = 2 * x[:, 0]
        >>> recipe = TreeRecipe(trees=50, depth=3)
        >>> seen, trees = cross_fit(x, y, folds=5, seed=0, weight=np.ones(40), recipe=recipe)
        >>> bool(abs(seen - y).mean() > abs(trees.predict(x) - y).mean())
        True
    """
    if repeats > 1:
        each = [
            cross_fit(x, y, folds=folds, seed=seed + _NEXT_SEED * k, weight=weight, recipe=recipe)
            for k in range(repeats)
        ]
        guesses = np.mean([unseen for unseen, _ in each], axis=0)
        return guesses, SymmetricTrees.mean([trees for _, trees in each])
    n = len(y)
    order = np.random.default_rng(seed).permutation(n)
    unseen = np.empty(n)
    parts = np.array_split(order, min(folds, n))
    for k, part in enumerate(parts):
        rest = np.ones(n, bool)
        rest[part] = False
        if not rest.any() or not weight[rest].any():  # a single row: its own mean
            rest[:] = True
        trees = SymmetricTrees.fit(
            x[rest], y[rest], seed=seed + 1 + k, weight=weight[rest], recipe=recipe
        )
        unseen[part] = trees.predict(x[part])
    return unseen, SymmetricTrees.fit(x, y, seed=seed, weight=weight, recipe=recipe)
