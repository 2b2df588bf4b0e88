r"""Laws made wider or narrower, all by one factor, as held-out rows want it.

Networks that fit their training rows well are too sure of themselves, and an average with a part
that knows less is wider than it should be. A law with a density is stretched about its median. A
law on few values cannot be: there the masses are raised to the power $1 / s^2$ and scaled, which
makes those of a normal law s times as wide.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from torch import Tensor

from qdist.quantile import PiecewiseLinear
from qdist.quantile.steps import accumulate, stairs

__all__ = ["sharpened", "spread_of", "stretched"]

_LEAST_ROWS: Final = 50  # with fewer, the factor would be noise
_STEP: Final = 0.05  # from one factor to the next, of its logarithm
_NARROWEST, _WIDEST = -14, 22  # steps: a half and three
_CRPS: Final = 1.005  # what a better coverage may cost, as a share of the least CRPS
_COVERAGE: Final = 0.9
_ERRORS: Final = 1.5


def spread_of(
    law: PiecewiseLinear,
    y: Tensor,
    weight: Tensor,
    *,
    few: bool = False,
    decode: Callable[[PiecewiseLinear], PiecewiseLinear] = lambda law: law,
) -> float:
    """The factor by which laws are to be made wider.

    Laws on few values get the factor of least CRPS, between a half and three. Others get, of the
    factors whose CRPS is within half a per cent of the least, the one whose 90 % intervals hold
    nearest to 90 % of the rows. But early stopping has looked at these rows, so that laws which
    are too narrow look right. So laws are made narrower only if their coverage is too high by more
    than 1.5 standard errors, and only down to that.

    Args:
        law: Laws of held-out targets, batch shape (N,).
        y: The targets, shape (N,).
        weight: What each of them counts, shape (N,).
        few: Whether the laws are on few values, each of them twice.
        decode: Takes laws, once they are wider, to the scale of the targets.

    Returns:
        The factor; 1 where the rows are fewer than 50, or alike.

    Example:
        Laws that are half as wide as the truth.

        >>> import torch
        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 1.0]))
        >>> round(spread_of(law.expand([999]), torch.linspace(-2, 2, 999), torch.ones(999)), 1)
        2.0
    """
    if len(y) < _LEAST_ROWS or bool((y == y[0]).all()):
        return 1.0
    change = sharpened if few else stretched
    factors = [float(np.exp(_STEP * k)) for k in range(_NARROWEST, _WIDEST + 1)]
    mass = weight.double() / weight.double().sum()
    scores = [float((decode(change(law, s)).crps(y) * mass).sum()) for s in factors]
    best = min(scores)
    if few:
        return factors[scores.index(best)]
    held = {
        factor: float((_inside(decode(stretched(law, factor)), y) * mass).sum())
        for factor, score in zip(factors, scores, strict=True)
        if score <= _CRPS * best
    }
    error = (_COVERAGE * (1 - _COVERAGE) * float(mass.square().sum())) ** 0.5
    most = _COVERAGE + _ERRORS * error
    narrow = {f: share for f, share in held.items() if f <= 1}
    if len(narrow) == len(held) or held.get(1.0, 0.0) > most:
        # The widest that does not hold too many; if all do, the narrowest.
        return max((f for f, share in narrow.items() if share <= most), default=min(narrow))
    wide = [f for f in held if f >= 1]
    # Of several that cover alike the one that changes least.
    return min(wide, key=lambda f: (round(abs(held[f] - _COVERAGE), 9), f))


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


def sharpened(law: PiecewiseLinear, factor: float) -> PiecewiseLinear:
    """A law on values (G,), each of them twice, whose masses are raised to 1 / factor^2.

    Example:
        >>> import torch
        >>> levels = torch.tensor([0.0, 0.8, 0.8, 1.0])
        >>> law = PiecewiseLinear(levels, torch.tensor([0.0, 0.0, 1.0, 1.0]))
        >>> sharpened(law, 0.5**0.5).levels.round(decimals=2)  # 0.64 to 0.04
        tensor([0.0000, 0.9400, 0.9400, 1.0000])
    """
    if factor == 1.0:
        return law
    mass = (law.levels[..., 1::2] - law.levels[..., ::2]).clamp(min=0)
    levels = stairs(accumulate(mass.pow(factor**-2)).clamp(max=1.0))
    return PiecewiseLinear(levels, law.values, validate_args=False)


def _inside(law: PiecewiseLinear, y: Tensor) -> Tensor:
    """Whether y lies in the central interval, 1 or 0."""
    ends = law.quantiles([0.5 - _COVERAGE / 2, 0.5 + _COVERAGE / 2])
    return ((y >= ends[..., 0]) & (y <= ends[..., 1])).double()
