r"""A forest that remembers: which training targets share a leaf with a new row.

Each tree grows until its leaves hold targets that are alike. A new row falls into one leaf of each
tree, and the targets there, each tree counting alike, are an estimate of its law. Rows that occur
more than once are remembered exactly, which boosted trees and networks do not do.

The trees come from scikit-learn, but only arrays are kept of them, so that a file needs no pickle.
A leaf holds how often each value of a grid was met in it, and no rows: the grid is that of the
target's values where they are few, else quantiles of the training targets.

Source: "Quantile Regression Forests" (Meinshausen, 2006),
https://jmlr.org/papers/v7/meinshausen06a.html, with the trees of "Extremely randomized trees"
(Geurts, Ernst, Wehenkel, 2006), https://doi.org/10.1007/s10994-006-6226-1
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from qdist.errors import FileFormatError
from qdist.quantile import PiecewiseLinear
from qdist.quantile.steps import stairs

__all__ = ["ForestMemory", "MemoryRecipe"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_GRID: Final = 256  # values, at most, of a target that has many
_MOST_ROWS: Final = 100_000  # that the forest is grown of; drawn where there are more
_LEAVES: Final = 10_000  # of a tree, about, at most
_ROWS: Final = 2048  # whose masses are looked at at once: they fit in the cache


@final
@dataclass(frozen=True)
class MemoryRecipe:
    """How to grow the forest."""

    trees: int = 50
    rows_a_leaf: int = 1  # at least
    features: float = 1.0  # share of the features that a node chooses among


@final
class ForestMemory:
    r"""The law of a target given features, by the training targets of the leaves.

    With $n_{t,g}$ the weight that grid value $g$ has in the leaf of tree t into which a row falls,
    the mass of $g$ is $\frac1T \sum_t n_{t,g} / \sum_{g'} n_{t,g'}$.

    Args:
        arrays: All there is, by name: `centre` and `spread` (Q,) of the features; `feature`,
            `threshold` and `right` (nodes,), the trees one after another, depth first, so that the
            left child of a node follows it; a leaf is its own right child; `root` (T,); `first`
            (leaves + 1,), `code` and `share` (entries,), the grid values of each leaf; and the
            `grid` (G,).

    Example:
        >>> x = np.repeat(np.arange(20.0), 2)[:, None]
        >>> y = x[:, 0] ** 2
        >>> memory = ForestMemory.fit(x, y, weight=np.ones(40), seed=0, grid=None)
        >>> memory.law(np.array([[3.0]]), levels=None).mean
        tensor([9.], dtype=torch.float64)
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._arrays = arrays
        self.grid: Floats = arrays["grid"].astype(np.float64)
        ends = arrays["right"] == np.arange(len(arrays["right"]))
        self._feature = arrays["feature"].astype(np.intp)  # what look-ups want
        # Both children of each node, the left one first; a leaf is its own.
        here = np.arange(len(ends))
        children = np.stack([np.where(ends, here, here + 1), arrays["right"]], axis=1)
        self._child = children.astype(np.intp).ravel()
        self._number = np.where(ends, ends.cumsum() - 1, -1)  # of the leaves
        self._leaves = csr_array(
            (arrays["share"], arrays["code"].astype(np.int32), arrays["first"]),
            shape=(len(arrays["first"]) - 1, len(self.grid)),
        )

    @classmethod
    def fit(
        cls,
        x: Floats,
        y: Floats,
        *,
        weight: Floats,
        seed: int,
        grid: Floats | None,
        recipe: MemoryRecipe | None = None,
    ) -> Self:
        """Grow a forest.

        Args:
            x: Features, shape (N, Q); NaN where missing, which counts as smaller than all others.
            y: Targets, shape (N,).
            weight: What each row counts, shape (N,), not negative.
            seed: Draws the questions.
            grid: The values that the target takes, increasing, if they are few; else None.
            recipe: How to grow.

        Returns:
            The forest. It keeps questions and counts, no rows.
        """
        # Only here: it brings a tenth of a second of imports that only a fit needs.
        from sklearn.ensemble import ExtraTreesRegressor

        recipe = recipe or MemoryRecipe()
        if len(y) > _MOST_ROWS:
            some = np.random.default_rng(seed).choice(len(y), _MOST_ROWS, replace=False)
            x, y, weight = x[some], y[some], weight[some]
        if grid is None:
            grid = np.unique(y)
            if len(grid) > _GRID:
                grid = _weighted_quantiles(y, weight, (np.arange(_GRID) + 0.5) / _GRID)
        there = ~np.isnan(x).all(0)
        low, high = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        low[there], high[there] = np.nanmin(x[:, there], 0), np.nanmax(x[:, there], 0)
        # Halves, lest the range of numbers near the largest be infinite.
        spread = np.maximum(high / 2 - low / 2, np.finfo(np.float64).tiny)
        arrays: dict[str, NDArray[Any]] = {"centre": low / 2 + high / 2, "spread": spread}
        forest = ExtraTreesRegressor(
            recipe.trees,
            min_samples_leaf=max(recipe.rows_a_leaf, len(y) // _LEAVES),
            max_features=recipe.features,
            random_state=seed % 2**32,
        )
        asked = _scaled(x, arrays)
        forest.fit(asked, y, sample_weight=weight)
        code = _nearest(grid, y)
        nodes: dict[str, list[NDArray[Any]]] = {n: [] for n in _NODES}
        roots, leaves, node_count, leaf_count = [], [], 0, 0
        for grower in forest.estimators_:
            tree = grower.tree_
            ends = tree.children_left < 0
            here = np.arange(node_count, node_count + tree.node_count)
            number = np.where(ends, leaf_count + ends.cumsum() - 1, -1)
            nodes["feature"].append(np.where(ends, 0, tree.feature))
            nodes["threshold"].append(np.where(ends, -np.inf, _short(tree.threshold)))
            nodes["right"].append(np.where(ends, here, node_count + tree.children_right))
            met = number[tree.apply(asked)]
            leaves.append(met)
            roots.append(node_count)
            node_count, leaf_count = node_count + tree.node_count, leaf_count + int(ends.sum())
        for name, parts in nodes.items():
            arrays[name] = np.concatenate(parts).astype(_DTYPES[name])
        # So that a leaf of rows of weight 0 alone is not empty.
        mass = np.maximum(weight, 1e-12)
        counts = csr_array(
            (
                np.tile(mass, len(leaves)),
                (np.concatenate(leaves), np.tile(code, len(leaves))),
            ),
            shape=(leaf_count, len(grid)),
        )  # equal places are summed
        counts.sum_duplicates()
        total = np.add.reduceat(counts.data, counts.indptr[:-1])
        share = counts.data / np.repeat(total, np.diff(counts.indptr)) / recipe.trees
        arrays |= {
            "root": np.array(roots, np.int64),
            "first": counts.indptr.astype(np.int32),
            "code": counts.indices.astype(np.uint8),
            "share": share.astype(np.float32),
            "grid": np.asarray(grid, np.float64),
        }
        return cls(arrays)

    def masses(self, x: Floats) -> Floats:
        """The mass of each grid value, shape (N, G), given features (N, Q)."""
        return np.concatenate(list(self._masses(x)))

    def law(self, x: Floats, *, levels: Tensor | None) -> PiecewiseLinear:
        """The law given features.

        Args:
            x: Features, shape (N, Q).
            levels: Levels (K,) strictly inside (0, 1) at which the law is to have its knots, with
                an exponential tail of the right mean on either side; None for a law on the values
                of the grid, each of them twice.

        Returns:
            A law of batch shape (N,), float64.
        """
        values = torch.from_numpy(self.grid)
        if levels is None:
            steps = torch.cat([stairs(_upto(torch.from_numpy(m))) for m in self._masses(x)])
            return PiecewiseLinear(steps, values.repeat_interleave(2), validate_args=False)
        at = levels.double()
        found = [_quantiles(torch.from_numpy(mass), values, at) for mass in self._masses(x)]
        knots, left, right = (torch.cat(parts) for parts in zip(*found, strict=True))
        return PiecewiseLinear(at, knots, tails=(left, right), validate_args=False)

    def _masses(self, x: Floats) -> Iterator[Floats]:
        """The same as `masses`, for so many rows at a time that they fit in the cache."""
        leaf = self._leaf(_scaled(x, self._arrays))
        trees = leaf.shape[1]
        for start in range(0, max(1, len(x)), _ROWS):
            some = leaf[start : start + _ROWS]
            rows = np.arange(len(some) + 1) * trees
            falls = csr_array(
                (np.ones(some.size, np.float32), some.ravel(), rows),
                shape=(len(some), self._leaves.shape[0]),
            )
            yield (falls @ self._leaves).toarray().astype(np.float64)

    def _leaf(self, x: NDArray[np.float32]) -> Whole:
        """Numbers of the leaves (N, T) into which rows (N, Q) fall."""
        n, q = x.shape
        flat = np.ascontiguousarray(x).ravel()
        threshold, root = self._arrays["threshold"], self._arrays["root"]
        found = np.empty((n, len(root)), np.intp)
        # Tree by tree, as one of them fits in the cache.
        for t, first in enumerate(root):
            node, place, active = np.full(n, first, np.intp), np.arange(n) * q, np.arange(n)
            at, step = node, 0
            while len(active):
                yes = flat.take(place + self._feature.take(at)) > threshold.take(at)
                at = 2 * at
                at += yes  # a leaf stays where it is
                at = self._child.take(at)
                step += 1
                if step % 4 == 0:  # rows in a leaf are put aside, but not at each step
                    node[active] = at
                    going = np.flatnonzero(self._number.take(at) < 0)
                    active, at, place = active.take(going), at.take(going), place.take(going)
            found[:, t] = self._number.take(node)
        return found

    def tensors(self) -> dict[str, Tensor]:
        """All there is, as tensors by name."""
        return {name: torch.from_numpy(array) for name, array in self._arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], *, features: int) -> Self:
        """The forest that `tensors` describes, which must ask about Q features.

        Raises:
            FileFormatError: If the tensors are not those of such a forest.
        """
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        try:
            whole = _is_whole(arrays, features)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise FileFormatError(
                f"Expected the tensors of a forest; got others: {error!r}."
            ) from error
        if not whole:
            raise FileFormatError("Expected the tensors of a forest; got some that do not fit.")
        return cls(arrays)


