"""How far the marginal of one column is from another's."""

import numpy as np
import numpy.typing as npt

from qdist.data.pairs import ColumnPair

__all__ = ["bootstrap_distance", "kolmogorov", "marginal_distance", "total_variation"]


def kolmogorov(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """The Kolmogorov distance of two samples; NaN is a value of its own, below all others.

    Example:
        >>> import numpy as np
        >>> kolmogorov(np.array([1.0, 2.0, np.nan, 3.0]), np.array([1.0, 2.0, 3.0, 3.0]))
        0.25
    """
    a, b = (np.where(np.isnan(x), -np.inf, x) for x in (a, b))
    at = np.unique(np.concatenate([a, b]))
    cdfs = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (a, b)]
    return float(np.abs(cdfs[0] - cdfs[1]).max())


def total_variation(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], size: int) -> float:
    """Half the sum of the absolute differences of the shares of the codes 0 .. size - 1.

    Example:
        >>> import numpy as np
        >>> a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])
        >>> total_variation(a, b, 3)  # (1/4 + 0 + 1/4) / 2
        0.25
    """
    shares = [np.bincount(x, minlength=size) / len(x) for x in (a, b)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def marginal_distance(pair: ColumnPair) -> float:
    """Kolmogorov distance of numbers and times, total variation of the rest."""
    return _distance(pair, pair.synthetic)


def bootstrap_distance(pair: ColumnPair, rows: npt.NDArray[np.int64]) -> float:
    """The same for training rows in place of the synthetic ones, those at the indices `rows`."""
    return _distance(pair, pair.train[rows])


def _distance(pair: ColumnPair, other: npt.NDArray[np.generic]) -> float:
    if pair.is_category:
        return total_variation(pair.real, other.astype(np.int64), len(pair.levels) + 1)
    return kolmogorov(pair.real, other.astype(np.float64))
