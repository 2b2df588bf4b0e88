"""Contexts one value at a time: the vertical stack once a row, the horizontal one once a value.

Source:
    "Fast Generation for Convolutional Autoregressive Models" (Ramachandran et al., 2017),
    https://arxiv.org/abs/1704.06001
"""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, final

import torch
from torch import Tensor

from qdist.backbones import AbstractStepper
from qdist.threads import threads
from qdist_pixelcnn.prepared import prepare
from qdist_pixelcnn.rows import VerticalStack
from qdist_pixelcnn.values import HorizontalStack

if TYPE_CHECKING:
    from qdist_pixelcnn.backbone import GatedPixelCNN

__all__ = ["RasterStepper"]

_MANY: Final = 16


@final
class RasterStepper(AbstractStepper):
    """Keeps what the forward pass would compute again and again.

    Coordinates are best asked for in raster order. Going back is allowed, at the cost of the row
    again or, if it is an earlier row, of all rows before it. The memory is that of a few rows of
    each layer, a term for each value of a row and the images: linear in their number. There is no
    gradient.

    Args:
        backbone: The network; its weights are copied, except those by which levels enter blocks.
        y: Values, shape (B, D); hidden cells can be anything.
        tau: Levels, shape (B, D), where blocks read them.
    """

    @torch.no_grad()
    def __init__(self, backbone: "GatedPixelCNN", y: Tensor, tau: Tensor | None) -> None:
        domain = backbone.domain
        self._backbone, self._tau = backbone, tau
        # The rows of a few images are too small to be shared out.
        self._threads = torch.get_num_threads() if len(y) >= _MANY else 1
        self._first = len(domain.conditioning)
        self._width, self._channels = domain.width * domain.channels, domain.channels
        self._scale = 2 / max(1, domain.levels - 1)
        self._prepare(y.to(backbone.output.weight.dtype))

    def _prepare(self, y: Tensor) -> None:
        backbone = self._backbone
        conditions = backbone.conditions(y, self._tau)
        blocks = backbone.gated_blocks()
        layers, readout = prepare(blocks, backbone.output, conditions)
        values = backbone.planes(y).permute(0, 2, 3, 1)  # (B, H, W, C)
        self._vertical = VerticalStack(blocks, layers, values, conditions.levels)
        self._horizontal = HorizontalStack(
            blocks, layers, readout, values, content=backbone.query is not None
        )
        self._classes = conditions.label
        self._no_context = values.new_zeros(len(y), self._horizontal.length)
        self._minus = values.new_full((len(y),), -1.0)
        self._row = -1
        self._start(0)

    def steps(self) -> AbstractContextManager[None]:
        """One thread for the steps, whose products take microseconds.

        A batch of hundreds would gain a little by more, on a machine that does nothing else. But
        where other programs want the cores too, threads that wait for each other at every step
        take many times as long. The rows of the vertical stack still take all threads,
        unless there are only a few images.
        """
        return threads(1)

    def context(self, i: int, *, rows: Tensor | None = None) -> Tensor:
        """See [`AbstractStepper.context`][qdist.backbones.AbstractStepper.context]."""
        # No decorator: callers have switched gradients off, and steps are small and thousands.
        if torch.is_grad_enabled():
            with torch.no_grad():
                return self.context(i, rows=rows)
        if i < self._first:
            context = self._no_context
        else:
            row, place = divmod(i - self._first, self._width)
            if row != self._row or place < self._horizontal.place - 1:
                self._start(row)
            context = self._horizontal.context(place)
        return context if rows is None else context[rows]

    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        """See [`AbstractStepper.set`][qdist.backbones.AbstractStepper.set]."""
        if torch.is_grad_enabled():
            with torch.no_grad():
                return self.set(i, value, rows=rows)
        if i < self._first:
            return self._set_label(value, slice(None) if rows is None else rows)
        value = value.clamp(0, self._backbone.domain.levels - 1)  # as a forward pass does
        row, place = divmod(i - self._first, self._width)
        stack = self._horizontal
        if row == self._row and place >= stack.place - 1:
            if rows is None:
                torch.add(self._minus, value, alpha=self._scale, out=stack.cells[place])
            else:
                stack.cells[place][rows] = (value * self._scale - 1).to(self._minus.dtype)
            return None
        column, channel = divmod(place, self._channels)
        where = slice(None) if rows is None else rows
        self._finish_row()
        values = self._vertical.values
        values[where, row, column, channel] = (value * self._scale - 1).to(values.dtype)
        if row < self._vertical.done:
            self._vertical.reset()
        self._row = -1
        return None

    def _set_label(self, value: Tensor, rows: Tensor | slice) -> None:
        """Begins anew, as a class enters everything. As a rule it is known from the start."""
        self._finish_row()
        y = torch.nn.functional.pad((self._vertical.values.flatten(1) + 1) / self._scale, (1, 0))
        if self._classes is not None:
            y[:, 0] = self._classes
        y[rows, 0] = value.to(y.dtype)
        self._prepare(y)

    def _start(self, row: int) -> None:
        """Makes a row the current one, its first value being next."""
        self._finish_row()
        if row < self._vertical.done:
            self._vertical.reset()
        with threads(self._threads):
            while self._vertical.done < row:
                self._vertical.advance()
            terms = self._vertical.terms()
        self._row = row
        self._horizontal.start(self._vertical.values[:, row], terms)

    def _finish_row(self) -> None:
        """Hands the values of the current row, as they are now, to the vertical stack."""
        if self._row >= 0:
            self._vertical.values[:, self._row].copy_(self._horizontal.values)
