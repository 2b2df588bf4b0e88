"""Laws made of atoms only: look-ups and the score of a step function.

Tables: `values` (..., K) non-decreasing and `cumulative` (..., K), the probability up to and
including each value, non-decreasing with last entry exactly 1. Queries have shape (S..., *batch).
"""

import torch
from torch import Size, Tensor
from torch.nn.functional import pad

from qdist.quantile.lookup import read, search

__all__ = ["accumulate", "stairs", "step_cdf", "step_crps", "step_index"]


def accumulate(weights: Tensor) -> Tensor:
    """Cumulative shares of non-negative weights.

    Args:
        weights: Shape (..., K), not all zero.

    Returns:
        Shape (..., K). Divided by its own last entry, so that it ends at exactly 1 and a level of
        1 never lands on a trailing value of weight 0.
    """
    total = weights.cumsum(-1)
    return total / total[..., -1:]


def stairs(cumulative: Tensor) -> Tensor:
    """Levels of the knots of a staircase, which has each value twice: F before it and after it.

    Args:
        cumulative: The probability up to and including each of K values, shape (..., K).

    Returns:
        Shape (..., 2 K), from 0 on; the values belong to them as `values.repeat_interleave(2)`.

    Example:
        >>> stairs(torch.tensor([0.2, 0.5, 1.0]))
        tensor([0.0000, 0.2000, 0.2000, 0.5000, 0.5000, 1.0000])
    """
    return pad(cumulative, (1, 0)).repeat_interleave(2, -1)[..., 1:-1]


def step_index(tau: Tensor, cumulative: Tensor, batch: Size) -> Tensor:
    """Index of the quantile: the first value whose cumulative probability reaches the level.

    Args:
        tau: Levels, shape (S..., *batch).
        cumulative: Shape (..., K).
        batch: The batch shape.

    Returns:
        Indices in 0..K-1, shape (S..., *batch); the level 0 gives the first value that has mass.
    """
    tau = tau.clamp(min=torch.finfo(tau.dtype).tiny)
    found = search(cumulative, tau, batch, side="left")
    return found.clamp(max=cumulative.shape[-1] - 1)


def step_cdf(y: Tensor, values: Tensor, cumulative: Tensor, batch: Size, *, side: str) -> Tensor:
    """Probability up to `y`, with (side "right") or without ("left") the mass at `y`.

    Args:
        y: Shape (S..., *batch).
        values: Shape (..., K).
        cumulative: Shape (..., K).
        batch: The batch shape.
        side: "right" or "left".

    Returns:
        Shape (S..., *batch).
    """
    p = read(pad(cumulative, (1, 0)), search(values, y, batch, side=side), batch)
    return torch.where(y.isnan(), y, p)


def step_crps(y: Tensor, values: Tensor, cumulative: Tensor, batch: Size) -> Tensor:
    r"""The integral of $(F(x) - 1\{x \ge y\})^2$ over the gaps between values, exactly.

    Args:
        y: Shape (S..., *batch).
        values: Shape (..., K).
        cumulative: Shape (..., K).
        batch: The batch shape.

    Returns:
        Shape (S..., *batch); prefix sums over the K values serve all samples.
    """
    gap = values.diff(dim=-1)
    p = cumulative[..., :-1]
    below = pad((gap * p.square()).cumsum(-1), (1, 0))
    above = pad((gap * (1 - p).square()).flip(-1).cumsum(-1).flip(-1), (0, 1))
    # value number `last` is the greatest one <= y; -1 means that y lies below all of them
    last = search(values, y, batch, side="right") - 1
    count = values.shape[-1]
    here, after = last.clamp(min=0), (last + 1).clamp(max=count - 1)
    start, end = read(values, here, batch), read(values, after, batch)
    inner = read(cumulative, here, batch)
    score = (
        read(below, here, batch)
        + (y - start).clamp(min=0) * torch.where(last == count - 1, 1, inner.square())
        + (end - y).clamp(min=0) * torch.where(last == -1, 1, (1 - inner).square())
        + read(above, after, batch)
    )
    return torch.where(y.isnan(), y, score)
