"""The four public functions: q, h, W1 and Cramer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qdist.divergences.axis import REACH, edges, meetings, quantile_of, weight
from qdist.divergences.laws import Law, law_of
from qdist.divergences.quadrature import Array, integrate
from qdist.divergences.region import Region
from qdist.divergences.tails import beyond
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction

__all__ = ["cramer", "quantile_divergence", "quantile_entropy", "wasserstein1"]

_SAME = 64 * float(np.finfo(np.float64).eps)

# Anything frozen by scipy.stats; scipy has no types to say so.
ScipyFrozen = Any


def quantile_divergence(
    P: QuantileFunction | ScipyFrozen,
    Q: QuantileFunction | ScipyFrozen | Callable[[Tensor], Tensor],
) -> float:
    r"""The quantile divergence of Q from P, by its definition over levels.

    $$q(P, Q) = \int_0^1 \left[ \int_{Q_P(\tau)}^{\bar Q(\tau)} (F_P(x) - \tau)\,dx \right] d\tau$$

    It is the excess of the expected pinball loss over its minimum, and 0 only if $\bar Q = Q_P$ at
    almost all levels. Where $\bar Q$ is non-decreasing it equals half the
    [`cramer`][qdist.divergences.cramer] distance.

    Args:
        P: The law of the data: a quantile object with batch shape () in float64, or a frozen
            `scipy.stats` law. It must have a cdf.
        Q: The model: another law, or any function of levels $\bar Q$ (float64 tensor of shape (N,)
            to the same), which need not be monotone, such as the `raw` of an `Implicit` object.

    Returns:
        The divergence, non-negative.

    Raises:
        InputError: The integral diverges, an argument is not a single law in float64, or the
            function gives values of another shape or dtype than its levels.

    References:
        Autoregressive Quantile Networks for Generative Modeling (Ostrovski, Dabney and Munos,
        2018), section 3. <https://arxiv.org/abs/1806.05575>

    Examples:
        >>> from scipy import stats
        >>> from qdist.divergences import quantile_divergence
        >>> # (x - x/2)^2 on [0, 1] and (1 - x/2)^2 on [1, 2] integrate to 1/12 each; half of 1/6
        >>> round(quantile_divergence(stats.uniform(0, 1), stats.uniform(0, 2)), 9)
        0.083333333
    """
    p = law_of(P)
    if callable(Q) and not isinstance(Q, QuantileFunction):
        model, start = _levels_to_places(Q), edges(p)
    else:
        q = law_of(Q)
        model, start = quantile_of(q), _together(p, q)
    region = Region(p)

    def integrand(z: Array) -> Array:
        return region(z, model(z)) * weight(z)

    return _over_axis(integrand, start, what="The quantile divergence")


def quantile_entropy(P: QuantileFunction | ScipyFrozen) -> float:
    r"""The part of the expected pinball loss that no model can remove.

    $$h(P) = \int_0^1 E\,\rho_\tau(X - Q_P(\tau))\,d\tau = \tfrac12 \int_0^{1/2}
    (Q_P(1 - u) - Q_P(u))(1 - 2u)\,du = \tfrac14 E|X - X'|$$

    Args:
        P: A quantile object with batch shape () in float64, or a frozen `scipy.stats` law.

    Returns:
        The entropy, non-negative; 0 for a point mass.

    Raises:
        InputError: $E|X|$ is infinite, or the argument is not a single law in float64.

    Examples:
        >>> from scipy import stats
        >>> from qdist.divergences import quantile_entropy
        >>> round(quantile_entropy(stats.uniform(0, 1)), 9)  # E|X - X'| = 1/3
        0.083333333
    """
    p = law_of(P)
    quantile = quantile_of(p)

    def integrand(z: Array) -> Array:
        # Both tails at once, on the lower half of the axis.
        return (quantile(-z) - quantile(z)) / 2 * -np.expm1(z) * weight(z)

    both = edges(p)
    start = np.unique(-np.abs(both))
    return _over_axis(integrand, start, what="E|X| is infinite: the quantile entropy")


def wasserstein1(P: QuantileFunction | ScipyFrozen, Q: QuantileFunction | ScipyFrozen) -> float:
    r"""The 1-Wasserstein distance, $W_1(P, Q) = \int_0^1 |Q_P(\tau) - Q_Q(\tau)|\,d\tau$.

    Args:
        P: A quantile object with batch shape () in float64, or a frozen `scipy.stats` law.
        Q: Another.

    Returns:
        The distance, non-negative.

    Raises:
        InputError: The integral diverges, or an argument is not a single law in float64.

    Examples:
        >>> from scipy import stats
        >>> from qdist.divergences import wasserstein1
        >>> round(wasserstein1(stats.uniform(0, 1), stats.uniform(0, 2)), 9)  # mean of u
        0.5
    """
    p, q = law_of(P), law_of(Q)
    one, other = quantile_of(p), quantile_of(q)

    def integrand(z: Array) -> Array:
        a, b = one(z), other(z)
        gap = np.abs(a - b)
        # Far out, two laws of one shape differ by less than their quantiles are rounded by.
        return np.where(gap <= _SAME * np.maximum(np.abs(a), np.abs(b)), 0.0, gap) * weight(z)

    return _over_axis(integrand, _together(p, q), what="The 1-Wasserstein distance")


def cramer(P: QuantileFunction | ScipyFrozen, Q: QuantileFunction | ScipyFrozen) -> float:
    r"""The Cramer distance $\int (F_P(x) - F_Q(x))^2\,dx$, by quadrature over values.

    Between laws it is twice the [`quantile_divergence`][qdist.divergences.quantile_divergence],
    which is computed over levels: the two check each other.

    Args:
        P: A quantile object with batch shape () in float64, or a frozen `scipy.stats` law. It must
            have a cdf.
        Q: Another.

    Returns:
        The distance, non-negative.

    Raises:
        InputError: The integral diverges, or an argument is not a single law in float64.

    Examples:
        >>> from scipy import stats
        >>> from qdist.divergences import cramer
        >>> round(cramer(stats.uniform(0, 1), stats.uniform(0, 2)), 9)
        0.166666667
    """
    laws = law_of(P), law_of(Q)

    def integrand(x: Array) -> Array:
        below = [law.cdf(x) for law in laws]
        above = [law.sf(x) for law in laws]
        # In the upper half the survival functions are the small numbers, and keep the digits.
        return np.where(below[0] + below[1] <= 1, below[0] - below[1], above[1] - above[0]) ** 2.0

    with np.errstate(all="ignore"):
        both = edges(*laws)
        # The quantiles of both laws at places one apart resolve F_P and F_Q alike; just left and
        # right of a breakpoint they are the two ends of a gap in the support.
        near = np.concatenate([both, np.nextafter(both, REACH), np.linspace(-REACH, REACH, 201)])
        z = np.unique(np.clip(near, -REACH, REACH))
        x = np.unique(np.concatenate([quantile_of(law)(z) for law in laws]))
        x = x[np.isfinite(x)]
        body = integrate(integrand, x)
        return body + sum(_beyond_values(integrand, x, sign, body) for sign in (-1.0, 1.0))


def _beyond_values(f: Callable[[Array], Array], x: Array, sign: float, body: float) -> float:
    """What lies beyond the extreme values of one sign, on the axis log |x|."""
    size = np.sort(sign * x)
    size = size[size > 0]
    if size.size < 2:
        return 0.0
    depth = np.linspace(np.log(size[0]), np.log(size[-1]), 65)[-33:]
    far = np.exp(depth)
    far[-1] = np.nextafter(size[-1], np.inf)  # past the last atom, whatever the rounding
    return beyond(depth, f(sign * far) * far, body, what="The Cramer distance")


def _together(p: Law, q: Law) -> Array:
    """The cuts between which both laws are smooth and do not meet."""
    with np.errstate(all="ignore"):
        z = np.concatenate([edges(p, q), meetings(p, q)])
    return np.unique(z[np.isfinite(z)])


def _over_axis(f: Callable[[Array], Array], start: Array, *, what: str) -> float:
    """Integrates along the whole axis, ends included."""
    with np.errstate(all="ignore"):
        body = integrate(f, start)
        depth = np.linspace(0, REACH, 65)[1:]
        rest = 0.0
        for sign in (-1.0, 1.0):
            if sign * REACH in (start[0], start[-1]):
                rest += beyond(depth, f(sign * depth), body, what=what)
        return body + rest


def _levels_to_places(f: Callable[[Tensor], Tensor]) -> Callable[[Array], Array]:
    """A function of levels as one of places; levels above 1 - 1e-16 are rounded to 1."""

    def model(z: Array) -> Array:
        u = np.exp(-np.abs(z)) / 2
        tau = torch.as_tensor(np.where(z <= 0, u, 1 - u), dtype=torch.float64)
        with torch.no_grad():
            values = f(tau)
        if not isinstance(values, Tensor):
            raise InputError(
                "Expected Q to be a law, or a function from a tensor of levels to one of values; "
                f"got {f!r:.60}, which gives a {type(values).__name__}. Freeze a law of scipy by "
                "calling it: scipy.stats.norm()."
            )
        if values.shape != tau.shape or values.dtype != tau.dtype:
            raise InputError(
                "Expected Q, a function of levels, to give one value for each of them, of shape "
                f"{tuple(tau.shape)} and dtype {tau.dtype}; got {tuple(values.shape)} and "
                f"{values.dtype}. Compute elementwise, in float64."
            )
        places: Array = values.cpu().numpy()
        return places

    return model
