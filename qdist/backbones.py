r"""Backbones: modules that turn what is already known of y into the context that a head reads.

One law of causality covers every model: **$h_i$ may depend on $y_j$ if and only if
$\mathrm{rank}_j < \mathrm{rank}_i$**; conditioning variables x have rank -1. A chain, an image in
raster order, a table with some columns known, and independent marginals are different ranks,
not different contracts (see [`qdist.orders`][qdist.orders]).

Not every network can serve every rank. A class declares which it can:

| `serves` | ranks | example |
| --- | --- | --- |
| `"fixed"` | `arange(D)` only | a raster convolution |
| `"two_level"` | at most two different ranks in a row: any visible set | a masked MLP |
| `"any"` | all | masked attention |

Levels may enter a network too. An instance says by `sees_levels` how far they reach:

| `sees_levels` | $h_i$ depends on | what a joint can do with it |
| --- | --- | --- |
| `"none"` | no level | all that its heads can |
| `"own"` | $\tau_i$ | all that an implicit head can: $\tau_i \mapsto Q_i(\tau_i)$ is a function |
| `"past"` | $\tau_i$ and $\tau_j$ of lower rank | the loss and sampling only |

The last is that of the PixelIQN: in training $\tau_j$ says nothing of $y_j$, in sampling it
determines it, so that $h_i$ stands for no law of $y_i$ given the values seen.

An image may have a class label. It is the *first* coordinate of its domain, a conditioning
variable that every pixel sees: coordinate 0 is the label, the pixels follow (see
[`ImageDomain`][qdist.backbones.ImageDomain]).

[`check_backbone`][qdist.testing.check_backbone] proves the law by gradients.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from qdist.arguments import bins_of, instance, known_rows, number
from qdist.errors import InputError, UnsupportedError
from qdist.orders import rank_of_visible

__all__ = [
    "AbstractBackbone",
    "AbstractStepper",
    "Coordinate",
    "Domain",
    "ImageDomain",
    "RecomputeStepper",
    "TableDomain",
]


@dataclass(frozen=True)
class Coordinate:
    """What may be known of a coordinate before any row is seen.

    Attributes:
        name: Its name, unique in its domain.
        levels: The number of codes 0 ... levels - 1; None for a real coordinate.
        ordered: Whether the codes are ordered.
        bins: For a real coordinate, the bins (left, right) of its marginal, sorted; left == right
            is an atom; there may be gaps between bins.

    Raises:
        InputError: If the name is no text, there is no code, or the bins are not sorted.

    Example:
        >>> Coordinate("age")
        Coordinate(name='age', levels=None, ordered=False, bins=())
        >>> Coordinate("colour", levels=3).levels
        3
    """

    name: str
    levels: int | None = None
    ordered: bool = False
    bins: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        instance("the name of a coordinate", self.name, of=str, remedy="Name it by text.")
        number("levels", self.levels, least=1, whole=True, optional=True)
        object.__setattr__(self, "bins", bins_of(self.name, self.bins))
        if self.bins and self.levels is not None:
            raise InputError(f"Expected {self.name!r} to have levels or bins; got both. Drop one.")


@dataclass(frozen=True)
class TableDomain:
    """The coordinates of a table's row, one for each column.

    Raises:
        InputError: If they are no coordinates, or two have one name.
    """

    coordinates: tuple[Coordinate, ...]

    def __post_init__(self) -> None:
        found = tuple(self.coordinates) if isinstance(self.coordinates, Iterable) else (None,)
        names = [c.name for c in found if isinstance(c, Coordinate)]
        if len(set(names)) < len(found):
            raise InputError(
                "Expected a tuple of Coordinate, each with a name of its own; got "
                f"{self.coordinates!r:.80}. Make one Coordinate for each column."
            )
        object.__setattr__(self, "coordinates", found)


@dataclass(frozen=True)
class ImageDomain:
    """An image of integer grey values; its coordinates run over rows, columns, then channels.

    With labels, coordinate 0 is the image's class, a code, and the pixels are 1 ... D - 1. A
    class is given, never modelled: a joint takes `conditioning=domain.conditioning`.

    Attributes:
        height: Rows of pixels.
        width: Pixels in a row.
        channels: Channels of a pixel, each conditioned on those before it.
        levels: Grey values 0 ... levels - 1 of a channel.
        labels: The number of classes 0 ... labels - 1; None where images have no label.

    Raises:
        InputError: If a number is not whole, or below 1.

    Example:
        >>> domain = ImageDomain(28, 28, 3, labels=10)
        >>> domain.dim, domain.conditioning, domain.index(0, 1, 2)
        (2353, (0,), 6)
    """

    height: int
    width: int
    channels: int
    levels: int = 256
    labels: int | None = None

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels", "levels"):
            number(name, getattr(self, name), least=1, whole=True)
        number("labels", self.labels, least=1, whole=True, optional=True)

    @property
    def conditioning(self) -> tuple[int, ...]:
        """The coordinates that are conditioning variables: (0,) with labels, else ()."""
        return () if self.labels is None else (0,)

    @property
    def dim(self) -> int:
        """The number of coordinates D, the label included."""
        return self.height * self.width * self.channels + len(self.conditioning)

    def index(self, row: int, column: int, channel: int = 0) -> int:
        """The coordinate of a pixel's channel.

        Raises:
            InputError: If there is no such pixel or channel.
        """
        sizes = {"row": self.height, "column": self.width, "channel": self.channels}
        for (name, size), at in zip(sizes.items(), (row, column, channel), strict=True):
            number(name, at, least=0, below=size, whole=True)
        pixel = row * self.width + column
        return pixel * self.channels + channel + len(self.conditioning)


Domain = TableDomain | ImageDomain


class AbstractStepper(ABC):
    """Contexts one coordinate at a time, for sampling: what is known grows at each step."""

    @abstractmethod
    def context(self, i: int, *, rows: Tensor | None = None) -> Tensor:
        """The context (or content) of coordinate i given all that is now known.

        Args:
            i: A coordinate that is hidden in each row asked for.
            rows: Row numbers, shape (R,), int64; None means all rows.

        Returns:
            Contexts, shape (B, C), or (R, C) where rows are given.
        """

    @abstractmethod
    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        """Makes coordinate i known.

        Args:
            i: The coordinate.
            value: Its values, shape (B,), or (R,) where rows are given.
            rows: Row numbers, shape (R,), int64; None means all rows.
        """

    def steps(self) -> AbstractContextManager[None]:
        """Entered around a run of steps: a hook, for a number of threads, say; else nothing."""
        return nullcontext()


class AbstractBackbone(nn.Module, ABC):
    """A module from what is known of y to one context vector for each coordinate.

    A concrete class sets `name`, `serves` and `takes`, has an `__init__(self, domain, *, ...)`
    whose keyword-only arguments are plain JSON values (so that a saved model can be rebuilt),
    sets `dim` and `context` there, and implements `forward`. It may also give a faster `stepper`.

    Attributes:
        name: The name by which the registry knows the class.
        serves: The ranks it can serve: "fixed", "two_level" or "any".
        takes: The kind of domain it is built from: `TableDomain` or `ImageDomain`.
        sees_levels: How far levels reach: "none" (most networks), "own" or "past". An instance
            may set its own.
        dim: The number of coordinates D.
        context: The length C of a context vector.

    Example:
        >>> class Pooled(AbstractBackbone):
        ...     name, serves, takes = "pooled", "any", TableDomain
        ...     def __init__(self, domain, *, context=4):
        ...         super().__init__()
        ...         self.dim, self.context = len(domain.coordinates), context
        ...         self.values = nn.Parameter(torch.ones(self.dim, self.dim, context))
        ...     def forward(self, y, rank, *, tau=None):
        ...         seen = rank.expand_as(y).unsqueeze(1) < rank.expand_as(y).unsqueeze(2)
        ...         known = torch.where(seen, y.unsqueeze(1), 0)  # (B, i, j)
        ...         return torch.einsum("bij,ijc->bic", known, self.values)
        >>> net = Pooled(TableDomain((Coordinate("a"), Coordinate("b"), Coordinate("c"))))
        >>> net(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([2, 0, 1]))[0, :, 0]
        tensor([6., 0., 2.], grad_fn=<SelectBackward0>)
    """

    name: ClassVar[str]
    serves: ClassVar[Literal["fixed", "two_level", "any"]]
    takes: ClassVar[type]
    sees_levels: Literal["none", "own", "past"] = "none"
    dim: int
    context: int

    @abstractmethod
    def forward(self, y: Tensor, rank: Tensor, *, tau: Tensor | None = None) -> Tensor:
        r"""The contexts of all coordinates.

        Args:
            y: Values, shape (B, D): reals, and codes as floats. What $h_i$ may not see can be
                anything; not even a NaN may leak.
            rank: Ranks, shape (D,) or (B, D), integers from -1 up.
            tau: The levels at which the heads will be read, shape (B, D). Networks that see
                levels need them, see `sees_levels`; the others leave them alone.

        Returns:
            Contexts, shape (B, D, C).
        """

    def cells(self, y: Tensor, rank: Tensor, *, row: Tensor, column: Tensor) -> Tensor:
        """The contexts of some cells (a hook: a class whose cells share contexts overrides it).

        Args:
            y: Values, shape (B, D).
            rank: Ranks, shape (D,) or (B, D).
            row: The cells' rows, shape (N,), int64.
            column: The cells' coordinates, shape (N,), int64.

        Returns:
            Contexts, shape (N, C): those of `forward`, by default picked from them.
        """
        h: Tensor = self(y, rank)
        return h.flatten(0, 1).index_select(0, row * self.dim + column)

    def content(self, y: Tensor, rank: Tensor) -> Tensor:
        r"""What is known of each coordinate before its level is read.

        A network that sees each level by itself (`sees_levels` is "own") is a composition,
        `forward(y, rank, tau=tau) == at_levels(content(y, rank), tau)`, and overrides both
        methods: so $Q_i$ can be read at many levels for one pass over y.

        Args:
            y: Values, shape (B, D).
            rank: Ranks, shape (D,) or (B, D).

        Returns:
            Contents, shape (B, D, K); by default the contexts, K = C.
        """
        return self(y, rank)  # type: ignore[no-any-return]

    def at_levels(self, content: Tensor, tau: Tensor) -> Tensor:
        """The contexts of contents at levels; by default the contents, whatever the levels.

        Args:
            content: Contents, shape (..., K).
            tau: Levels, shape (...); the two broadcast.

        Returns:
            Contexts, shape (..., C).
        """
        del tau
        return content

    def stepper(self, y: Tensor, visible: Tensor, *, tau: Tensor | None = None) -> AbstractStepper:
        """Contexts one coordinate at a time (a hook: a class that can cache overrides it).

        Args:
            y: Values, shape (B, D); hidden cells can be anything.
            visible: What is known, shape (B, D), bool.
            tau: Levels, shape (B, D); given only to a network that sees those of the past. One
                that sees each level by itself gives contents, to be read by `at_levels`.

        Returns:
            A stepper whose contexts equal those of `forward`; by default each step is a full
            forward pass.
        """
        return RecomputeStepper(self, y, visible, tau=tau)

    @final
    def check_rank(self, rank: Tensor) -> None:
        """Raises if this backbone cannot serve a rank.

        Args:
            rank: Ranks, shape (D,) or (B, D).

        Raises:
            InputError: If the shape or dtype is wrong.
            UnsupportedError: If the class does not serve such ranks.
        """
        instance("rank", rank, of=Tensor, remedy="Call torch.tensor on the ranks.")
        shaped = rank.shape[-1:] == (self.dim,) and rank.dim() <= 2
        if not shaped or rank.is_floating_point() or rank.dtype == torch.bool:
            raise InputError(
                f"Expected integer ranks of shape ({self.dim},) or (B, {self.dim}); "
                f"got {rank.dtype} of shape {tuple(rank.shape)}. "
                "Make them by `qdist.orders`: of a mask by rank_of_visible(visible)."
            )
        if self.serves == "fixed" and not bool((rank == _arange(rank)).all()):
            raise UnsupportedError(
                f"Backbone {self.name!r} fixes the order 0 ... {self.dim - 1}; got other ranks. "
                "Use that order, or a backbone that serves any order."
            )
        if self.serves == "two_level":
            low, high = rank.aminmax(dim=-1, keepdim=True)
            if not bool(((rank == low) | (rank == high)).all()):
                raise UnsupportedError(
                    f"Backbone {self.name!r} serves two levels of rank, visible and hidden; got "
                    "a row with more. Ask for one coordinate at a time, or use a backbone that "
                    "serves any ranks."
                )


@final
class RecomputeStepper(AbstractStepper):
    """The stepper that any backbone can have: a full forward pass for each context.

    Args:
        backbone: The backbone.
        y: Values, shape (B, D); not written to.
        visible: What is known, shape (B, D), bool; not written to.
        tau: Levels, shape (B, D), for a network that sees those of the past.

    Raises:
        InputError: If a shape or a dtype is wrong.
    """

    def __init__(
        self,
        backbone: AbstractBackbone,
        y: Tensor,
        visible: Tensor,
        *,
        tau: Tensor | None = None,
    ) -> None:
        remedy = "Give the network itself."
        instance("backbone", backbone, of=AbstractBackbone, remedy=remedy)  # type: ignore[type-abstract]
        known_rows(y, visible, width=backbone.dim)
        self._backbone, self._y, self._visible, self._tau = backbone, y, visible, tau

    def context(self, i: int, *, rows: Tensor | None = None) -> Tensor:
        """See [`AbstractStepper.context`][qdist.backbones.AbstractStepper.context]."""
        y = self._y if rows is None else self._y[rows]
        if self._backbone.serves == "fixed":
            rank = torch.arange(self._backbone.dim, device=y.device)
        else:
            rank = rank_of_visible(self._visible if rows is None else self._visible[rows])
        if self._backbone.sees_levels == "past":
            tau = self._tau if self._tau is None or rows is None else self._tau[rows]
            context: Tensor = self._backbone(y, rank, tau=tau)[:, i]
            return context
        return self._backbone.content(y, rank)[:, i]

    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        """See [`AbstractStepper.set`][qdist.backbones.AbstractStepper.set]."""
        # Fresh tensors rather than writes in place: an autograd graph may still need the old ones.
        self._y, self._visible = self._y.clone(), self._visible.clone()
        where = slice(None) if rows is None else rows
        self._y[where, i] = value.to(self._y.dtype)
        self._visible[where, i] = True


def _arange(rank: Tensor) -> Tensor:
    return torch.arange(rank.shape[-1], device=rank.device)
