r"""A law on the logarithmic level axis.

A level is written $\tau = e^z / 2$ for $z \le 0$ and $1 - \tau = e^{-z} / 2$ for $z > 0$: both
$\tau$ and $1 - \tau$ are carried with full relative accuracy, a power tail of the quantile
function becomes an exponential in $z$, and $d\tau = \tfrac12 e^{-|z|} dz$. The axis is cut at
$|z| =$ `REACH`.
"""

from collections.abc import Callable

import numpy as np

from qdist.divergences.laws import Law
from qdist.divergences.quadrature import Array
from qdist.errors import InputError

__all__ = ["REACH", "edges", "meetings", "place", "place_of", "quantile_of", "weight"]

# exp(-100) is 4e-44. The quantile functions of scipy still hold there (some fail below 1e-90), and
# quantiles are finite down to tail index 1/7.
REACH = 100.0

# Beyond this a quantile function that gives up (NaN) is taken for constant: the mass is 1e-18.
_GIVE_UP = 40.0

Quantiles = Callable[[Array], Array]


def quantile_of(law: Law) -> Quantiles:
    """The quantile function of a law on the logarithmic axis, shape (N,) to shape (N,).

    It raises `InputError` where a quantile is not finite.
    """

    def quantile(z: Array) -> Array:
        u = np.exp(-np.abs(z)) / 2
        out = np.empty_like(z)
        lower = z <= 0
        if lower.any():
            out[lower] = law.ppf(u[lower])
        if not lower.all():
            out[~lower] = law.isf(u[~lower])
        lost = np.isnan(out) & (np.abs(z) > _GIVE_UP)
        if lost.any():
            out[lost] = quantile(np.sign(z[lost]) * _GIVE_UP)
        if not np.isfinite(out).all():
            bad = int(np.argmin(np.isfinite(out)))
            side = "tau" if z[bad] <= 0 else "1 - tau"
            raise InputError(
                f"Expected finite quantiles; got {out[bad]} at {side} = {u[bad]:.2g}. Use laws "
                "of lighter tails, or check the parameters."
            )
        return out

    return quantile


def place_of(law: Law) -> Quantiles:
    """The cdf of a law as places on the logarithmic axis, shape (N,) to shape (N,)."""

    def found(x: Array) -> Array:
        return np.clip(place(law.cdf(x), law.sf(x)), -REACH, REACH)

    return found


def place(below: Array, above: Array) -> Array:
    """Places of levels, given as tau and 1 - tau, each shape (N,)."""
    with np.errstate(divide="ignore"):
        z: Array = np.where(below <= 0.5, np.log(2 * below), -np.log(2 * np.minimum(above, 0.5)))
    return z


def weight(z: Array) -> Array:
    r"""$d\tau / dz$, shape (N,)."""
    return np.exp(-np.abs(z)) / 2


def edges(*laws: Law) -> Array:
    """Where quadrature on the axis starts from: geometric panels and all breakpoints.

    Returns:
        Increasing places from -REACH to REACH, 0 among them, shape (M,).
    """
    side = REACH * 0.6 ** np.arange(12)
    points = [side, -side, np.zeros(1)]
    points += [place(*law.breaks()) for law in laws]
    z = np.unique(np.concatenate(points))
    return z[(z >= -REACH) & (z <= REACH)]


def meetings(one: Law, other: Law) -> Array:
    """Where the curves of two laws meet, beyond the breakpoints of each.

    That is where the quantile functions cross, and where one passes a value at which the other
    has an atom, a gap or a kink. An integrand made of both has a kink there, which an adaptive
    rule can miss when it is small.

    Returns:
        Places inside the axis, in no order, shape (M,).
    """
    points = []
    for first, second in ((one, other), (other, one)):
        z = place(*first.breaks())
        z = z[np.abs(z) < REACH]
        sides = np.concatenate([np.nextafter(z, -REACH), np.nextafter(z, REACH)])
        points.append(place_of(second)(quantile_of(first)(sides)))
    f, g = quantile_of(one), quantile_of(other)
    z = np.linspace(-40, 40, 321)
    above = f(z) > g(z)
    change = np.flatnonzero(above[1:] != above[:-1])
    left, right, start = z[change], z[change + 1], above[change]
    for _ in range(50 if change.size else 0):
        middle = (left + right) / 2
        still = (f(middle) > g(middle)) == start
        left, right = np.where(still, middle, left), np.where(still, right, middle)
    return np.concatenate([*points, right])
