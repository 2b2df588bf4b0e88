"""How far the association of two columns is from that in the other frame."""

import numpy as np
import numpy.typing as npt

from qdist.data.pairs import ColumnPair
from qdist.evaluate.marginals import total_variation

__all__ = ["Cells", "association_distance", "cells_of"]

Cells = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]
"""Real and synthetic codes of a column cut into few cells, and the number of cells."""

N_BINS = 10
N_LEVELS = 50


def cells_of(pair: ColumnPair) -> Cells:
    """Cuts a column into cells for a contingency table.

    Numbers and times are cut at the deciles of the real rows (an atom of a fifth of them is a cell
    of its own), categories into their 50 most
    frequent levels and one cell for the rest; "missing" is a cell of its own.
    """
    if pair.is_category:
        size = len(pair.levels) + 1
        count = np.bincount(pair.real, minlength=size) + np.bincount(
            pair.synthetic, minlength=size
        )
        count[-1] = 0  # "missing" keeps its own cell
        cell = np.full(size, N_LEVELS)
        kept = np.argsort(-count, kind="stable")[:N_LEVELS]
        cell[kept] = np.arange(len(kept))
        cell[-1] = N_LEVELS + 1
        return cell[pair.real], cell[pair.synthetic], N_LEVELS + 2
    known = pair.real[~np.isnan(pair.real)]
    inner = np.linspace(0, 1, N_BINS + 1)[1:-1]
    # Deciles that are data values, each the last value of its cell. A value that is two deciles at
    # once is an atom, and gets a cell of its own.
    deciles = np.quantile(known, inner, method="lower") if len(known) else np.empty(0)
    edges, times = np.unique(deciles, return_counts=True)
    edges = np.union1d(edges, np.nextafter(edges[times > 1], -np.inf))
    size = len(edges) + 2
    codes = []
    for values in (pair.real, pair.synthetic):
        code = np.searchsorted(edges, values, side="left")
        codes.append(np.where(np.isnan(values), size - 1, code))
    return codes[0], codes[1], size


def association_distance(first: ColumnPair, second: ColumnPair, a: Cells, b: Cells) -> float:
    """Half the difference of Pearson's correlations, or the total variation of two tables.

    Correlations where both columns are numbers or times (over the rows that have both cells; a
    correlation with a constant counts as 0), contingency tables in all other cases. The scale is
    the same: 0 for equal associations, 1 at worst.

    Args:
        first: A column.
        second: Another.
        a: Cells of the first, from `cells_of`.
        b: Cells of the second.
    """
    if not first.is_category and not second.is_category:
        real = _correlation(first.real, second.real)
        return abs(real - _correlation(first.synthetic, second.synthetic)) / 2
    size = a[2] * b[2]
    return total_variation(a[0] * b[2] + b[0], a[1] * b[2] + b[1], size)


def _centred(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The deviations from the mean, scaled to at most 1, as squares of 1e200 are infinite."""
    greatest = np.abs(x).max()
    x = x / greatest if greatest > 0 else x
    x = x - x.mean()
    greatest = np.abs(x).max()
    return x / greatest if greatest > 0 else x


def _correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 2:
        return 0.0
    x, y = _centred(x[both]), _centred(y[both])
    scale = np.sqrt((x * x).sum()) * np.sqrt((y * y).sum())
    return float(np.clip((x * y).sum() / scale, -1, 1)) if scale > 0 else 0.0
