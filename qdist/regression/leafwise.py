r"""Gradient boosting with trees that grow leaf by leaf, for the mean of a target.

Of all leaves the one is split whose split lowers the squared error most, so that a tree asks most
where there is most to learn. Symmetric trees, which ask the same everywhere, are the calmer guess;
leaf-wise trees know corners of the data that symmetric ones miss. They come from scikit-learn, but
only arrays are kept of them, so that a file needs no pickle.

A row's leaf is found without walking down. Leaves are bits, from left to right, and each question
says which of them remain: where its answer is yes, those of its left side do not. The lowest bit
that is left is the leaf. What the questions about one feature leave depends on nothing but the
code of its value, so that a tree is one look-up for each feature that it asks about.

Source: "LightGBM: A Highly Efficient Gradient Boosting Decision Tree" (Ke et al., 2017);
"QuickScorer: A Fast Algorithm to Rank Documents with Additive Ensembles of Regression Trees"
(Lucchese et al., 2015), https://doi.org/10.1145/2766462.2767733
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qdist.errors import FileFormatError
from qdist.regression.bins import Codes, Floats, codes_of, edges_of

__all__ = ["LeafwiseRecipe", "LeafwiseTrees"]

_LEAVES: Final = 15  # of a tree, at most: as many bits as a short number has, but one
_ALL: Final = 2**_LEAVES - 1
_BINS: Final = 255  # of a feature, at most, that of the missing included
# The place of the lowest bit of each number; -1 for 0, which no checked tree looks up.
_LOWEST: Final = np.array([(k & -k).bit_length() - 1 for k in range(_ALL + 1)], np.int8)


@final
@dataclass(frozen=True)
class LeafwiseRecipe:
    """How to boost."""

    trees: int = 500
    rate: float = 0.2  # share of a leaf's mean residual that is added
    rows_a_leaf: int = 5  # at least


@final
class LeafwiseTrees:
    r"""A sum of trees of up to 15 leaves, $m(x) = m_0 + \sum_t v_t[\ell_t(x)]$.

    A feature that is missing counts as smaller than all others.

    Args:
        arrays: All there is, by name: `feature`, `cut` and `keep` (T, 14), which feature each
            question asks about, above which code the answer is yes, and the bits that a yes
            leaves (all of them where a tree asks less); `value` (T, 15), what each leaf adds;
            `edges` and `first` (Q + 1,), the thresholds between the codes of each feature, one
            feature after another; and the constant `start`, shape ().

    Example:
        >>> x = np.linspace(0, 1, 200)[:, None]
        >>> y = 2.0 + 3.0 * (x[:, 0] > 0.5)
        >>> trees = LeafwiseTrees.fit(x, y, seed=0, weight=np.ones(200))
        >>> trees.predict(np.array([[0.2], [0.9]])).round(2)
        array([2., 5.])
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    @classmethod
    def fit(
        cls,
        x: Floats,
        y: Floats,
        *,
        seed: int,
        weight: Floats,
        recipe: LeafwiseRecipe | None = None,
    ) -> Self:
        """Boost on squared errors.

        Args:
            x: Features, shape (N, Q); NaN where missing.
            y: Targets, shape (N,).
            seed: Draws the rows by which scikit-learn groups values, where there are very many.
            weight: What each row counts, shape (N,), not negative.
            recipe: How to boost.

        Returns:
            The fitted trees. They keep thresholds and sums, no rows.
        """
        recipe = recipe or LeafwiseRecipe()
        edges = [edges_of(column, _BINS - 1) for column in x.T]
        start = float(np.average(y, weights=weight))
        unit = float(np.abs(y - start).max())
        ask = [f for f, e in enumerate(edges) if len(e)]  # a constant has no question to ask
        trees: list[NDArray[Any]] = []
        if ask and unit and recipe.trees:
            codes = np.stack([codes_of(x[:, f], edges[f]) for f in ask], 1)
            z = (y - start) / unit
            trees = _boosted(codes, z, seed=seed, weight=weight, recipe=recipe)
        feature = np.zeros((len(trees), _LEAVES - 1), np.int32)
        cut, keep = np.zeros_like(feature, np.uint8), np.full_like(feature, _ALL)
        value = np.zeros((len(trees), _LEAVES))
        for t, nodes in enumerate(trees):
            questions, values = _flat(nodes)
            for k, (f, b, kept) in enumerate(questions):
                feature[t, k], cut[t, k], keep[t, k] = ask[f], b, kept
            value[t, : len(values)] = unit * np.array(values)
        return cls(
            {
                "feature": feature,
                "cut": cut,
                "keep": keep,
                "value": value,
                "edges": np.concatenate([*edges, np.zeros(0)]),
                "first": np.cumsum([0, *map(len, edges)], dtype=np.int64),
                "start": np.array(start),
            }
        )

    def scaled(self, by: float) -> Self:
        """The same sum times a factor."""
        a = self._arrays
        return type(self)(a | {"value": a["value"] * by, "start": np.array(a["start"] * by)})

    def predict(self, x: Floats) -> Floats:
        """The means (N,) given features (N, Q)."""
        a, n = self._arrays, len(x)
        first, edges = a["first"], a["edges"]
        asked = {f for tables in self._tables for f in tables}
        codes = {f: codes_of(x[:, f], edges[first[f] : first[f + 1]]) for f in asked}
        total = np.full(n, float(a["start"]))
        left, more, add = np.empty(n, np.int16), np.empty(n, np.int16), np.empty(n)
        for tables, value in zip(self._tables, a["value"], strict=True):
            if not tables:  # a tree of one leaf
                total += value[0]
                continue
            left.fill(_ALL)
            for f, table in tables.items():  # "clip" spares a check: no code is out of range
                left &= table.take(codes[f], out=more, mode="clip")
            total += value.take(_LOWEST.take(left), out=add, mode="clip")
        return total

    def tensors(self) -> dict[str, Tensor]:
        """All there is, as tensors by name."""
        return {name: torch.from_numpy(array) for name, array in self._arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], *, features: int) -> Self:
        """The trees that `tensors` describes, which must ask about Q features.

        Raises:
            FileFormatError: If the tensors are not those of such trees.
        """
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        if not _is_whole(arrays, features):
            raise FileFormatError("Expected the tensors of leaf-wise trees; got others.")
        return cls(arrays)

    @cached_property
    def _tables(self) -> list[dict[int, NDArray[np.int16]]]:
        """For each tree, by the features that it asks about, the bits that each code leaves."""
        trees, codes = [], np.arange(_BINS)
        questions = (self._arrays[name] for name in ("feature", "cut", "keep"))
        for feature, cut, keep in zip(*questions, strict=True):
            kept = np.where(codes > cut[:, None], keep[:, None], _ALL).astype(np.int16)
            tables: dict[int, NDArray[np.int16]] = {}
            for k in np.flatnonzero(keep != _ALL):
                f = int(feature[k])
                tables[f] = tables[f] & kept[k] if f in tables else kept[k]
            trees.append(tables)
        return trees


