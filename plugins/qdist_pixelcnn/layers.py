"""Convolutions that look back only: rows above, pixels to the left, channels before."""

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Backward", "Rows", "down", "gate", "group_mask"]


def group_mask(groups: int, out: int, into: int, *, strict: bool) -> Tensor:
    """Which features of a pixel a feature of the same pixel may read: channel by channel.

    Args:
        groups: Number of channels C; features come in C groups, channel after channel.
        out: Features of a group that read.
        into: Features of a group that are read.
        strict: Whether a group reads the groups before it only, not itself.

    Returns:
        The mask, shape (C * out, C * into), bool.

    Example:
        >>> group_mask(3, 1, 1, strict=True).int()
        tensor([[0, 0, 0],
                [1, 0, 0],
                [1, 1, 0]], dtype=torch.int32)
    """
    allowed = torch.ones(groups, groups, dtype=torch.bool).tril(-1 if strict else 0)
    return allowed.repeat_interleave(out, 0).repeat_interleave(into, 1)


def gate(z: Tensor, *, dim: int) -> Tensor:
    r"""Return $\tanh(a) \, \sigma(b)$, where z holds a and then b along `dim`.

    A gate closes no further than to the precision of its numbers. With smaller gates, products and
    their gradients fall below the smallest normal number, and processors take a hundred times as
    long to multiply such numbers: fits of thousands of steps slowed to half of their pace.
    """
    a, b = z.chunk(2, dim)
    # NOTE[DIFF]: the paper's gates close without end.
    low = math.log(torch.finfo(z.dtype).eps)
    return a.tanh() * functional.threshold(b, low, low).sigmoid()


def down(x: Tensor) -> Tensor:
    """Return planes (B, F, H, W) moved down by one row; the first row becomes zero."""
    return functional.pad(x[:, :, :-1], (0, 0, 1, 0))


@final
class Rows(nn.Conv2d):
    """A convolution over the rows up to a row's own, and columns to both sides.

    Args:
        into: Features read.
        out: Features made.
        rows: Rows read: the row itself and `rows - 1` above it.
        reach: Columns read to each side.

    Shape:
        (B, into, H, W) -> (B, out, H, W).
    """

    def __init__(self, into: int, out: int, *, rows: int, reach: int) -> None:
        super().__init__(into, out, (rows, 2 * reach + 1), padding=(0, reach))
        self.above = rows - 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the planes; above the image there are zeros."""
        return super().forward(functional.pad(input, (0, 0, self.above, 0)))


@final
class Backward(nn.Conv2d):
    """A convolution along a row, over pixels to the left and the pixel's own earlier channels.

    Features come in one group a channel, channel after channel. At the pixel itself, group c
    reads groups up to c, or those before c only (`strict`). Planes beyond the groups (`free`) may
    be read by all: they hold no values.

    Args:
        groups: Number of channels C.
        into: Features of a group that are read.
        out: Features of a group that are made.
        reach: Pixels read to the left.
        strict: Whether a group is blind to itself.
        free: Planes at the end of the input that hold no values.

    Shape:
        (B, C * into + free, H, W) -> (B, C * out, H, W).
    """

    mask: Tensor

    def __init__(
        self,
        groups: int,
        into: int,
        out: int,
        *,
        reach: int,
        strict: bool,
        free: int = 0,
    ) -> None:
        super().__init__(groups * into + free, groups * out, (1, reach + 1))
        self.reach = reach
        mask = torch.ones(self.weight.shape, dtype=torch.bool)
        mask[:, : groups * into, 0, reach] = group_mask(groups, out, into, strict=strict)
        # It follows from the arguments, so it stays out of saved weights.
        self.register_buffer("mask", mask, persistent=False)

    def masked(self) -> Tensor:
        """Return the weight, zero where nothing may be read."""
        return self.weight * self.mask

    def forward(self, input: Tensor) -> Tensor:
        """Return the planes; left of the image there are zeros."""
        padded = functional.pad(input, (self.reach, 0)) if self.reach else input
        return functional.conv2d(padded, self.masked(), self.bias)
