r"""The inner integral of the quantile divergence.

For a level $\tau$ and a value $b = \bar Q(\tau)$ with $s = F_P(b)$,

$$\int_{Q_P(\tau)}^{b} (F_P(x) - \tau)\,dx = \int_\tau^s (b - Q_P(v))\,dv,$$

both sides being the area between the curve of $P$, the level and the value. The right side is
taken: over levels, $Q_P$ is smooth on panels chosen once for all, even where $F_P$ is as steep as
$x^{0.01}$, and all of its terms have one sign, so that nothing cancels when the two laws are
nearly equal.
"""

import numpy as np
import numpy.typing as npt

from qdist.divergences.axis import edges, place_of, quantile_of, weight
from qdist.divergences.laws import Law
from qdist.divergences.quadrature import RTOL, Array, rule

__all__ = ["Region"]

IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

# Values that agree to this many units of rounding are equal.
_SAME = 64 * float(np.finfo(np.float64).eps)


class Region:
    """Integrals of `|b - Q_P(v)|` over levels between a given one and `F_P(b)`.

    Args:
        law: The law P.
    """

    def __init__(self, law: Law) -> None:
        self._quantile, self._place = quantile_of(law), place_of(law)
        self._edges = self._panels(edges(law))
        left, right = self._edges[:-1], self._edges[1:]
        nodes, kronrod, _ = rule()
        half = (right - left)[:, None] / 2
        z = (right + left)[:, None] / 2 + half * nodes
        w = half * kronrod * weight(z)
        values = self._quantile(z.ravel()).reshape(z.shape)
        # From inside the panel: at a jump, the value on the other side is not of this panel.
        self._low = np.minimum(values[:, 0], values[:, -1])
        self._high = np.maximum(values[:, 0], values[:, -1])
        self._mass = w.sum(1)
        self._above_low = (w * (values - self._low[:, None])).sum(1)
        self._below_high = (w * (self._high[:, None] - values)).sum(1)

    def _panels(self, points: Array) -> Array:
        """Halves panels until the integral of Q_P over each is right by its own size."""
        nodes, kronrod, gauss = rule()
        kept = [points[[0, -1]]]
        left, right = points[:-1], points[1:]
        for _ in range(40):
            half, middle = (right - left) / 2, (right + left) / 2
            z = middle[:, None] + half[:, None] * nodes
            y = self._quantile(z.ravel()).reshape(z.shape)
            # Values near a large location, such as the end of a support, are rounded by so much.
            grain = _SAME * np.abs(y).max(1) * (weight(z) @ kronrod)
            y = (y - y[:, :1]) * weight(z)
            error, size = np.abs(y @ (kronrod - gauss)), np.abs(y) @ kronrod
            rough = (error > RTOL * size) & (error > grain) & (middle > left) & (middle < right)
            kept += [left, right]
            if not rough.any() or sum(part.size for part in kept) > 20_000:
                break
            left, right, middle = left[rough], right[rough], middle[rough]
            left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        return np.unique(np.concatenate(kept))

    def __call__(self, z: Array, b: Array) -> Array:
        """The inner integral at each level.

        Args:
            z: Levels as places on the axis, shape (N,).
            b: Values of the other quantile function there, shape (N,).

        Returns:
            Non-negative areas, shape (N,).
        """
        at = self._quantile(z)
        same = np.abs(b - at) <= _SAME * np.maximum(np.abs(b), np.abs(at))
        s = np.where(same, z, self._place(b))
        up = s > z
        start, stop = np.minimum(s, z), np.maximum(s, z)
        last = self._mass.size - 1
        first_panel = np.clip(np.searchsorted(self._edges, start, side="right") - 1, 0, last)
        last_panel = np.clip(np.searchsorted(self._edges, stop, side="left") - 1, 0, last)
        one = last_panel <= first_panel
        area = self._partial(start, np.where(one, stop, self._edges[first_panel + 1]), b)
        area += np.where(one, 0.0, self._partial(self._edges[last_panel], stop, b))
        area += self._between(first_panel, last_panel, b, up)
        return np.where(same, 0.0, area)

    def _between(self, first: IntArray, last: IntArray, b: Array, up: BoolArray) -> Array:
        """Sums over the whole panels strictly between two, each shape (N,)."""
        count = self._mass.size
        if count > 512:
            # Many panels come from many atoms, on a bounded support: differences of running sums
            # are accurate enough, and take no N * K operations.
            mean = self._mass * self._low + self._above_low
            mass, total = (np.concatenate([[0.0], np.cumsum(v)]) for v in (self._mass, mean))
            after = np.maximum(last, first + 1)
            gap = b * (mass[after] - mass[first + 1]) - (total[after] - total[first + 1])
            return np.abs(gap)  # type: ignore[no-any-return]
        out = np.empty_like(b)
        k = np.arange(count)
        for rows in np.array_split(np.arange(b.size), b.size * count // 2_000_000 + 1):
            whole = (k > first[rows, None]) & (k < last[rows, None])
            value = b[rows, None]
            below = (value - self._high) * self._mass + self._below_high
            above = (self._low - value) * self._mass + self._above_low
            out[rows] = np.where(whole, np.where(up[rows, None], below, above), 0.0).sum(1)
        return out

    def _partial(self, start: Array, stop: Array, b: Array) -> Array:
        """Integrals over a part of one panel each."""
        nodes, kronrod, _ = rule()
        half = np.maximum(stop - start, 0.0)[:, None] / 2
        z = start[:, None] + half * (1 + nodes)
        gap = np.abs(b[:, None] - self._quantile(z.ravel()).reshape(z.shape))
        area: Array = (half * kronrod * weight(z) * gap).sum(1)
        return area