def _boosted(
    codes: Codes, z: Floats, *, seed: int, weight: Floats, recipe: LeafwiseRecipe
) -> list[NDArray[Any]]:
    """The trees of scikit-learn for targets of mean 0, each an array of nodes, the root first."""
    # Only here: they bring imports that only a fit needs.
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    booster = HistGradientBoostingRegressor(
        max_iter=recipe.trees,
        learning_rate=recipe.rate,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=recipe.rows_a_leaf,
        max_bins=_BINS,
        early_stopping=False,
        random_state=seed % 2**32,
    )
    # With more threads sums are taken in an order that is not always the same.
    with threadpool_limits(1, user_api="openmp"):
        booster.fit(codes, z, sample_weight=weight)
    # There is no public way to the trees; a test sets them beside scikit-learn's own answers.
    return [one.nodes for (one,) in booster._predictors]


def _flat(nodes: NDArray[Any]) -> tuple[list[tuple[int, int, int]], list[float]]:
    """A tree of scikit-learn on codes: its questions (feature, code, what a yes leaves), values.

    Its nodes go left where a code is at most the threshold, which lies between two codes.
    """
    questions: list[tuple[int, int, int]] = []
    values: list[float] = []

    def walk(at: int) -> None:
        node = nodes[at]
        if node["is_leaf"]:
            values.append(float(node["value"]))
            return
        before = len(values)
        walk(node["left"])
        left = 2 ** len(values) - 2**before
        cut = int(np.floor(node["num_threshold"]))
        questions.append((int(node["feature_idx"]), cut, _ALL - left))
        walk(node["right"])

    walk(0)
    return questions, values


_DTYPES: Final[dict[str, type[np.generic]]] = {
    "feature": np.int32, "cut": np.uint8, "keep": np.int32, "value": np.float64,
    "edges": np.float64, "first": np.int64, "start": np.float64,
}  # fmt: skip


def _is_whole(a: dict[str, NDArray[Any]], features: int) -> bool:
    """Whether arrays are those of such trees: every look-up of theirs finds something."""
    if set(a) != set(_DTYPES) or any(a[name].dtype != kind for name, kind in _DTYPES.items()):
        return False
    trees = len(a["value"]) if a["value"].ndim else 0
    asked, first = (trees, _LEAVES - 1), a["first"]
    return bool(
        a["value"].shape == (trees, _LEAVES)
        and all(a[name].shape == asked for name in ("feature", "cut", "keep"))
        and first.shape == (features + 1,)
        and a["edges"].ndim == 1
        and a["start"].shape == ()
        and first[0] == 0
        and first[-1] == len(a["edges"])
        and ((np.diff(first) >= 0) & (np.diff(first) < _BINS)).all()
        and ((a["feature"] >= 0) & (a["feature"] < features)).all()
        and ((a["keep"] >= 0) & (a["keep"] <= _ALL)).all()
        and all(np.isfinite(a[name]).all() for name in ("value", "edges", "start"))
        and _keeps_last(a["keep"])
        and _increases(a["edges"], first)
    )


def _keeps_last(keep: NDArray[Any]) -> bool:
    """Whether each tree is left with a leaf of its own, whatever the answers are.

    The last leaf is on the left side of no question, so that all of them keep its bit, and those
    above it, which are of no leaf. A tree has one leaf more than questions.
    """
    last = _ALL & (-1 << (keep != _ALL).sum(1, keepdims=True))
    return bool(((keep & last) == last).all())


def _increases(edges: Floats, first: NDArray[Any]) -> bool:
    """Whether thresholds never fall from one to the next of the same feature."""
    falls = np.flatnonzero(np.diff(edges) < 0) + 1
    return bool(np.isin(falls, first).all())
