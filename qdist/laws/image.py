"""The law of an image: a codec and a chain of grey values, pixel after pixel in raster order."""

from collections.abc import Callable, Iterator
from math import inf
from numbers import Real
from typing import Any, Final, Literal, final

import torch
from torch import Tensor

from qdist.arguments import instance, keywords, known_rows, rows_of
from qdist.backbones import AbstractBackbone, Coordinate, ImageDomain
from qdist.codecs.image import ImageCodec, ImageSchema
from qdist.errors import InputError, UnsupportedError
from qdist.heads import AbstractHead, ColumnHeads
from qdist.joint import Autoregressive
from qdist.joint.levels import law_of
from qdist.laws.base import AbstractLaw, taking
from qdist.laws.grey_cells import cell_ends, cell_mass
from qdist.laws.questions import Questions
from qdist.laws.raster import InRaster
from qdist.progress import progress
from qdist.quantile import QuantileFunction
from qdist.registry import backbone as backbone_class
from qdist.registry import head as head_class
from qdist.rng import inside_unit, uniforms

__all__ = ["ImageLaw"]

# What suits grey values; what the user says comes on top.
_HEAD_ARGS: Final[dict[str, dict[str, Any]]] = {"spline": {"levels": "free", "score": "log"}}
_CHANNELS: Final = ("red", "green", "blue", "alpha")
_DRAWN = 256  # images drawn at once
_READ = 32  # images read at once, at most
# Numbers in the contexts of images read at once, but for a single image; some ten times as many
# pass through a network on the way to them.
_CONTEXTS = 2**23
_VALUES = 2**13  # grey values, each with its whole law, held at once
_LEVELS = 2**10  # the same where the network is run for each level of a law

Read = Callable[[QuantileFunction, Tensor], Tensor]


