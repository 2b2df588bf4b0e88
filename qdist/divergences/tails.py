r"""What lies beyond the axis, and whether an integral converges.

On a logarithmic axis a power tail is an exponential: the integrand behaves as $G(z) \propto
e^{c z}$ towards $-\infty$. The slope $c$ is read from the last points before the end. If $c \le 0$
the integral diverges; else $G / c$ is what lies beyond the end. No law is known by name.
"""

import numpy as np

from qdist.divergences.quadrature import Array
from qdist.errors import InputError

__all__ = ["beyond"]

# A tail within 0.1 % of the power at which an integral stops to converge cannot be told from it.
_FLAT = 1e-3


def beyond(depth: Array, value: Array, body: float, *, what: str) -> float:
    """The integral beyond the end of an axis, by extrapolating the exponential found there.

    Args:
        depth: Distances along the axis towards the end, increasing, shape (N,).
        value: The non-negative integrand there, shape (N,). Non-finite values end the axis early.
        body: The integral over the axis, against which a tail is negligible.
        what: Begins the message if the integral diverges.

    Returns:
        The remainder.

    Raises:
        InputError: The integral diverges.
    """
    finite = np.isfinite(value) & np.isfinite(depth)
    if not finite.all():
        first_bad = int(np.argmin(finite))
        depth, value = depth[:first_bad], value[:first_bad]
    # A zero at the end is a difference below rounding, or a bounded support: nothing lies beyond.
    # A value e^-69 times smaller than the body over 100 units cannot come from a flat tail.
    if value.size < 2 or value[-1] <= 1e-30 * body or value[-1] == 0:
        return 0.0
    seen = value > 0
    depth, value = depth[seen][-9:], value[seen][-9:]
    # The median is deaf to a point that happens to lie next to a crossing of the two laws.
    decay = float(np.median(-np.diff(np.log(value)) / np.diff(depth)))
    if not decay > _FLAT:
        raise InputError(
            f"{what} diverges. Expected an integrand that decays in the tails; got one that goes "
            f"as the power {decay:.2g} of the tail. Use laws of lighter tails, or truncate them."
        )
    return float(value[-1]) / decay
