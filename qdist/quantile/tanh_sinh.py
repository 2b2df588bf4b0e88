"""Double exponential quadrature from level 0 upwards, for integrands that may blow up at 0."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["Array", "integrate"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_REACH = 6.08  # the outermost nodes lie a share of 1e-300 from the ends
_TINY = np.finfo(np.float64).tiny
_TOLERANCE = 1e-11


def integrate(fn: Callable[[Array], Array], upper: Array, breaks: Array) -> Array:
    """Integral of `fn` from 0 to each of the upper limits.

    Source: "Double Exponential Formulas for Numerical Integration" (Takahasi and Mori, 1974).

    Args:
        fn: From levels of shape (N, *S) to values of that shape, smooth between the breaks; near 0
            it may grow like a power above -1.
        upper: Upper limits in [0, 1], shape S.
        breaks: Increasing levels where `fn` is not smooth, shape (M,).

    Returns:
        Integrals, shape S. The step is halved until two results agree to 1e-11, six times at most.
    """
    edges = [np.zeros_like(upper), *(np.minimum(level, upper) for level in breaks), upper]
    total = np.zeros_like(upper)
    for lower, higher in pairwise(edges):
        total = total + _panel(fn, lower, higher)
    return total


def _panel(fn: Callable[[Array], Array], lower: Array, upper: Array) -> Array:
    result = np.full_like(upper, np.nan)
    for halvings in range(7):
        step = 2.0 ** -(2 + halvings)
        t = np.arange(-_REACH, _REACH + step, step).reshape(-1, *[1] * upper.ndim)
        share = np.exp(-np.logaddexp(0, np.pi * np.sinh(-t)))  # of the panel, accurate near 0
        rest = np.exp(-np.logaddexp(0, np.pi * np.sinh(t)))  # 1 - share, accurate near 0
        weight = step * np.pi * np.cosh(t) * share * rest
        width = upper - lower
        level = np.where(t < 0, lower + width * share, upper - width * rest)
        before = result
        result = width * (weight * fn(np.maximum(level, _TINY))).sum(0)
        if np.all(np.abs(result - before) <= _TOLERANCE * np.abs(result)):
            break
    return result
