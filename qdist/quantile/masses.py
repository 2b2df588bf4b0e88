"""The mass of an interval, out of levels below and above: neither end of a law loses digits."""

import torch
from torch import Tensor

from qdist.quantile.base import QuantileFunction

__all__ = ["mass_between", "mass_within"]


def mass_between(upto: tuple[Tensor, Tensor], beyond: tuple[Tensor, Tensor]) -> Tensor:
    """The mass of intervals, out of what lies below and above both of their ends.

    Args:
        upto: F at the lower and at the upper ends, each of shape (...).
        beyond: 1 - F at the same ends, which has the digits of an upper tail.

    Returns:
        Masses, shape (...). Far up the two levels are nearly 1 and their difference has no digits;
        there the difference of what lies above is taken.

    Example:
        >>> one, two, three = torch.tensor(1.0), torch.tensor(1e-9), torch.tensor(3e-9)
        >>> mass_between((one, one), (three, two))
        tensor(2.0000e-09)
    """
    return torch.where(upto[0] > 0.5, beyond[0] - beyond[1], upto[1] - upto[0])


def mass_within(
    law: QuantileFunction, low: Tensor, high: Tensor, *, first: Tensor, last: Tensor
) -> Tensor:
    """The mass of cells (low, high], of which the outer ones take all that lies beyond.

    Args:
        law: Laws of batch shape (...).
        low: Lower ends, shape (...).
        high: Upper ends, shape (...).
        first: Whether a cell has no lower end, bool, shape (...); its `low` can be anything.
        last: Whether a cell has no upper end, bool, shape (...); its `high` can be anything.

    Returns:
        Masses, shape (...).

    Example:
        >>> from qdist.quantile import PiecewiseLinear
        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 4.0])).expand([2])
        >>> low, high = torch.tensor([9.0, 1.0]), torch.tensor([1.0, 3.0])
        >>> first = torch.tensor([True, False])
        >>> mass_within(law, low, high, first=first, last=torch.tensor([False, False]))
        tensor([0.2500, 0.5000])
    """
    upto = law.cdf(low).masked_fill(first, 0.0), law.cdf(high).masked_fill(last, 1.0)
    beyond = law.sf(low).masked_fill(first, 1.0), law.sf(high).masked_fill(last, 0.0)
    return mass_between(upto, beyond)
