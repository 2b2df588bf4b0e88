"""Features as few codes, for trees: between which thresholds a value lies."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Codes", "Floats", "codes_of", "edges_of"]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def edges_of(column: Floats, bins: int) -> Floats:
    """Thresholds between bins of about equal mass; the lowest float sets off missing values.

    Args:
        column: Values, shape (N,); NaN where missing.
        bins: At most so many.

    Returns:
        Thresholds, increasing; none for a constant.

    Example:
        >>> edges_of(np.array([1.0, 2.0, 4.0]), 8)
        array([1.5, 3. ])
    """
    there = column[~np.isnan(column)]
    distinct = np.unique(there)
    if len(distinct) > bins:
        at = np.quantile(there, np.arange(1, bins) / bins, method="inverted_cdf")
        edges, count = np.unique(at, return_counts=True)
        # Below a value that fills a bin there is an edge too, or smaller values would share its
        # bin.
        full = edges[(count > 1) | (edges == distinct[-1])]
        below = np.searchsorted(distinct, full) - 1
        edges = np.union1d(edges[edges < distinct[-1]], distinct[below[below >= 0]])
    else:
        edges = distinct[1:] / 2 + distinct[:-1] / 2  # the sum may be no float
    missing = len(there) < len(column)
    return np.concatenate([[np.finfo(float).min], edges]) if missing and len(there) else edges


def codes_of(column: Floats, edges: Floats) -> Codes:
    """How many thresholds lie below each value; none below a missing one."""
    return np.searchsorted(edges, np.where(np.isnan(column), -np.inf, column), side="left")
