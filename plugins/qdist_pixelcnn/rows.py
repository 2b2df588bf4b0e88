"""The vertical stack, a row at a time."""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from qdist_pixelcnn.block import GatedBlock
from qdist_pixelcnn.prepared import Layer, doubled

__all__ = ["VerticalStack"]


@final
class VerticalStack:
    """What each row of an image hands down to the next.

    Args:
        blocks: The blocks.
        layers: Their weights.
        values: Values in [-1, 1], shape (B, H, W, C); copied.
        levels: Embedded levels, shape (B, C * T, H, W), or None.

    Attributes:
        values: The values of the images, (B, H, W, C), to be written to.
        done: How many rows have been handed down.
    """

    def __init__(
        self,
        blocks: list[GatedBlock],
        layers: list[Layer],
        values: Tensor,
        levels: Tensor | None,
    ) -> None:
        self._blocks, self._layers = blocks, layers
        self._levels = None if levels is None else levels.permute(0, 2, 3, 1)
        batch, height, width, channels = values.shape
        reach = blocks[0].vertical.padding[1]
        assert isinstance(reach, int)
        above = blocks[0].vertical.above
        # The images with zeros around them, and the plane of ones (NOTE[DIFF]: see `GatedBlock`).
        self._image = values.new_zeros(batch, above + height, width + 2 * reach, channels + 1)
        inside = self._image[:, above:, reach : reach + width]
        inside[..., channels] = 1
        self.values = inside[..., :channels]
        self.values.copy_(values)
        # For each later layer, the last few rows that it reads, with zeros on both sides.
        self._rows = [
            values.new_zeros(batch, block.vertical.above + 1, width + 2 * pad, block.sizes.tall)
            for block, pad in ((b, b.vertical.kernel_size[1] // 2) for b in blocks[1:])
        ]
        self._above: list[Tensor] = []
        self._terms = [values.new_empty(batch, width, layer.link.shape[1]) for layer in layers]
        self.done = 0

    def reset(self) -> None:
        """Go back to the first row."""
        self.done = 0
        for rows in self._rows:
            rows.zero_()

    def advance(self) -> None:
        """Hand the next row down, whose values must be known."""
        row = self.done
        reads = self._image[:, row : row + self._blocks[0].vertical.above + 1]
        self._above = []
        for k, (block, layer) in enumerate(zip(self._blocks, self._layers, strict=True)):
            z = functional.conv2d(reads.permute(0, 3, 1, 2), layer.vertical)
            z = z[:, :, 0].transpose(1, 2)  # (B, W, 2 Fv)
            z = z + layer.tall[min(row, len(layer.tall) - 1)]
            if layer.tall_label is not None:
                z += layer.tall_label
            if self._levels is not None and block.tall_levels is not None:
                weight = block.tall_levels.weight[:, :, 0, 0].t()
                z += self._levels[:, row] @ weight * doubled(block.sizes.tall, z)
            self._above.append(z)
            if k < len(self._rows):
                rows = self._rows[k]
                rows[:, :-1] = rows[:, 1:].clone()
                pad = (rows.shape[2] - z.shape[1]) // 2
                a, b = z.sigmoid().chunk(2, -1)
                torch.addcmul(b, a, b, value=-2, out=rows[:, -1, pad : pad + z.shape[1]])
                reads = rows
        self.done += 1

    def terms(self) -> list[Tensor]:
        """What the horizontal stack of the row after those done adds, for each layer.

        Returns:
            Terms (B, W, C * 2 F), with doubled a, to be overwritten. The same buffers at every
            call, filled anew; callers keep views of them, so never replace them.
        """
        row = self.done
        for k, (block, layer) in enumerate(zip(self._blocks, self._layers, strict=True)):
            term, wide = self._terms[k], layer.wide[min(row, len(layer.wide) - 1)]
            if row:
                torch.matmul(self._above[k], layer.link, out=term)
                term += wide
            else:
                term.copy_(wide.expand_as(term))
            if layer.wide_label is not None:
                term += layer.wide_label
            if self._levels is not None and block.levels is not None:
                term += _grouped(self._levels[:, row], block)
        return self._terms


def _grouped(levels: Tensor, block: GatedBlock) -> Tensor:
    """What the levels (B, W, C * T) of a row say to each group, (B, W, C * 2 F)."""
    assert block.levels is not None
    weight = block.levels.weight[:, :, 0, 0]  # (C * 2 F, T)
    groups, group = block.sizes.channels, block.sizes.group
    read = torch.einsum(
        "bwct,cft->bwcf", levels.unflatten(-1, (groups, -1)), weight.unflatten(0, (groups, -1))
    )
    read[..., :group] *= 2
    return read.flatten(2)
