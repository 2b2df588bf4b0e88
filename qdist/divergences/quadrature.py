"""Adaptive Gauss-Kronrod quadrature, all intervals of a round in one call of the integrand."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["RTOL", "Array", "integrate", "rule"]

Array = npt.NDArray[np.float64]

RTOL = 1e-9  # of an integral: far below what laws of floats are known to, far above their grain
_ROUNDS = 60  # halvings of an interval: by then it is down to a float's own grain
_LIMIT = 20_000  # intervals in all, or sixteen times as many as the first ones: some megabytes

# The positive nodes of the 7-point Gauss rule and its 15-point Kronrod extension (QUADPACK, qk15).
_NODES = (
    0.991455371120812639206854697526329,
    0.949107912342758524526189684047851,
    0.864864423359769072789712788640926,
    0.741531185599394439863864773280788,
    0.586087235467691130294144691258714,
    0.405845151377397166906606412076961,
    0.207784955007898467600689403773245,
    0.0,
)
_KRONROD = (
    0.022935322010529224963732008058970,
    0.063092092629978553290700663189204,
    0.104790010322250183839876322541518,
    0.140653259715525918745189590510238,
    0.169004726639267902826583426598550,
    0.190350578064785409913256402421014,
    0.204432940075298892414161999234649,
    0.209482141084727828012999174891714,
)
_GAUSS = (
    0.129484966168869693270611432679082,
    0.279705391489276667901467771423780,
    0.381830050505118944950369775488975,
    0.417959183673469387755102040816327,
)


def rule() -> tuple[Array, Array, Array]:
    """The nodes on [-1, 1] and both sets of weights.

    Returns:
        Nodes, shape (15,), increasing; weights of the Kronrod rule, shape (15,); weights of the
        Gauss rule, shape (15,), 0 at the nodes that it does not use.
    """
    half = np.array(_NODES)
    gauss = np.zeros(8)
    gauss[1::2] = _GAUSS
    mirror = [*range(8), *range(6, -1, -1)]
    sign = np.array([-1.0] * 8 + [1.0] * 7)
    return sign * half[mirror], np.array(_KRONROD)[mirror], gauss[mirror]


def integrate(f: Callable[[Array], Array], edges: Array) -> float:
    """Integrates a function that does not change sign, splitting intervals where it is rough.

    The error aimed at is 1e-9 of the integral. The work is bounded: where rounding noise keeps
    the error above that, so that halving stops to help, the best value is returned.

    Args:
        f: Integrand, shape (N,) to shape (N,).
        edges: Ends of the first intervals, increasing, shape (M,).

    Returns:
        The integral over [edges[0], edges[-1]].
    """
    nodes, kronrod, gauss = rule()
    left, right = edges[:-1], edges[1:]
    limit = max(_LIMIT, 16 * left.size)
    done, done_error, count = 0.0, 0.0, 0
    before, stalled = np.inf, 0
    for _ in range(_ROUNDS):
        middle, half = (left + right) / 2, (right - left) / 2
        y = f((middle[:, None] + half[:, None] * nodes).ravel()).reshape(-1, nodes.size)
        value = half * (y @ kronrod)
        error = np.abs(value - half * (y @ gauss))
        count += left.size
        total = done + float(value.sum())
        goal = RTOL * abs(total)
        # An interval may err in proportion to a fair share, so that the sum stays below the goal.
        rough = (error > goal / (8 * max(count, 64))) & (middle > left) & (middle < right)
        remaining = done_error + float(error.sum())
        # Halving intervals halves the error of a jump, quarters that of a kink, and leaves noise.
        noise = 0.9 * before < remaining < 1e-4 * abs(total)
        before, stalled = remaining, stalled + 1 if noise else 0
        if remaining <= goal or stalled == 3 or count > limit or not rough.any():
            return total
        done += float(value[~rough].sum())
        done_error += float(error[~rough].sum())
        left, right, middle = left[rough], right[rough], middle[rough]
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return total
