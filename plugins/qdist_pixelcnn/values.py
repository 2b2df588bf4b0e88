"""The horizontal stack, a value at a time: one matrix product over the last few, per layer."""

from typing import NamedTuple, final

import torch
from torch import Tensor

from qdist_pixelcnn.block import GatedBlock
from qdist_pixelcnn.prepared import Layer, Readout, doubled

__all__ = ["HorizontalStack"]


class _Step(NamedTuple):
    """What one layer works on at one value: views of buffers, and weights.

    Attributes:
        z: Sum of all that is read, (B, 2 F): first what comes from above, then gated in place.
        a: Its first half.
        b: Its second half.
        window: The last few inputs of the layer, (B, K).
        weight: Their weight, (K, 2 F).
        gate: Where the gate of the value goes, (B, F).
        gates: The gates of the pixel up to this value, (B, (c + 1) F).
        output: Their weight, ((c + 1) F, F).
        h: The features of the value that the layer adds to, (B, F); None in the first layer.
        out: Where the sum goes, (B, F).
    """

    z: Tensor
    a: Tensor
    b: Tensor
    window: Tensor
    weight: Tensor
    gate: Tensor
    gates: Tensor
    output: Tensor
    h: Tensor | None
    out: Tensor


class _End(NamedTuple):
    """What makes the context of a channel: views of buffers, and weights.

    Attributes:
        last: The features of the value, (B, F).
        floor: Their least values, by which they are rectified, (F,).
        read: Where they go then, (B, F).
        reads: Those of the pixel up to it, (B, (c + 1) F).
        weight: Their weight, ((c + 1) F, C).
        bias: What is added, (C,).
    """

    last: Tensor
    floor: Tensor
    read: Tensor
    reads: Tensor
    weight: Tensor
    bias: Tensor


@final
class HorizontalStack:
    """The current row, of all images at once.

    All buffers are made once, and so are the views of them that each step works on: at the
    thousands of small steps that an image takes, Python's own time counts.

    Args:
        blocks: The blocks.
        layers: Their weights.
        readout: The weights that make contexts.
        values: Values, shape (B, H, W, C); only the shape is looked at.
        content: Whether contents are wanted (all that was gated), not contexts.

    Attributes:
        place: The next value of the row: W * C once the row is full.
        length: Length of a context or content.
        values: The values of the row, (B, W, C), to be written to.
        cells: The same, one tensor (B,) a value.
    """

    def __init__(
        self,
        blocks: list[GatedBlock],
        layers: list[Layer],
        readout: Readout,
        values: Tensor,
        *,
        content: bool,
    ) -> None:
        batch, _, width, channels = values.shape
        group = blocks[0].sizes.group
        reach = blocks[0].horizontal.reach
        self._size = width * channels
        self._channels, self._group = channels, group
        self._content: Tensor | None = None
        self.length = len(readout.bias[0])
        if content:
            self.length += len(blocks) * 2 * group
            self._content = values.new_empty(batch, self.length)
        # Each pixel is its values and a one, which tells it from the zeros on the left.
        row = values.new_zeros(batch, reach + width, channels + 1)
        row[:, reach:, channels] = 1
        self.values = row[:, reach:, :channels]
        self.cells = [self.values[:, w, c] for w in range(width) for c in range(channels)]
        self._inputs = [row]
        for block, layer in zip(blocks[1:], layers[1:], strict=True):
            left = block.horizontal.reach
            wide = values.new_empty(batch, left + width, channels * group)
            wide[:, :left] = layer.pad
            self._inputs.append(wide)
        self._gates = [values.new_empty(batch, channels * group) for _ in blocks]
        self._last = values.new_empty(batch, group)
        self._read = values.new_empty(batch, channels * group)
        self._layers = layers
        self._reach = [block.horizontal.reach for block in blocks]
        self._ends = self._views_of_end(readout)
        self._whole = 1 / doubled(group, values)
        self._steps: list[list[_Step]] | None = None
        self.place = 0
        self._context: Tensor | None = None

    def start(self, values: Tensor, terms: list[Tensor]) -> None:
        """Begin a row.

        Args:
            values: What is known of it, shape (B, W, C); copied.
            terms: For each layer, what comes from above, (B, W, C * 2 F); overwritten, and the
                same tensors every time.
        """
        if self._steps is None:
            self._steps = [self._views(place, terms) for place in range(self._size)]
        self.values.copy_(values)
        self.place = 0

    def context(self, place: int) -> Tensor:
        """Return the context (B, C) of a value of the row, those before it being known.

        Values that were passed over are known, so they are stepped through here. A place can be
        asked for again until the next one is.
        """
        assert self._steps is not None
        while self.place <= place:
            self._step(self.place)
            self.place += 1
        assert self._context is not None
        return self._context

    def _step(self, place: int) -> None:
        assert self._steps is not None
        addmm, addcmul, content = torch.addmm, torch.addcmul, self._content
        group = self._group
        end = 0
        for z, a, b, window, weight, gate, gates, output, h, out in self._steps[place]:
            z.addmm_(window, weight)
            if content is not None:
                torch.mul(z, self._whole, out=content[:, end : end + 2 * group])
                end += 2 * group
            z.sigmoid_()
            addcmul(b, a, b, value=-2, out=gate)
            if h is None:
                torch.mm(gates, output, out=out)
            else:
                addmm(h, gates, output, out=out)
        last, floor, read, reads, weight, bias = self._ends[place % self._channels]
        torch.maximum(last, floor, out=read)
        made = addmm(bias, reads, weight)
        if content is None:
            self._context = made.relu_()
        else:
            content[:, end:] = made
            self._context = content.clone()

    def _views(self, place: int, terms: list[Tensor]) -> list[_Step]:
        """What each layer works on at a place."""
        w, c = divmod(place, self._channels)
        group, steps = self._group, []
        own, up_to = slice(c * group, (c + 1) * group), slice(0, (c + 1) * group)
        for k, layer in enumerate(self._layers):
            wide, reach, gates = self._inputs[k], self._reach[k], self._gates[k]
            z = terms[k][:, w, 2 * c * group : 2 * (c + 1) * group]
            weight = layer.horizontal[c]
            # The pixels from w - reach to w; the value itself or those before it come last.
            window = wide.flatten(1)[:, w * wide.shape[2] :][:, : len(weight)]
            last = k == len(self._layers) - 1
            steps.append(
                _Step(
                    z=z,
                    a=z[:, :group],
                    b=z[:, group:],
                    window=window,
                    weight=weight,
                    gate=gates[:, own],
                    gates=gates[:, up_to],
                    output=layer.output[c],
                    h=wide[:, reach + w, own] if k else None,
                    out=self._last
                    if last
                    else self._inputs[k + 1][:, self._reach[k + 1] + w, own],
                )
            )
        return steps

    def _views_of_end(self, readout: Readout) -> list[_End]:
        """For each channel, what makes its context of the last features."""
        ends = []
        for c, (floor, weight, bias) in enumerate(
            zip(readout.floor, readout.weight, readout.bias, strict=True)
        ):
            start, end = c * self._group, (c + 1) * self._group
            read = self._read[:, start:end]
            ends.append(
                _End(
                    last=self._last,
                    floor=floor,
                    read=read,
                    reads=self._read[:, :end],
                    weight=weight,
                    bias=bias,
                )
            )
        return ends