@final
class ImageLaw(AbstractLaw):
    r"""The law of an image, $\prod_i p(y_i \mid y_{<i}, \text{class})$.

    The coordinates are the class (where there are labels), then grey values by rows, columns and
    channels. All pixels of a channel share one head, so that what they learn they learn together.
    Grey values are codes on an even grid, and a head gives each its mass. For spline and implicit
    heads it is that of the cell, $P(k) = F(k + 1/2) - F(k - 1/2)$, so that black is black.

    Args:
        codec: From images to codes and back.
        backbone: Registered name of the backbone.
        backbone_args: Its keyword arguments.
        head: Registered name of the head.
        head_args: Its keyword arguments.

    Raises:
        UnknownNameError: If no plugin has such a backbone or head.
        InputError: If an argument of theirs is wrong, or they cannot work together.
    """

    def __init__(
        self,
        codec: ImageCodec,
        *,
        backbone: str,
        backbone_args: dict[str, Any],
        head: str,
        head_args: dict[str, Any],
    ) -> None:
        super().__init__()
        remedy = "Make one by ImageCodec.fit(images)."
        self.codec = instance("codec", codec, of=ImageCodec, remedy=remedy)
        backbone_args = keywords("backbone_args", backbone_args)
        head_args = keywords("head_args", head_args)
        schema = codec.schema
        domain = ImageDomain(
            schema.height,
            schema.width,
            schema.channels,
            levels=schema.levels,
            labels=len(schema.classes) or None,
        )
        self.first = len(domain.conditioning)  # the coordinate of the first pixel
        self.channels = schema.channels
        network = _backbone(backbone, domain, backbone_args)
        if network.serves == "any":
            network = InRaster(network, first=self.first)
        heads = _heads(head, schema, network, head_args)
        # The class has no head of its own; it borrows one, which is never asked.
        places = [0] * self.first + list(range(self.channels)) * (schema.dim // self.channels)
        # A pixel is drawn given the bytes of those before it, as they were in training: not given
        # what a head over reals drew for them.
        self.joint = Autoregressive(
            network,
            ColumnHeads(heads, places=places),
            conditioning=domain.conditioning,
            settle=codec.nearest,
        )

    @property
    def backbone(self) -> AbstractBackbone:
        """The network, held to the raster order."""
        return self.joint.backbone

    @property
    def dim(self) -> int:
        """The number of coordinates D, the class included."""
        return self.joint.dim

    def start(self, y: Tensor) -> None:
        """Let the heads start at the marginal law of training rows y (N, D)."""
        for head, at in self._channels():
            # Bytes, whatever holds the class: heads count these, and need no more memory.
            head.start(y[:, at].to(torch.uint8).flatten())

    def questions(self, n: int, *, generator: torch.Generator) -> Questions:
        """What n training rows show, the class alone: the order is fixed, and all else asked."""
        del generator
        shown = torch.zeros(n, self.dim, dtype=torch.bool, device=self.device)
        shown[:, : self.first] = True
        return Questions(shown, ~shown)

    def forward(
        self, y: Tensor, questions: Questions, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """The training loss of images: the mean score of their grey values.

        With a log score that is in nats a grey value. CRPS and pinball losses are divided by the
        spread of a uniform grey value, so that the size of a loss does not depend on the head.

        Args:
            y: Rows of codes, shape (B, D), of any dtype.
            questions: Ignored: each grey value is scored given all those before it.
            generator: For heads whose loss draws levels.

        Returns:
            Losses, shape (B,).
        """
        del questions
        y = y.to(self.dtype)
        if self.backbone.sees_levels == "none":
            # All pixels of a channel at once, without gathering cells one by one.
            h = self.backbone(y, _in_order(y))
            losses = [
                head.loss(h[:, at], y[:, at], generator=generator).sum(-1) / head.loss_unit
                for head, at in self._channels()
            ]
        else:
            cells = self.joint.loss(y, rank=_in_order(y), generator=generator)
            losses = [cells[:, at].sum(-1) / head.loss_unit for head, at in self._channels()]
        return torch.stack(losses).sum(0) / (self.dim - self.first)

    @torch.no_grad()
    def log_mass(self, y: Tensor) -> Tensor:
        """Log probabilities of the grey values of images, each given those before it.

        Args:
            y: Rows of codes, shape (N, D), of any dtype.

        Returns:
            Logs of masses, shape (N, H * W * C).

        Raises:
            InputError: If the shape is wrong.
            UnsupportedError: If the backbone lets past levels in: then there is no such law.
        """
        top = self.codec.schema.levels - 1
        return self._read(y, lambda law, code: cell_mass(law, code, top=top).log())

    @torch.no_grad()
    def rosenblatt(self, y: Tensor, *, seed: int) -> Tensor:
        """Levels of the grey values of images, each uniform on its cell's [F(k-), F(k)].

        Args:
            y: Rows of codes, shape (N, D), of any dtype.
            seed: Where the place within a cell comes from, with row and column.

        Returns:
            Levels, shape (N, H * W * C).

        Raises:
            InputError: If the shape is wrong.
            UnsupportedError: If the backbone lets past levels in: then there is no such law.
        """
        top = self.codec.schema.levels - 1
        both = self._read(y, lambda law, code: torch.stack(cell_ends(law, code, top=top), -1))
        left, right = both.unbind(-1)
        # Not the numbers of `fill`: images drawn with the same seed would depend on them.
        columns = range(self.dim + self.first, 2 * self.dim)
        share = uniforms(seed, range(len(y)), columns=columns).to(left)
        # In (0, 1], as a cell's interval is open on the left: Q(F(k-)) is the value before.
        return left + (1 - share) * (right - left)

    @torch.no_grad()
    def fill(
        self,
        y: Tensor,
        visible: Tensor,
        *,
        seed: int,
        later: Literal["refuse", "keep"] = "refuse",
        read: Literal["law", "network"] = "network",
        what: str = "drawing",
    ) -> Tensor:
        """Complete images.

        Args:
            y: Rows of codes, shape (N, D); hidden cells can be anything.
            visible: What is known, shape (N, D), bool; the class always is.
            seed: Where the levels come from, with row and column.
            later: As in [`fill`][qdist.joint.AbstractJoint.fill] of the joint: whether known
                pixels may follow hidden ones, which then do not see them.
            read: As there: "law" makes this the inverse of `rosenblatt`; "network" draws from
                the same law, faster for implicit heads.
            what: The word in front of the progress bar.

        Returns:
            Complete rows of codes, shape (N, D); what is drawn is whole, and on the grid.

        Raises:
            InputError: If a shape or a dtype is wrong.
        """
        known_rows(y, visible, width=self.dim)
        parts = [y.new_zeros(0, self.dim, dtype=self.dtype).cpu()]
        with progress(what, total=len(y)) as bar:
            for start in range(0, len(y), _DRAWN):
                rows = range(start, min(start + _DRAWN, len(y)))
                at = slice(rows.start, rows.stop)
                tau = inside_unit(uniforms(seed, rows, columns=self.dim), self.dtype)
                filled = self.joint.fill(
                    y[at].to(self.device, self.dtype),
                    visible[at].to(self.device),
                    tau=tau.to(self.device),
                    later=later,
                    read=read,
                )
                parts.append(filled.cpu())
                bar.update(rows.stop)
        return torch.cat(parts)

    def _channels(self) -> Iterator[tuple[AbstractHead, slice]]:
        """The head of each channel, and the coordinates that it serves."""
        for c in range(self.channels):
            yield self.joint.heads[self.first + c], slice(self.first + c, None, self.channels)

    def _read(self, y: Tensor, read: Read) -> Tensor:
        """Something of the law of each grey value, shape (N, H * W * C, ...)."""
        rows_of("y", y, width=self.dim)
        if self.backbone.sees_levels == "past":
            raise UnsupportedError(
                "Expected a network whose contexts depend on values and on their own level; got "
                f"backbone {self.backbone.name!r} with the levels of all pixels before inside. "
                "It has a loss and samples only: there is no law of a pixel given values alone."
            )
        parts = []
        size = max(1, min(_READ, _CONTEXTS // (self.dim * self.backbone.context)))
        for rows in y.split(size):  # one part without rows, where there are none
            codes = rows.to(self.device, self.dtype)
            content = self.backbone.content(codes, _in_order(codes))
            found = [
                self._read_head(head, content[:, at], codes[:, at], read)
                for head, at in self._channels()
            ]
            parts.append(torch.stack(found, 2).flatten(1, 2).cpu())
        return torch.cat(parts)

    def _read_head(self, head: AbstractHead, content: Tensor, code: Tensor, read: Read) -> Tensor:
        size = _VALUES if self.backbone.sees_levels == "none" else _LEVELS
        parts = zip(content.flatten(0, 1).split(size), code.flatten().split(size), strict=True)
        found = torch.cat([read(law_of(self.backbone, head, z), k) for z, k in parts])
        return found.view(*code.shape, *found.shape[1:])


def _in_order(y: Tensor) -> Tensor:
    return torch.arange(y.shape[1], device=y.device)


def _backbone(name: str, domain: ImageDomain, args: dict[str, Any]) -> AbstractBackbone:
    cls = backbone_class(name)
    if cls.takes is not ImageDomain or cls.serves == "two_level":
        raise InputError(
            f"Expected a backbone for images in raster order; got {name!r}, which takes "
            f"{cls.takes.__name__} and serves {cls.serves!r}. Choose another, such as 'pixelcnn'."
        )
    with taking(args, name="backbone_args", by=f"backbone {name!r}", of=cls):
        return cls(domain, **args)


def _heads(
    name: str, schema: ImageSchema, network: AbstractBackbone, args: dict[str, Any]
) -> list[AbstractHead]:
    """A head for each channel."""
    cls = head_class(name)
    channels = _CHANNELS[: schema.channels] if schema.channels > 2 else ("grey", "alpha")
    args = {**_HEAD_ARGS.get(name, {}), **args}
    _check_grid(args, schema.levels - 1)
    with taking(args, name="head_args", by=f"head {name!r}", of=cls):
        return [
            cls.for_coordinate(
                Coordinate(channel, levels=schema.levels, ordered=True), network.context, **args
            )
            for channel in channels[: schema.channels]
        ]


def _check_grid(args: dict[str, Any], top: int) -> None:
    """Codes are the whole numbers 0 ... top: a head on another grid would lose some of them."""
    # What is left out is what ordered codes bring: see `units_of`.
    step, lower, upper = args.get("step", 1), args.get("lower", 0), args.get("upper", top)
    if not all(v is None or isinstance(v, Real) for v in (step, lower, upper)):
        return  # the head itself says what it wants
    low, high = -inf if lower is None else lower, inf if upper is None else upper
    # On a grid, points beyond the codes would have mass of their own, which no image can have.
    fits = (low, high) == (0, top) if step == 1 else step is None and low <= 0 and high >= top
    if not fits:
        raise InputError(
            f"Expected head_args of images with lower 0, upper {top} and step 1, or step None and "
            f"a range at least as wide; got step {step}, lower {lower} and upper {upper}. Leave "
            "them out: codes are whole."
        )
