"""One gated layer: the vertical stack, the horizontal stack, and what conditions them."""

from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from qdist_pixelcnn.layers import Backward, Rows, down, gate

__all__ = ["Conditions", "GatedBlock", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """What all blocks of a network share.

    Attributes:
        channels: Channels C of a pixel.
        tall: Features of the vertical stack.
        group: Features F of the horizontal stack, for each channel.
        labels: Number of classes; 0 for none.
        place: Width of what is learnt of each place of the image; 0 for nothing.
        levels: Width of the embedded levels that enter the block; 0 for none.
    """

    channels: int
    tall: int
    group: int
    labels: int
    place: int
    levels: int


@dataclass(frozen=True)
class Conditions:
    """What is known without a look at the pixels.

    Attributes:
        label: Classes, shape (B,), int64, or None.
        place: What is learnt of each place, shape (1, S, H, W), or None.
        levels: Embedded levels, shape (B, C * T, H, W), channel after channel, or None.
    """

    label: Tensor | None = None
    place: Tensor | None = None
    levels: Tensor | None = None


@final
class GatedBlock(nn.Module):
    r"""A gated layer of both stacks.

    The vertical stack reads rows up to its own and columns to both sides, and is moved down by a
    row before the horizontal stack reads it: so all that is above is seen, without a blind spot.
    The horizontal stack reads the pixels to the left and the pixel's earlier channels. Each stack
    is $\tanh(a) \odot \sigma(b)$ of what it reads plus what it is conditioned on; the horizontal
    one is residual, except in the first layer.

    Args:
        sizes: What all blocks share.
        kernel: Width of the convolution, odd.
        first: Whether it reads the image (planes of values and one plane of ones), not features.
        last: Whether the vertical stack ends here: nothing reads its output.

    Source:
        "Conditional Image Generation with PixelCNN Decoders" (van den Oord et al., 2016),
        figures 1 and 2, equations 2 to 4, https://arxiv.org/abs/1606.05328
    """

    def __init__(self, sizes: Sizes, *, kernel: int, first: bool, last: bool) -> None:
        super().__init__()
        channels, group, reach = sizes.channels, sizes.group, kernel // 2
        # NOTE[DIFF]: in the paper the image comes alone. The plane of ones tells it from the zeros
        # around it.
        into = channels + 1 if first else sizes.tall
        self.sizes, self.first, self.last = sizes, first, last
        # The first layer reads `reach` rows above the row that the horizontal stack is in.
        self.vertical = Rows(into, 2 * sizes.tall, rows=reach + (not first), reach=reach)
        self.link = nn.Conv2d(2 * sizes.tall, channels * 2 * group, 1, bias=False)
        self.horizontal = Backward(
            channels,
            1 if first else group,
            2 * group,
            reach=reach,
            strict=first,
            free=int(first),
        )
        self.output = Backward(channels, group, group, reach=0, strict=False)
        width = 2 * sizes.tall + channels * 2 * group
        self.label = nn.Embedding(sizes.labels, width) if sizes.labels else None
        self.place = nn.Conv2d(sizes.place, width, 1, bias=False) if sizes.place else None
        self.tall_levels: nn.Conv2d | None = None
        self.levels: nn.Conv2d | None = None
        if sizes.levels:
            into = channels * sizes.levels
            self.tall_levels = nn.Conv2d(into, 2 * sizes.tall, 1, bias=False)
            self.levels = nn.Conv2d(into, channels * 2 * group, 1, bias=False, groups=channels)

    def forward(
        self, v: Tensor, h: Tensor, conditions: Conditions
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the next v (B, Fv, H, W) and h (B, C * F, H, W), and what h was gated from."""
        tall, wide = self.conditioned(conditions)
        above = self.vertical(v) + tall
        z = self.horizontal(h) + self.link(down(above)) + wide
        # One gate a channel: planes (B, C, 2 F, H, W).
        gated = gate(z.unflatten(1, (self.sizes.channels, -1)), dim=2).flatten(1, 2)
        out = self.output(gated)
        return v if self.last else gate(above, dim=1), out if self.first else h + out, z

    def conditioned(self, conditions: Conditions) -> tuple[Tensor | float, Tensor | float]:
        """Return what is added to either stack; it broadcasts with (B, ., H, W)."""
        tall: Tensor | float = 0.0
        wide: Tensor | float = 0.0
        parts = [2 * self.sizes.tall, 2 * self.sizes.channels * self.sizes.group]
        if self.label is not None:
            assert conditions.label is not None
            one, other = self.label(conditions.label)[:, :, None, None].split(parts, 1)
            tall, wide = tall + one, wide + other
        if self.place is not None:
            assert conditions.place is not None
            one, other = self.place(conditions.place).split(parts, 1)
            tall, wide = tall + one, wide + other
        if self.levels is not None and self.tall_levels is not None:
            assert conditions.levels is not None
            tall = tall + self.tall_levels(conditions.levels)
            wide = wide + self.levels(conditions.levels)
        return tall, wide


def stack(sizes: Sizes, *, layers: int, first: int, kernel: int) -> nn.ModuleList:
    """Return the blocks of a network.

    Args:
        sizes: What all blocks share.
        layers: Number of blocks.
        first: Width of the first convolution, odd.
        kernel: Width of the others, odd.
    """
    return nn.ModuleList(
        GatedBlock(sizes, kernel=kernel if k else first, first=k == 0, last=k == layers - 1)
        for k in range(layers)
    )
