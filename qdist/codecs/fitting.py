"""Fits the marginal curve of a numeric column: atoms, runs of other values, tails, bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from qdist.arguments import number
from qdist.codecs.marginal import ATOM, LINEAR, LOWER_TAIL, UPPER_TAIL, MarginalCurve

__all__ = ["Fineness", "find_atoms", "fit_curve"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# The smallest mass of a piece; 16 times the spacing of single precision below 1.
_MIN_MASS: Final = 2.0**-20
# Of a tail, as a share of the rows that are no atoms, and four times that spacing.
_MIN_TAIL: Final = 2.0**-17
_LEAST_TAIL: Final = 2.0**-22
_MIN_GAP: Final = 1e-12
_TINY: Final = 2.0**-960
_MIN_ROWS: Final = 5


@final
@dataclass(frozen=True)
class Fineness:
    """How finely numeric columns are described.

    Args:
        n_bins: The number of continuous bins of a column, in which the model places mass; fewer
            where the rows are few.
        n_knots: The number of linear pieces of the marginal curve.
        atom_share: A value that holds this share of the rows is an atom ...
        atom_count: ... if it holds at least so many rows as well; among few values that suffices.
        max_atoms: At most so many, the most frequent ones.
        max_codes: A column of at most so many distinct values, half of them seen twice, has no
            other values than atoms.
        few_values: A column has few values if it has at most so many distinct ones.
    """

    n_bins: int = 256
    n_knots: int = 256
    atom_share: float = 0.01
    atom_count: int = 10
    max_atoms: int = 256
    max_codes: int = 50
    few_values: int = 128

    def __post_init__(self) -> None:
        for name in ("n_bins", "n_knots", "atom_count"):
            number(name, getattr(self, name), least=1, whole=True)
        for name in ("max_atoms", "max_codes", "few_values"):
            number(name, getattr(self, name), least=0, whole=True)
        number("atom_share", self.atom_share, least=0)


def find_atoms(counts: Counts, n_rows: int, fineness: Fineness) -> NDArray[np.bool_]:
    """Which distinct values are kept exactly, as point masses.

    Args:
        counts: How many rows hold each distinct value, shape (V,).
        n_rows: The number of rows, missing cells included.
        fineness: The thresholds.

    Returns:
        A mask of shape (V,).

    Example:
        >>> import numpy as np
        >>> find_atoms(np.array([900] + [1] * 100), 1000, Fineness()).tolist().count(True)
        1
    """
    # Thirty measurements are not thirty codes: what occurs once says nothing of a next time.
    repeated = 2 * int((counts > 1).sum()) >= len(counts)
    if len(counts) <= fineness.max_codes and repeated:
        return np.ones(len(counts), bool)
    # Among few values each is a thing of its own; among many, all but the largest are a grid.
    few = len(counts) <= fineness.few_values
    threshold = max(0 if few else fineness.atom_share * n_rows, fineness.atom_count)
    atoms = counts >= threshold
    if atoms.sum() > fineness.max_atoms:
        kept = np.argsort(-counts, kind="stable")[: fineness.max_atoms]
        atoms = np.zeros(len(counts), bool)
        atoms[kept] = fineness.max_atoms > 0
    return atoms


class _Piece(NamedTuple):
    left: float
    right: float
    rows: float  # 0 for a piece that no row fell into: it gets the spare mass
    kind: int
    bin: int


def fit_curve(
    z: Floats,
    counts: Counts,
    atoms: NDArray[np.bool_],
    n_missing: int,
    *,
    cell: float = 0.0,
    fineness: Fineness,
    lower: float | None = None,
    upper: float | None = None,
) -> MarginalCurve:
    """Fits the curve.

    Args:
        z: The distinct values in increasing order, shape (V,).
        counts: How many rows hold each, shape (V,).
        atoms: Which of them are atoms, shape (V,).
        n_missing: How many rows hold none.
        cell: The width of a value's cell: 1 where values are indices of a grid, the length that
            a heap takes where the axis is stretched, 0 where there is no grid.
        fineness: Numbers of bins and knots.
        lower: The declared lower bound on the axis of z.
        upper: The declared upper bound.

    Returns:
        The curve. A stretch in which no row fell gets a spare mass of half a row, less where
        such stretches are many, so that the density is finite everywhere within the bounds.
    """
    pieces = _pieces(z, counts, atoms, cell=cell, fineness=fineness, ends=(lower, upper))
    gridded = cell == 1.0
    n_present = int(counts.sum())
    n_rows = n_present + n_missing
    rows = np.array([p.rows for p in pieces])
    n_spare = int((rows == 0).sum())
    tails = np.array([p.kind in (LOWER_TAIL, UPPER_TAIL) for p in pieces])
    # What is missing, or an atom, leaves to the other rows the tails that they have alone.
    least = max(_MIN_TAIL * int(counts[~atoms].sum()) / n_rows, _LEAST_TAIL)
    spare = min(max(0.5 / n_rows, least), 0.02 * n_present / n_rows / max(n_spare, 4))
    mass = np.where(rows == 0, spare, rows / n_rows * (1.0 - spare * n_spare))
    mass = np.maximum(mass, np.where(tails, least, _MIN_MASS))
    missing = n_missing / n_rows
    if n_missing:
        missing = max(missing, _MIN_MASS)
    scale = 1.0 / (missing + mass.sum())
    inner = missing * scale + np.cumsum(mass * scale)
    levels = np.concatenate([[missing * scale], inner]).astype(np.float32).astype(np.float64)
    levels[-1] = 1.0
    return MarginalCurve(
        z=np.array([(p.left, p.right) for p in pieces], np.float64).reshape(-1, 2),
        u=np.stack([levels[:-1], levels[1:]], axis=1),
        kind=np.array([p.kind for p in pieces], np.int64),
        bin=np.array([p.bin for p in pieces], np.int64),
        scales=_tail_scales(z, counts, gridded=gridded),
        gridded=gridded,
        missing=float(levels[0]),
    )


def _tail_scales(z: Floats, counts: Counts, *, gridded: bool) -> Floats:
    """The mean excess beyond the outermost twentieth, at each end."""
    total = counts.sum()
    cumulative = np.cumsum(counts)
    least = max(1.0 if gridded else 0.0, 1e-6 * (z[-1] / 2 - z[0] / 2), _TINY)
    if not gridded:
        least = max(least, 1e-12 * max(abs(z[0]), abs(z[-1])))
    cut_low = z[min(int(np.searchsorted(cumulative, 0.05 * total)), len(z) - 1)]
    cut_high = z[min(int(np.searchsorted(cumulative, 0.95 * total)), len(z) - 1)]
    low, high = z < cut_low, z > cut_high
    scales = []
    for far, cut in ((low, cut_low), (high, cut_high)):
        mean = (
            float((np.abs(z[far] - cut) * counts[far]).sum() / counts[far].sum())
            if far.any()
            else 0.0
        )
        scales.append(max(mean, least))
    return np.array(scales)


def _pieces(
    z: Floats,
    counts: Counts,
    atoms: NDArray[np.bool_],
    *,
    cell: float,
    fineness: Fineness,
    ends: tuple[float | None, float | None],
) -> list[_Piece]:
    half = 0.5 if cell == 1.0 else 0.0
    lower = -np.inf if ends[0] is None else ends[0] - half
    upper = np.inf if ends[1] is None else ends[1] + half
    n_loose = int(counts[~atoms].sum())
    where = np.flatnonzero(atoms)
    cuts = np.concatenate([[-1], where, [len(z)]])
    pieces: list[_Piece] = []
    bin_ = -1
    for k in range(len(cuts) - 1):
        start, stop = int(cuts[k]) + 1, int(cuts[k + 1])
        left = lower if k == 0 else z[cuts[k]] + half
        right = upper if k == len(cuts) - 2 else z[cuts[k + 1]] - half
        run = _run(
            z[start:stop], counts[start:stop], left, right,
            cell=cell, fineness=fineness, n_loose=n_loose,
        )  # fmt: skip
        for piece in run:
            pieces.append(piece._replace(bin=piece.bin + bin_ + 1))
        if run:
            bin_ = pieces[-1].bin
        if k < len(cuts) - 2:
            at = float(z[cuts[k + 1]])
            bin_ += 1
            pieces.append(_Piece(at, at, float(counts[cuts[k + 1]]), ATOM, bin_))
    return pieces


def _run(
    v: Floats,
    counts: Counts,
    left: float,
    right: float,
    *,
    cell: float,
    fineness: Fineness,
    n_loose: int,
) -> list[_Piece]:
    """The pieces between two atoms, or between an atom and an end."""
    if len(v) == 0:
        return _empty(left, right, gridded=cell == 1.0)
    edges, rows, bins = _cut(v, counts, left, right, cell=cell, fineness=fineness, n_loose=n_loose)
    pieces = [
        _Piece(a, b, float(r), LINEAR, int(n))
        for a, b, r, n in zip(edges[:-1], edges[1:], rows, bins, strict=True)
    ]
    first, last = pieces[0], pieces[-1]
    if np.isinf(left):
        pieces.insert(0, _Piece(-np.inf, first.left, 0.0, LOWER_TAIL, first.bin))
    elif _wide(left, first.left):
        pieces.insert(0, _Piece(left, first.left, 0.0, LINEAR, first.bin))
    else:
        pieces[0] = first._replace(left=left)
        last = pieces[-1]
    if np.isinf(right):
        pieces.append(_Piece(last.right, np.inf, 0.0, UPPER_TAIL, last.bin))
    elif _wide(last.right, right):
        pieces.append(_Piece(last.right, right, 0.0, LINEAR, last.bin))
    else:
        pieces[-1] = last._replace(right=right)
    return pieces


def _wide(a: float, b: float) -> bool:
    return b - a > max(_MIN_GAP * max(abs(a), abs(b)), _TINY)


def _empty(left: float, right: float, *, gridded: bool) -> list[_Piece]:
    """A stretch in which no row fell."""
    if np.isinf(left):
        return [_Piece(-np.inf, right, 0.0, LOWER_TAIL, 0)]
    if np.isinf(right):
        return [_Piece(left, np.inf, 0.0, UPPER_TAIL, 0)]
    if gridded and right - left < 0.5:
        return []
    # Two atoms side by side may leave no room for a piece whose slope float64 can hold.
    return [_Piece(left, right, 0.0, LINEAR, 0)] if right - left > _TINY else []


def _cut(
    v: Floats,
    counts: Counts,
    left: float,
    right: float,
    *,
    cell: float,
    fineness: Fineness,
    n_loose: int,
) -> tuple[list[float], list[int], NDArray[np.int64]]:
    """Cuts a run at about equal masses, and around spikes.

    Returns:
        The edges, the rows between them, the bin of each piece.
    """
    cumulative = np.cumsum(counts)
    total = int(cumulative[-1])
    share = total / n_loose
    n_pieces = max(1, min(round(fineness.n_knots * share), total // _MIN_ROWS))
    targets = np.arange(1, n_pieces) / n_pieces * total
    after = np.searchsorted(cumulative, targets)
    before_is_nearer = np.abs(cumulative[np.maximum(after - 1, 0)] - targets) < np.abs(
        cumulative[after] - targets
    )
    cut = np.unique(np.where(before_is_nearer, after, after + 1))
    cut = cut[(cut > 0) & (cut < len(v))]
    middles = v[cut - 1] / 2 + v[cut] / 2
    if cell == 1.0:
        middles = np.floor(middles) + 0.5
        start, stop = v[0] - 0.5, v[-1] + 0.5
    else:
        start, stop = _ends(v, left, right, cell=cell)
    edges = [float(start)]
    for edge in _with_spikes(middles, v[counts >= max(0.5 * total / n_pieces, 10)], cell=cell):
        if _wide(edges[-1], edge) and _wide(edge, stop):
            edges.append(float(edge))
    edges.append(float(stop))
    piece = np.searchsorted(edges[1:-1], v, side="right")
    rows = np.bincount(piece, weights=counts, minlength=len(edges) - 1).astype(np.int64).tolist()
    n_bins = max(1, min(round(fineness.n_bins * share), total // _MIN_ROWS))
    middle = np.cumsum(rows) - np.array(rows) / 2
    numbers = np.floor(middle * n_bins / total).astype(np.int64)
    return edges, rows, np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def _with_spikes(edges: Floats, spikes: Floats, *, cell: float) -> Floats:
    """Edges such that each spike, a value of many rows on a grid, has its cell for itself.

    The spike would else be spread over its neighbours.
    """
    if not cell or not len(spikes):
        return edges
    nearest = spikes[np.argmin(np.abs(edges[:, None] - spikes), axis=1)]
    free = np.abs(edges - nearest) >= 0.5 * cell
    return np.unique(np.concatenate([edges[free], spikes - 0.5 * cell, spikes + 0.5 * cell]))


def _ends(v: Floats, left: float, right: float, *, cell: float) -> tuple[float, float]:
    """Where the mass of a run begins and ends; room is made for a single value."""
    if _wide(v[0], v[-1]):
        return float(v[0]), float(v[-1])
    # On a grid its cell; else a little of its size, or of what lies between it and the next, as
    # the axis may begin at the value.
    apart = [gap for gap in (float(v[0]) - left, right - float(v[-1])) if 0 < gap < np.inf]
    size = max(abs(float(v[0])), min(apart, default=1.0))
    room = max(0.5 * cell if cell else 1e-6 * size, 4 * _TINY)
    start = max(float(v[0]) - room, (left + float(v[0])) / 2)
    stop = min(float(v[-1]) + room, (right + float(v[-1])) / 2)
    return start, stop
