"""Searching and reading sorted tables by batch, without a copy of the tables for each sample.

A table has shape (..., K) with leading axes that broadcast to the batch, a query has shape
(S..., *batch). One-dimensional tables are shared by the batch, which is the fast case.
"""

from math import prod

import torch
from torch import Size, Tensor

__all__ = ["interpolate", "read", "search"]


def search(table: Tensor, query: Tensor, batch: Size, *, side: str) -> Tensor:
    """Insertion points of the query into sorted tables.

    Args:
        table: Non-decreasing along the last axis, shape (..., K).
        query: Values, shape (S..., *batch).
        batch: The batch shape.
        side: "left" gives the first entry >= query, "right" the first entry > query.

    Returns:
        Indices in 0..K, shape (S..., *batch).
    """
    table, query = _one_row(table.detach()), query.detach()
    if table.dim() == 1:
        return torch.searchsorted(table.contiguous(), query.contiguous(), side=side)
    table = table.expand(*batch, table.shape[-1]).contiguous()
    found = torch.searchsorted(table, _samples_last(query, batch).contiguous(), side=side)
    return _samples_first(found, query.shape, batch)


def read(table: Tensor, index: Tensor, batch: Size) -> Tensor:
    """Entries of the tables.

    Args:
        table: Shape (..., K).
        index: Indices in 0..K-1, shape (S..., *batch).
        batch: The batch shape.

    Returns:
        Entries, shape (S..., *batch).
    """
    if table.dim() == 1:
        return table[index]
    table = table.expand(*batch, table.shape[-1])
    return _samples_first(table.gather(-1, _samples_last(index, batch)), index.shape, batch)


def interpolate(x: Tensor, xs: Tensor, ys: Tensor, batch: Size, *, side: str) -> Tensor:
    """The monotone piecewise linear function through (xs, ys), constant beyond the ends.

    Never crosses in floating point: it is `a + f * (b - a)`, cut at `b`, with `f` in [0, 1]
    non-decreasing in `x`; and exact at a knot, where a jump by rounding would look like an atom.

    Args:
        x: Where, shape (S..., *batch).
        xs: Non-decreasing along the last axis, shape (..., K); equal neighbours make a jump.
        ys: Non-decreasing along the last axis, shape (..., K).
        batch: The batch shape.
        side: Whether a jump at `x` is taken ("right") or not yet ("left").

    Returns:
        Values, shape (S..., *batch).
    """
    upper = search(xs, x, batch, side=side).clamp(1, xs.shape[-1] - 1)
    lower = upper - 1
    x0, x1 = read(xs, lower, batch), read(xs, upper, batch)
    y0, y1 = read(ys, lower, batch), read(ys, upper, batch)
    width = x1 - x0
    # a zero width is met only beyond the ends, where the fraction is 0 or 1
    beyond = (x >= x0) if side == "right" else (x > x0)
    flat = width <= 0
    fraction = ((x - x0) / torch.where(flat, torch.ones_like(width), width)).clamp(0, 1)
    fraction = torch.where(flat, beyond.to(x.dtype), fraction)
    rise = y1 - y0
    inside, end = (y0 + fraction * rise).clamp(max=y1), y1 + (fraction - 1) * rise
    return torch.where(fraction < 1, inside, end)


def _one_row(table: Tensor) -> Tensor:
    """The row (K,) that all laws share, where an expansion made many of one; else the table."""
    rows = zip(table.shape[:-1], table.stride()[:-1], strict=True)
    shared = all(n == 1 or (n > 1 and stride == 0) for n, stride in rows)
    return table[(0,) * (table.dim() - 1)] if shared else table


def _samples_last(query: Tensor, batch: Size) -> Tensor:
    """(S..., *batch) -> (*batch, prod S)."""
    if query.dim() == len(batch):
        return query.unsqueeze(-1)
    samples = prod(query.shape[: query.dim() - len(batch)])  # a batch may be empty
    return query.reshape(samples, *batch).movedim(0, -1).contiguous()


def _samples_first(result: Tensor, shape: Size, batch: Size) -> Tensor:
    """The inverse of `_samples_last`."""
    if len(shape) == len(batch):
        return result.squeeze(-1)
    return result.movedim(-1, 0).reshape(shape)
