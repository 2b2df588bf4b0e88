"""Scores of forecasts that are intervals."""

import numpy as np

from qdist.errors import InputError
from qdist.scores.edge import ArrayLike, Floats, floats, together

__all__ = ["coverage", "interval_score", "interval_width"]


def coverage(y: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """The share of observations within [lower, upper], both ends included.

    Args:
        y: Observations, shape (...).
        lower: Lower ends, broadcastable.
        upper: Upper ends, broadcastable.

    Returns:
        A share in [0, 1], to be compared with the nominal one. At atoms it is larger by right.

    Raises:
        InputError: If something is NaN, or an upper end lies below its lower one.

    Example:
        >>> coverage([0.0, 1.0, 2.0, 3.0], 1.0, 2.5)
        0.5
    """
    at, low, high = _intervals(lower, upper, observations=floats(y, "observations"))
    return float(((low <= at) & (at <= high)).mean())


def interval_width(lower: ArrayLike, upper: ArrayLike) -> float:
    """The mean width of intervals.

    Raises:
        InputError: If something is NaN, or an upper end lies below its lower one.

    Example:
        >>> interval_width([0.0, 1.0], [2.0, 5.0])
        3.0
    """
    low, high = _intervals(lower, upper)
    return float((high - low).mean())


def interval_score(y: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, nominal: float) -> Floats:
    r"""The interval score: width, plus a fine of $2 / \alpha$ times the distance to a miss.

    With $\alpha = 1 - $ `nominal` it is $2 / \alpha$ times the sum of the pinball losses of the
    two ends at the levels $\alpha / 2$ and $1 - \alpha / 2$.

    Args:
        y: Observations, shape (...).
        lower: Lower ends of central intervals, broadcastable.
        upper: Upper ends, broadcastable.
        nominal: The coverage that the intervals aim at, in (0, 1).

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If something is NaN, an upper end lies below its lower one, or `nominal` is
            not in (0, 1).

    References:
        Strictly Proper Scoring Rules, Prediction, and Estimation (Gneiting and Raftery, 2007),
        equation 43. <https://doi.org/10.1198/016214506000001437>

    Example:
        >>> interval_score([0.5, 3.0], 0.0, 1.0, nominal=0.5)  # 1, and 1 + (2 / 0.5) * 2
        array([1., 9.])
    """
    if not 0 < nominal < 1:
        raise InputError(f"Expected a nominal coverage in (0, 1); got {nominal}.")
    at, low, high = _intervals(lower, upper, observations=floats(y, "observations"))
    miss = np.maximum(low - at, 0) + np.maximum(at - high, 0)
    return np.asarray(high - low + 2 / (1 - nominal) * miss)[()]


def _intervals(lower: ArrayLike, upper: ArrayLike, **parts: Floats) -> list[Floats]:
    """Other parts, lower and upper ends, of one shape."""
    low, high = floats(lower, "lower ends"), floats(upper, "upper ends")
    found = together(**parts, lower=low, upper=high)
    swapped = int((found[-1] < found[-2]).sum())
    if swapped:
        raise InputError(
            f"Expected upper ends at or above the lower ones; got {swapped} of {found[-1].size} "
            "below. Sort the two."
        )
    return found
