r"""One law out of many: the average of their quantile functions, or of their probabilities.

The average of quantile functions, $\bar Q(\tau) = \frac1M \sum_m Q_m(\tau)$, keeps the shape of
the laws where they agree on it and differ in place. (The average of the cdfs is wider than any
of them.) Where all mass is on the same few values the average must keep to them: there it is that
of the probabilities.

Source: "Is It Better to Average Probabilities or Quantiles?" (Lichtendahl, Grushka-Cockayne,
Winkler, 2013), https://doi.org/10.1287/mnsc.1120.1667
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.quantile import PiecewiseLinear

__all__ = ["average"]


def average(laws: Sequence[PiecewiseLinear], shares: Sequence[float]) -> PiecewiseLinear:
    """Average laws over their last batch axis, and over the sequence.

    Args:
        laws: Laws of batch shape (..., M), which share either their levels (K,) or their values
            (K,).
        shares: What each of them counts, of sum 1; its members count alike.

    Returns:
        A law of batch shape (...).

    Example:
        >>> levels = torch.tensor([0.0, 1.0])
        >>> two = PiecewiseLinear(levels, torch.tensor([[0.0, 1.0], [10.0, 15.0]]))
        >>> average([two], [1.0]).values
        tensor([5., 8.])
    """
    first = laws[0]
    if first.levels.dim() == 1:
        values = _mean([law.values.mean(-2) for law in laws], shares)
        left, right = (
            None
            if first.tails[side] is None
            else _mean([_tail(law, side) for law in laws], shares)
            for side in (0, 1)
        )
        return PiecewiseLinear(
            first.levels, _increasing(values), tails=(left, right), validate_args=False
        )
    levels = _increasing(_mean([law.levels.mean(-2) for law in laws], shares))
    # Rounding must not make the last level 0.9999999.
    levels = (levels / levels[..., -1:]).clamp(max=1.0)
    return PiecewiseLinear(levels, first.values, validate_args=False)


def _tail(law: PiecewiseLinear, side: int) -> Tensor:
    scale = law.tails[side]
    assert scale is not None
    return scale.mean(-1)


def _mean(parts: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    weighted = [share * part for share, part in zip(shares, parts, strict=True)]
    return torch.stack(weighted).sum(0)


def _increasing(knots: Tensor) -> Tensor:
    """The same, where sums of the same numbers in another order differ by a rounding."""
    return knots.cummax(-1).values
