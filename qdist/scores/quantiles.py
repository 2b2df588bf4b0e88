"""A score of forecasts that are quantiles."""

import numpy as np

from qdist.arguments import number
from qdist.scores.edge import ArrayLike, Floats, check_batch, floats

__all__ = ["crps_quantiles", "midpoint_levels"]


def midpoint_levels(n: int = 200) -> Floats:
    r"""The levels $\tau_k = (k - 1/2) / n$ that `crps_quantiles` expects, shape (n,).

    Example:
        >>> midpoint_levels(4)
        array([0.125, 0.375, 0.625, 0.875])
    """
    count: int = number("n", n, least=1, whole=True)
    return (np.arange(count) + 0.5) / count


def crps_quantiles(y: ArrayLike, quantiles: ArrayLike) -> Floats:
    r"""The CRPS from quantiles at the midpoint levels, by the midpoint rule.

    $$\mathrm{CRPS}(Q, y) = 2 \int_0^1 \rho_\tau(y - Q(\tau))\,d\tau \approx
    \frac 2 K \sum_k \rho_{\tau_k}(y - Q(\tau_k))$$

    The factor 2 is part of it (many a "mean pinball loss" omits it). Use K of 200 or more: the
    rule is exact only where Q is constant within each of the K cells. Where the object has a
    closed form, as [`PiecewiseLinear`][qdist.quantile.PiecewiseLinear] does, prefer that.

    Args:
        y: Observations, shape (...).
        quantiles: Quantiles at
            [`midpoint_levels(K)`][qdist.scores.quantiles.midpoint_levels], shape (..., K).

    Returns:
        One score for each observation, shape (...).

    Raises:
        InputError: If the shapes do not fit, or something is NaN.

    Example:
        >>> from scipy.stats import norm
        >>> quantiles = norm.ppf(midpoint_levels(2000))
        >>> round(float(crps_quantiles(0.0, quantiles)), 4)  # (sqrt(2) - 1) / sqrt(pi)
        0.2337
    """
    at, q = floats(y, "observations"), floats(quantiles, "quantiles")
    check_batch(at, q, name="quantiles", trailing=1)
    residual = at[..., None] - q
    pinball = residual * (midpoint_levels(q.shape[-1]) - (residual <= 0))
    return np.asarray(2 * pinball.mean(-1))[()]
