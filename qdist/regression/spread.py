r"""Laws stretched about their medians, by the factor that serves held-out rows best.

Networks that fit their training rows well are too sure of themselves, and an average with a part
that knows less is wider than it should be. One factor for all laws, between a half and three, is
chosen by the CRPS of the held-out rows.
"""

from typing import Final

import torch
from torch import Tensor

from qdist.quantile import PiecewiseLinear

__all__ = ["spread_of", "stretched"]

_LEAST_ROWS: Final = 50  # with fewer, the factor would be noise
_FACTORS: Final = torch.linspace(-0.7, 1.1, 37, dtype=torch.float64).exp()


def spread_of(law: PiecewiseLinear, y: Tensor, weight: Tensor) -> float:
    """The factor by which laws are to be stretched.

    Args:
        law: Laws of held-out targets, batch shape (N,).
        y: The targets, shape (N,).
        weight: What each of them counts, shape (N,).

    Returns:
        The factor, between 0.5 and 3; 1 where the rows are fewer than 50, or alike.

    Example:
        Laws that are half as wide as the truth.

        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 1.0]))
        >>> round(spread_of(law.expand([999]), torch.linspace(-2, 2, 999), torch.ones(999)), 1)
        2.0
    """
    if len(y) < _LEAST_ROWS or bool((y == y[0]).all()):
        return 1.0
    factors = _FACTORS.tolist()
    scores = [float((stretched(law, s).crps(y) * weight).mean()) for s in factors]
    return float(factors[min(range(len(scores)), key=scores.__getitem__)])


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
