"""What a network is told of the data before it sees any: the coordinates of a row or an image."""

from collections.abc import Iterable
from dataclasses import dataclass

from qdist.arguments import bins_of, instance, number
from qdist.errors import InputError

__all__ = ["Coordinate", "Domain", "ImageDomain", "TableDomain"]


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
