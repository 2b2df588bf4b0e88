"""The CRPS skill of a forecast: how much better it is than one law for all rows."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["marginal_crps", "skill"]

Floats = NDArray[np.float64]


def marginal_crps(y: Floats, weight: Floats) -> float:
    r"""Half of E|Y - Y'|: the mean CRPS of the weighted marginal law of y (N,) at its own rows."""
    order = np.argsort(y)
    share = np.cumsum(weight[order])[:-1] / weight.sum()
    return float((share * (1 - share) * np.diff(y[order])).sum())


def skill(crps: float, marginal: float) -> float:
    """The share of the marginal CRPS that a forecast saves; see `DistributionRegressor.score`."""
    if marginal > 0:
        return 1 - crps / marginal
    return 0.0 if crps == 0 else -np.inf
