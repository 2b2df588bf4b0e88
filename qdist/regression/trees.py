r"""Gradient boosting with symmetric trees, for the mean of a target.

In a symmetric (oblivious) tree all nodes of a level ask the same question, so that a tree of
depth D is D questions and a table of $2^D$ values: it is found, kept and asked in a few array
operations.

Source: "CatBoost: unbiased boosting with categorical features" (Prokhorenkova et al., 2018),
https://arxiv.org/abs/1706.09516
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qdist.errors import FileFormatError
from qdist.regression.bins import Codes, Floats, codes_of, edges_of
from qdist.regression.splits import Asked

__all__ = ["SymmetricTrees", "TreeRecipe"]


@final
@dataclass(frozen=True)
class TreeRecipe:
    """How to boost."""

    trees: int = 300
    depth: int = 8
    rate: float = 0.1  # share of a leaf's mean residual that is added
    shrinkage: float = 3.0  # rows of residual 0 that are added to each leaf
    bins: int = 64  # at most, of a feature
    rows: float = 0.8  # share that each tree sees


@final
class SymmetricTrees:
    r"""A sum of symmetric trees, $m(x) = m_0 + \sum_t v_t[\ell_t(x)]$.

    A feature that is missing counts as smaller than all others.

    Args:
        feature: Which feature each level of each tree asks about, shape (T, D).
        threshold: Above which value the answer is yes, shape (T, D), float64.
        value: What each leaf adds, shape (T, 2^D), float64.
        start: The constant $m_0$.

    Example:
        >>> x = np.linspace(0, 1, 200)[:, None]
        >>> trees = SymmetricTrees.fit(x, 3.0 * (x[:, 0] > 0.5), seed=0)
        >>> trees.predict(np.array([[0.2], [0.9]])).round(2)
        array([0., 3.])
    """

    def __init__(
        self, feature: NDArray[np.int64], threshold: Floats, value: Floats, start: float
    ) -> None:
        self.feature, self.threshold, self.value, self.start = feature, threshold, value, start

    @classmethod
    def fit(
        cls,
        x: Floats,
        y: Floats,
        *,
        seed: int,
        weight: Floats | None = None,
        recipe: TreeRecipe | None = None,
    ) -> Self:
        """Boost on squared errors.

        Args:
            x: Features, shape (N, F); NaN where missing.
            y: Targets, shape (N,).
            seed: Draws the rows of each tree.
            weight: What each row counts, shape (N,), not negative.
            recipe: How to boost.

        Returns:
            The fitted trees. They keep thresholds and sums, no rows.
        """
        recipe = recipe or TreeRecipe()
        rng = np.random.default_rng(seed)
        weight = np.ones(len(y)) if weight is None else weight
        edges = [edges_of(column, recipe.bins) for column in x.T]
        ask = [f for f, e in enumerate(edges) if len(e)]  # a constant has no question to ask
        start = float(np.average(y, weights=weight))
        if not ask:
            nothing = np.zeros((0, recipe.depth))
            return cls(nothing.astype(np.int64), nothing, np.zeros((0, 1)), start)
        codes = np.stack([codes_of(x[:, f], edges[f]) for f in ask])
        sizes = np.array([len(edges[f]) for f in ask])
        residual = y - start
        features, cuts, values = [], [], []
        for _ in range(recipe.trees):
            rows = np.flatnonzero(rng.random(len(y)) < recipe.rows)
            if not len(rows):
                rows = np.arange(len(y))
            counted = weight[rows]
            asked = Asked(codes[:, rows], sizes, residual[rows] * counted, counted)
            chosen = asked.questions(recipe.depth, shrinkage=recipe.shrinkage)
            leaf = _leaf([codes[f] > b for f, b in chosen], len(y))
            mean = _leaf_means(leaf[rows], residual[rows], weight[rows], recipe)
            step = recipe.rate * mean
            residual -= step[leaf]
            features.append([ask[f] for f, _ in chosen])
            cuts.append([edges[ask[f]][b] for f, b in chosen])
            values.append(step)
        return cls(np.array(features), np.array(cuts), np.array(values), start)

    @classmethod
    def mean(cls, sums: Sequence[Self]) -> Self:
        """The mean of sums of trees: all their trees, each with a part of its values.

        Example:
            >>> x, y = np.arange(20.0)[:, None], np.arange(20.0)
            >>> two = [SymmetricTrees.fit(x, y, seed=seed) for seed in (0, 1)]
            >>> both = SymmetricTrees.mean(two).predict(x)
            >>> bool(np.allclose(both, (two[0].predict(x) + two[1].predict(x)) / 2))
            True
        """
        grown = [trees for trees in sums if len(trees.value)] or sums[:1]
        return cls(
            np.concatenate([trees.feature for trees in grown]),
            np.concatenate([trees.threshold for trees in grown]),
            np.concatenate([trees.value for trees in grown]) / len(sums),
            float(np.mean([trees.start for trees in sums])),
        )

    def scaled(self, by: float) -> Self:
        """The same sum times a factor; no trees where that is 0."""
        few = slice(None if by else 0)
        value = self.value[few] * by
        return type(self)(self.feature[few], self.threshold[few], value, self.start * by)

    def predict(self, x: Floats) -> Floats:
        """The means (N,) given features (N, F)."""
        total = np.full(len(x), self.start)
        if not self.feature.size:
            return total
        # A value is coded once, by how many of the thresholds of its feature lie below it; codes
        # are short, so that comparing them costs an eighth of comparing the values.
        edges = {f: np.unique(self.threshold[self.feature == f]) for f in np.unique(self.feature)}
        short = np.min_scalar_type(max(map(len, edges.values())))
        codes = {f: codes_of(x[:, f], e).astype(short) for f, e in edges.items()}
        cuts = np.empty(self.feature.shape, short)
        for f, e in edges.items():
            cuts[self.feature == f] = np.searchsorted(e, self.threshold[self.feature == f])
        for feature, cut, value in zip(self.feature, cuts, self.value, strict=True):
            leaf = np.zeros(len(x), np.uint16)
            for f, c in zip(feature, cut, strict=True):
                leaf <<= 1
                leaf |= codes[f] > c
            total += value.take(leaf)
        return total

    def tensors(self) -> dict[str, Tensor]:
        """All there is, as tensors by name."""
        return {
            "feature": torch.from_numpy(self.feature),
            "threshold": torch.from_numpy(self.threshold),
            "value": torch.from_numpy(self.value),
            "start": torch.tensor(self.start, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], *, features: int) -> Self:
        """The trees that `tensors` describes, which must ask about F features.

        Raises:
            FileFormatError: If the tensors are not those of such trees.
        """
        try:
            arrays = {name: tensors[name].numpy() for name in _TENSORS}
            feature, threshold, value = (arrays[n] for n in ("feature", "threshold", "value"))
            count, depth = feature.shape
            whole = (
                len(tensors) == len(_TENSORS)
                and all(arrays[name].dtype == dtype for name, dtype in _TENSORS.items())
                and threshold.shape == (count, depth)
                and depth <= _MOST_DEPTH
                and (value.shape == (count, 2**depth) or not count)
                and arrays["start"].shape == ()
                and bool(((feature >= 0) & (feature < features)).all())
                and all(bool(np.isfinite(a).all()) for a in arrays.values())
            )
        except (KeyError, ValueError, TypeError) as error:
            raise FileFormatError(
                f"Expected the tensors of trees; got others: {error}."
            ) from error
        if not whole:
            raise FileFormatError("Expected the tensors of trees; got some that do not fit.")
        return cls(feature, threshold, value, float(arrays["start"]))


_MOST_DEPTH = 16
_TENSORS = {"feature": np.int64, "threshold": np.float64, "value": np.float64, "start": np.float64}


def _leaf(answers: list[NDArray[np.bool_]], n: int) -> Codes:
    leaf = np.zeros(n, np.intp)
    for answer in answers:
        leaf <<= 1
        leaf += answer
    return leaf


def _leaf_means(leaf: Codes, residual: Floats, weight: Floats, recipe: TreeRecipe) -> Floats:
    g = np.bincount(leaf, residual * weight, minlength=2**recipe.depth)
    c = np.bincount(leaf, weight, minlength=2**recipe.depth)
    return np.asarray(g / (c + recipe.shrinkage))
