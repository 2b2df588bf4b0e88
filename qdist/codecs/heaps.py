r"""Heaps: values of a grid that people round further, to hundreds or to half hours.

House values are whole dollars, but nearly all of them are whole hundreds. Let a share $p$ of the
rows lie on the multiples of a stride $s$ of the grid. Each stride of the axis is then stretched
so that the one grid cell of the multiple takes the part $p$ of its length and the other $s - 1$
cells share the rest. The map is monotone and has an inverse, so that every grid value keeps a
level of its own; a curve that is smooth along the stretched axis gives heaps and gaps on the
axis itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Heaps", "find_heaps"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Strides that people round to are products of 2, 3 and 5.
_MAX_STRIDE: Final = 100_000
_MAX_STEPS: Final = 2.0**30  # beyond this, float64 has no room within a cell
_MAX_SHARE: Final = 0.999
_MIN_GAIN: Final = 0.02  # nats a row; chance alone gains some hundredths of that
_MIN_ROWS: Final = 200


@final
@dataclass(frozen=True)
class Heaps:
    """Where the heaps of a grid are, and what share of the rows lies on them.

    Args:
        stride: The distance s of two heaps, in steps of the grid; at least 2.
        offset: The index of one heap.
        share: The share p of the rows on heaps, between 1 / s and 1.

    Example:
        >>> import numpy as np
        >>> heaps = Heaps(stride=10, offset=0, share=0.9)
        >>> heaps.spread(np.array([-0.5, 0.5, 1.5]))  # the heap's cell, and the next
        array([-4.5       ,  4.5       ,  4.61111111])
        >>> heaps.gather(heaps.spread(np.array([0.0, 3.0, 10.0])))
        array([ 0.,  3., 10.])
    """

    stride: int
    offset: int
    share: float

    def spread(self, z: Floats) -> Floats:
        """The place on the stretched axis of each place on the grid's, shape (N,)."""
        start, far = self._stride_of(z)
        half = np.clip(far, -0.5, 0.5) * (self.share * self.stride)
        rest = far - np.clip(far, -0.5, 0.5)
        return start + half + rest * self._rest_slope

    def gather(self, w: Floats) -> Floats:
        """The inverse of `spread`, shape (N,)."""
        start, far = self._stride_of(w)
        edge = 0.5 * self.share * self.stride
        inner = np.clip(far, -edge, edge)
        found: Floats = (
            start + inner / (self.share * self.stride) + (far - inner) / (self._rest_slope)
        )
        return found

    def log_stretch(self, z: Floats) -> Floats:
        """The log of the slope of `spread` in the cell of each grid index, shape (N,)."""
        _, far = self._stride_of(z)
        slope: Floats = np.where(np.abs(far) < 0.5, self.share * self.stride, self._rest_slope)
        return np.log(slope)

    @property
    def _rest_slope(self) -> float:
        return (1.0 - self.share) * self.stride / (self.stride - 1)

    def _stride_of(self, z: Floats) -> tuple[Floats, Floats]:
        """The nearest heap, and the distance from it."""
        finite = np.isfinite(z)
        near = np.where(finite, z, 0.0)
        start = self.offset + self.stride * np.floor((near - self.offset) / self.stride + 0.5)
        # An infinity is a heap of its own.
        return np.where(finite, start, z), np.where(finite, near - start, 0.0)


def find_heaps(z: Floats, counts: Counts, *, zero: int) -> Heaps | None:
    """The stride that makes the rows likeliest, if it does so by much.

    Args:
        z: The distinct grid indices that are no atoms, increasing, shape (V,).
        counts: How many rows hold each, shape (V,).
        zero: The grid index of the value 0; heaps are its multiples.

    Returns:
        The heaps, or `None` where no stride is worth it.

    Example:
        >>> import numpy as np
        >>> z = np.arange(0.0, 3000.0, 10.0)
        >>> find_heaps(z, np.ones(300, int), zero=0)
        Heaps(stride=10, offset=0, share=0.998...)
        >>> find_heaps(np.arange(3000.0), np.ones(3000, int), zero=0) is None
        True
    """
    n = int(counts.sum())
    if n < _MIN_ROWS or np.abs([z[0] - zero, z[-1] - zero]).max() > _MAX_STEPS:
        return None
    index = z.astype(np.int64) - zero
    best, best_gain = None, _MIN_GAIN
    for stride in _strides(min(_MAX_STRIDE, (index[-1] - index[0]) // 10)):
        held = counts[index % stride == 0]
        top = int(held.max(initial=0))  # one value with many rows, at an end say, is no pattern
        share = min((held.sum() - top + 0.5) / (n - top + 1.0), _MAX_SHARE)
        if share * stride <= 1.0:
            continue
        # The log-likelihood ratio, a row, of these cells against even ones.
        gain = share * np.log(share * stride)
        gain += (1.0 - share) * np.log((1.0 - share) * stride / (stride - 1))
        if gain > best_gain:
            share = min((held.sum() + 0.5) / (n + 1.0), _MAX_SHARE)
            best, best_gain = Heaps(stride, zero % stride, float(share)), gain
    return best


def _strides(most: int) -> list[int]:
    found = {2**a * 3**b * 5**c for a in range(17) for b in range(3) for c in range(8)}
    return sorted(s for s in found if 2 <= s <= most)
