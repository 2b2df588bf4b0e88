"""Predictions of rows that a model has not seen, for training another model on them."""

from typing import Protocol, TypeVar

import numpy as np

from qdist.regression.bins import Floats

__all__ = ["Grow", "Trees", "cross_fit"]


class Trees(Protocol):
    """A sum of trees."""

    def predict(self, x: Floats, /) -> Floats:
        """The means (N,) given features (N, F)."""
        ...


TreesT_co = TypeVar("TreesT_co", bound=Trees, covariant=True)


class Grow(Protocol[TreesT_co]):
    """How a sum of trees is fitted."""

    def __call__(self, x: Floats, y: Floats, /, *, seed: int, weight: Floats) -> TreesT_co:
        """Trees for features (N, F) and targets (N,), the rows weighted."""
        ...


def cross_fit(
    x: Floats,
    y: Floats,
    *,
    grow: Grow[TreesT_co],
    folds: int,
    seed: int,
    weight: Floats,
) -> tuple[Floats, TreesT_co]:
    """Fit trees, and predict each training row by trees that were fitted without it.

    A network that read the predictions of trees for their own training rows would learn to trust
    them too much. Copies of a row may fall into different folds, as they may occur both in
    training and in use.

    Source: "Stacked generalization" (Wolpert, 1992).

    Args:
        x: Features, shape (N, F).
        y: Targets, shape (N,).
        grow: How to fit, such as `SymmetricTrees.fit`.
        folds: Number of parts, each predicted from the others; fewer where rows are few.
        seed: Draws the parts and the rows of each tree.
        weight: What each row counts, shape (N,).

    Returns:
        Predictions of the training rows (N,), and the trees fitted to all of them.

    Example:
        >>> from qdist.regression import SymmetricTrees
        >>> x = np.arange(40.0)[:, None]
        >>> y, ones = 2 * x[:, 0], np.ones(40)
        >>> grow = SymmetricTrees.fit
        >>> seen, trees = cross_fit(x, y, grow=grow, folds=5, seed=0, weight=ones)
        >>> bool(abs(seen - y).mean() > abs(trees.predict(x) - y).mean())
        True
    """
    n = len(y)
    order = np.random.default_rng(seed).permutation(n)
    unseen = np.empty(n)
    parts = np.array_split(order, min(folds, n))
    for k, part in enumerate(parts):
        rest = np.ones(n, bool)
        rest[part] = False
        if not rest.any() or not weight[rest].any():  # a single row: its own mean
            rest[:] = True
        trees = grow(x[rest], y[rest], seed=seed + 1 + k, weight=weight[rest])
        unseen[part] = trees.predict(x[part])
    return unseen, grow(x, y, seed=seed, weight=weight)
