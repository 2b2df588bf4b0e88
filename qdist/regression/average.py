r"""One law out of many: the average of their quantile functions, or of their probabilities.

The average of quantile functions, $\bar Q(\tau) = \frac1M \sum_m Q_m(\tau)$, keeps the shape of
the laws where they agree on it and differ in place. (The average of the cdfs is wider than any of
them.) Where all mass is on the same few values the average must keep to them: there it is that of
the probabilities.

Source: "Is It Better to Average Probabilities or Quantiles?" (Lichtendahl, Grushka-Cockayne,
Winkler, 2013), https://doi.org/10.1287/mnsc.1120.1667
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.quantile import PiecewiseLinear

__all__ = ["average", "average_members"]


def average(laws: Sequence[PiecewiseLinear], shares: Sequence[float]) -> PiecewiseLinear:
    """Average laws.

    Args:
        laws: Laws of batch shape (...), which share either their levels (K,) or their values
            (K,).
        shares: What each of them counts, of sum 1.

    Returns:
        A law of batch shape (...).

    Example:
        >>> levels = torch.tensor([0.0, 1.0])
        >>> one = PiecewiseLinear(levels, torch.tensor([0.0, 1.0]))
        >>> two = PiecewiseLinear(levels, torch.tensor([10.0, 15.0]))
        >>> average([one, two], [0.5, 0.5]).values
        tensor([5., 8.])
    """
    first = laws[0]
    if first.levels.dim() == 1:
        values = _mean([law.values for law in laws], shares)
        left, right = (
            None
            if first.tails[side] is None
            else _mean([scale for law in laws if (scale := law.tails[side]) is not None], shares)
            for side in (0, 1)
        )
        return PiecewiseLinear(
            first.levels, _increasing(values), tails=(left, right), validate_args=False
        )
    levels = _increasing(_mean([law.levels for law in laws], shares))
    # Rounding must not make the last level 0.9999999.
    levels = (levels / levels[..., -1:]).clamp(max=1.0)
    return PiecewiseLinear(levels, first.values, validate_args=False)


def average_members(law: PiecewiseLinear) -> PiecewiseLinear:
    """Average laws of batch shape (..., M) over their last axis, all alike.

    Example:
        >>> levels = torch.tensor([0.0, 1.0])
        >>> two = PiecewiseLinear(levels, torch.tensor([[0.0, 1.0], [10.0, 15.0]]))
        >>> average_members(two).values
        tensor([5., 8.])
    """
    if law.levels.dim() == 1:
        left, right = (None if scale is None else scale.mean(-1) for scale in law.tails)
        values = _increasing(law.values.mean(-2))
        return PiecewiseLinear(law.levels, values, tails=(left, right), validate_args=False)
    levels = _increasing(law.levels.mean(-2))
    levels = (levels / levels[..., -1:]).clamp(max=1.0)
    return PiecewiseLinear(levels, law.values, validate_args=False)


def _mean(parts: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    weighted = [share * part for share, part in zip(shares, parts, strict=True)]
    return torch.stack(weighted).sum(0)


def _increasing(knots: Tensor) -> Tensor:
    """The same, where sums of the same numbers in another order differ by a rounding."""
    return knots.cummax(-1).values