_NODES = ("feature", "threshold", "right")
_DTYPES: dict[str, type[np.generic]] = {
    "centre": np.float64, "spread": np.float64, "feature": np.int32, "threshold": np.float32,
    "right": np.int32, "root": np.int64, "first": np.int32, "code": np.uint8,
    "share": np.float32, "grid": np.float64,
}  # fmt: skip


def _short(threshold: Floats) -> NDArray[np.float32]:
    """Thresholds of the same questions for float32 numbers: the largest float32 not above each."""
    short = threshold.astype(np.float32)
    return np.where(short > threshold, np.nextafter(short, np.float32(-np.inf)), short)


def _upto(mass: Tensor) -> Tensor:
    """Cumulative shares (N, G) of masses."""
    upto = mass.cumsum(-1)
    return upto.div_(upto[:, -1:].clone()).clamp_(max=1.0)


def _quantiles(mass: Tensor, values: Tensor, at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quantiles (N, K) at levels (K,), and the mean reach beyond the first and the last: (N,)."""
    upto = _upto(mass)
    # A share of a float32 rounding must not make a jump be missed.
    index = torch.searchsorted(upto, (at - 1e-6).expand(len(upto), -1).contiguous())
    knots = values[index.clamp_(max=len(values) - 1)]
    # The first knot is at a low level, so that few values lie beyond it; likewise the last.
    low, high = (int(index[:, 0].max()), int(index[:, -1].min())) if len(index) else (0, 0)
    below = (knots[:, :1] - values[:low]).clamp_(min=0).mul_(mass[:, :low]).sum(-1) / at[0]
    above = (values[high:] - knots[:, -1:]).clamp_(min=0).mul_(mass[:, high:]).sum(-1)
    least = 1e-6 * (values[-1] - values[0]) + 1e-9  # a tail has a scale above 0
    return knots, below.clamp_(min=least), (above / (1 - at[-1])).clamp_(min=least)


def _scaled(x: Floats, arrays: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Features in [-1, 1], float32 as the trees want them; -3 where missing."""
    if not x.shape[1]:
        return np.zeros((len(x), 1), np.float32)  # nothing to ask about
    with np.errstate(over="ignore"):  # far out is cut
        z = ((x - arrays["centre"]) / arrays["spread"]).clip(-1, 1)
    return np.where(np.isnan(x), -3.0, z).astype(np.float32)


def _weighted_quantiles(y: Floats, weight: Floats, at: Floats) -> Floats:
    """The distinct quantiles at levels in (0, 1) of targets (N,) of weights (N,)."""
    order = np.argsort(y, kind="stable")
    upto = weight[order].cumsum()
    return np.unique(y[order][np.searchsorted(upto, at * upto[-1])])


def _nearest(grid: Floats, y: Floats) -> Whole:
    """Places (N,) of the grid values nearest to y (N,)."""
    if len(grid) == 1:
        return np.zeros(len(y), np.int64)
    middle = (grid[1:] + grid[:-1]) / 2
    return np.searchsorted(middle, y)


def _is_whole(a: dict[str, NDArray[Any]], features: int) -> bool:
    """Whether arrays are those of a forest: every way down ends in a leaf of theirs."""
    if set(a) != set(_DTYPES) or any(
        a[n].dtype != d or a[n].ndim != 1 for n, d in _DTYPES.items()
    ):
        return False
    nodes, leaves, entries = len(a["feature"]), len(a["first"]) - 1, len(a["code"])
    here = np.arange(nodes)
    ends = a["right"] == here
    inner = ~ends
    return bool(
        len(a["centre"]) == len(a["spread"]) == features
        and all(len(a[name]) == nodes for name in _NODES)
        and len(a["share"]) == entries
        and min(nodes, leaves, entries, len(a["grid"]), len(a["root"])) > 0
        and ((a["root"] >= 0) & (a["root"] < nodes)).all()
        and ((a["feature"] >= 0) & (a["feature"] < max(1, features))).all()
        # Ways lead onwards, so that they end; the last node has none after it.
        and (a["right"][inner] > here[inner] + 1).all()
        and (a["right"] < nodes).all()
        and ends[-1]
        and ends.sum() == leaves
        and a["first"][0] == 0
        and a["first"][-1] == entries
        and (np.diff(a["first"]) > 0).all()
        and (a["code"] < len(a["grid"])).all()
        and (a["share"] >= 0).all()
        and (np.diff(a["grid"]) > 0).all()
        and all(np.isfinite(a[name]).all() for name in ("centre", "share", "grid"))
        and (a["spread"] > 0).all()
        and not np.isnan(a["threshold"]).any()
    )
