r"""The Gated PixelCNN: two stacks of gated convolutions in raster order.

Coordinates run over rows, columns and channels: R, then G given R, then B given both. Images can
have any height, width and number of channels.

Source: "Conditional Image Generation with PixelCNN Decoders" (van den Oord et al., 2016),
https://arxiv.org/abs/1606.05328; levels in the network: "Autoregressive Quantile Networks for
Generative Modeling" (Ostrovski, Dabney, Munos, 2018), section 5, https://arxiv.org/abs/1806.05575
"""

from typing import ClassVar, Literal, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.arguments import number
from qdist.backbones import AbstractBackbone, AbstractStepper, ImageDomain
from qdist.errors import InputError
from qdist_pixelcnn.block import Conditions, GatedBlock, Sizes, stack
from qdist_pixelcnn.layers import Backward
from qdist_pixelcnn.levels import LevelEmbedding, QueryStream
from qdist_pixelcnn.stepper import RasterStepper

__all__ = ["GatedPixelCNN"]

_SEES: dict[str, Literal["none", "own", "past"]] = {
    "head": "none",
    "query": "own",
    "blocks": "past",
}


@final
class GatedPixelCNN(AbstractBackbone):
    r"""The backbone `pixelcnn`: for images, in raster order.

    Where levels enter is the choice between three networks of the same convolutions:

    | `levels` | a level is read by | contexts see | the law |
    | --- | --- | --- | --- |
    | `"head"` | the head alone | no level | whatever the head gives |
    | `"query"` | a stream beside the content (ours) | their own level | quantile functions |
    | `"blocks"` | every gated block (PixelIQN) | their own and all before | loss, samples only |

    With labels, coordinate 0 is the class, which enters every gated block.

    Args:
        domain: The image.
        features: Features of either stack. Those of the horizontal one are shared out among the
            channels, rounded up.
        layers: Number of gated layers, the one that reads the image included.
        first: Width of the first convolution, odd.
        kernel: Width of the others, odd.
        context: Length C of a context.
        place: Width of what is learnt of each place of the image and enters every gated block
            (location-dependent conditioning); 0 for none.
        levels: Where levels enter: "head", "query" or "blocks".
        cosines: Cosines of the levels' embedding; not used with "head".

    Raises:
        InputError: If the domain is no image, or an argument is out of its range.

    Example:
        >>> net = GatedPixelCNN(ImageDomain(5, 4, 3), features=6, layers=2)
        >>> net(torch.zeros(2, 60), torch.arange(60)).shape
        torch.Size([2, 60, 64])
    """

    name: ClassVar[str] = "pixelcnn"
    serves: ClassVar[Literal["fixed", "two_level", "any"]] = "fixed"
    takes: ClassVar[type] = ImageDomain

    def __init__(
        self,
        domain: ImageDomain,
        *,
        features: int = 64,
        layers: int = 6,
        first: int = 7,
        kernel: int = 3,
        context: int = 64,
        place: int = 8,
        levels: str = "head",
        cosines: int = 64,
    ) -> None:
        super().__init__()
        _check_domain(domain)
        features, layers = _whole("features", features, 1), _whole("layers", layers, 1)
        context, cosines = _whole("context", context, 1), _whole("cosines", cosines, 1)
        first, kernel = _whole("first", first, 3), _whole("kernel", kernel, 3)
        place = _whole("place", place, 0)
        for name, width in {"first": first, "kernel": kernel}.items():
            _expect(width % 2 == 1, f"an odd {name}", width)
        _expect(levels in _SEES, f"levels to be one of {', '.join(_SEES)}", repr(levels))
        self.domain, self.dim, self.context = domain, domain.dim, context
        self.sees_levels = _SEES[levels]
        group = -(-features // domain.channels)
        self.sizes = Sizes(
            channels=domain.channels,
            tall=features,
            group=group,
            labels=domain.labels or 0,
            place=place,
            levels=group if levels == "blocks" else 0,
        )
        # NOTE[DIFF]: what is said of a place is learnt; the paper makes its map s = m(h) by a
        # network from a latent vector h.
        self.place = (
            nn.Parameter(torch.randn(1, place, domain.height, domain.width)) if place else None
        )
        self.blocks = stack(self.sizes, layers=layers, first=first, kernel=kernel)
        self.output = Backward(domain.channels, group, context, reach=0, strict=False)
        self.embed = LevelEmbedding(group, cosines=cosines) if levels == "blocks" else None
        self.query: QueryStream | None = None
        if levels == "query":
            self.query = QueryStream(
                group, layers=layers, width=group, context=context, cosines=cosines
            )

    def forward(self, y: Tensor, rank: Tensor, *, tau: Tensor | None = None) -> Tensor:
        """Return contexts (B, D, C); see `AbstractBackbone.forward`."""
        if self.query is None:
            return self.content(y, rank, tau=tau)
        return self.at_levels(self.content(y, rank), self._levels(tau))

    def content(self, y: Tensor, rank: Tensor, *, tau: Tensor | None = None) -> Tensor:
        """Return what is known of each coordinate before its level is read, (B, D, K).

        See [`AbstractBackbone.content`][qdist.backbones.AbstractBackbone.content].
        """
        del rank  # there is but one
        conditions = self.conditions(y, tau)
        values = self.planes(y)
        v = h = torch.cat([values, torch.ones_like(values[:, :1])], 1)
        gated = []
        for block in self.blocks:
            v, h, z = block(v, h, conditions)
            if self.query is not None:  # nobody else reads them, and they are large
                gated.append(z)
        out = self.output(h.relu())
        parts = [*gated, out] if self.query is not None else [out.relu()]
        return self._label_first(torch.cat([self._rows(part) for part in parts], -1))

    def at_levels(self, content: Tensor, tau: Tensor) -> Tensor:
        """Return the contexts of contents at levels.

        See [`AbstractBackbone.at_levels`][qdist.backbones.AbstractBackbone.at_levels].
        """
        if self.query is None:
            return content
        contexts: Tensor = self.query(content, tau)
        return contexts

    def stepper(self, y: Tensor, visible: Tensor, *, tau: Tensor | None = None) -> AbstractStepper:
        """Return a stepper that keeps all that the forward pass would compute again."""
        del visible  # in raster order, what comes before a value is known when it is asked for
        return RasterStepper(self, y, tau)

    def gated_blocks(self) -> list[GatedBlock]:
        """Return the gated layers, the one that reads the image first."""
        return cast(list[GatedBlock], list(self.blocks))

    def conditions(self, y: Tensor, tau: Tensor | None) -> Conditions:
        """Return what conditions the blocks: labels out of y (B, D), places, levels (B, D)."""
        first = len(self.domain.conditioning)
        label = None
        if self.domain.labels is not None:  # an unknown label may be anything
            label = y[:, 0].nan_to_num(0.0).clamp(0, self.domain.labels - 1).long()
        levels = None
        if self.embed is not None:
            tau = self._levels(tau)[:, first:].to(y.dtype)
            shape = (self.domain.height, self.domain.width, self.domain.channels)
            levels = self.embed(tau.unflatten(1, shape)).flatten(3).permute(0, 3, 1, 2)
        return Conditions(label=label, place=self.place, levels=levels)

    def planes(self, y: Tensor) -> Tensor:
        """Return the values of y (B, D) in [-1, 1] as planes (B, C, H, W); unknown ones too."""
        domain = self.domain
        pixels = y[:, len(domain.conditioning) :].nan_to_num(0.0).clamp(0, domain.levels - 1)
        scaled = pixels * (2 / max(1, domain.levels - 1)) - 1
        image: Tensor = scaled.unflatten(1, (domain.height, domain.width, domain.channels))
        return image.permute(0, 3, 1, 2)

    def _rows(self, planes: Tensor) -> Tensor:
        """Planes (B, C * K, H, W) as one row a coordinate, (B, H * W * C, K)."""
        rows: Tensor = planes.permute(0, 2, 3, 1).unflatten(3, (self.domain.channels, -1))
        return rows.flatten(1, 3)

    def _label_first(self, rows: Tensor) -> Tensor:
        """With a label, which sees nothing, a row of zeros in front."""
        return functional.pad(rows, (0, 0, len(self.domain.conditioning), 0))

    def _levels(self, tau: Tensor | None) -> Tensor:
        if tau is None:
            raise InputError(
                f"Expected levels tau of shape (B, {self.dim}), which this network reads; got "
                "none. Give them, or build it with levels='head'."
            )
        return tau


def _check_domain(domain: ImageDomain) -> None:
    if not isinstance(domain, ImageDomain):
        raise InputError(
            f"Expected an image for backbone 'pixelcnn'; got {domain!r}. "
            "Use another backbone for tables."
        )


def _whole(name: str, value: object, least: int) -> int:
    """A whole number as Python has them: torch takes not all of numpy's everywhere."""
    found: int = number(f"{name} of backbone 'pixelcnn'", value, least=least, whole=True)
    return found


def _expect(truth: bool, what: str, got: object) -> None:  # noqa: FBT001 - an assertion
    if not truth:
        raise InputError(f"Expected {what} for backbone 'pixelcnn'; got {got}.")
