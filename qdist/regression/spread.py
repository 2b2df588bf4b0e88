r"""Laws stretched about their medians until held-out rows are covered as they should be.

Networks that fit their training rows well are too sure of themselves. The factor by which a law
must be stretched for its central interval of share $c$ to reach a target is
$s_i = (y_i - m_i) / (e_i - m_i)$, with the median $m_i$ and the end $e_i$ on the target's side;
the $c$-quantile of the held-out factors stretches all laws alike.

Source: "Conformalized Quantile Regression" (Romano, Patterson, Candès, 2019), with a factor in
place of a sum, so that wide laws move by more, https://arxiv.org/abs/1905.03222
"""

import math

import torch
from torch import Tensor

from qdist.quantile import PiecewiseLinear

__all__ = ["spread_of", "stretched"]

_COVERAGE = 0.9
_LEAST_ROWS = 50  # with fewer, the factor would be noise
_LIMITS = (1.0, 4.0)  # only ever wider: networks err by being too sure


def spread_of(law: PiecewiseLinear, y: Tensor) -> float:
    """The factor by which laws are to be stretched.

    Args:
        law: Laws of held-out targets, batch shape (N,).
        y: The targets, shape (N,).

    Returns:
        The factor, between 1 and 4; 1 where the rows are
        fewer than 50, or alike.

    Example:
        Laws that are half as wide as the truth.

        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 1.0]))
        >>> round(spread_of(law.expand([999]), torch.linspace(-2, 2, 999)), 2)
        2.0
    """
    n = len(y)
    if n < _LEAST_ROWS or bool((y == y[0]).all()):
        return 1.0
    middle = law.icdf(0.5)
    low, high = law.interval(_COVERAGE)
    away = torch.where(y >= middle, high - middle, middle - low)
    factor = (y - middle).abs() / away.clamp(min=torch.finfo(y.dtype).tiny)
    rank = min(n, math.ceil(_COVERAGE * (n + 1)))
    found = float(factor.sort().values[rank - 1])
    return min(max(found, _LIMITS[0]), _LIMITS[1])


def stretched(law: PiecewiseLinear, factor: float) -> PiecewiseLinear:
    """A law stretched by a factor about its median; unchanged by a factor of 1."""
    if factor == 1.0:
        return law
    middle = law.icdf(0.5).unsqueeze(-1)
    left, right = (None if scale is None else scale * factor for scale in law.tails)
    return PiecewiseLinear(
        law.levels,
        middle + factor * (law.values - middle),
        tails=(left, right),
        validate_args=False,
    )
