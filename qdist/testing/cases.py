"""Values and ranks on which `check_backbone` tries a backbone."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qdist.arguments import number
from qdist.backbones import AbstractBackbone, Coordinate, Domain, ImageDomain, TableDomain
from qdist.errors import InputError
from qdist.orders import rank_of

__all__ = [
    "PRESENT",
    "TOLERANCE",
    "check_class",
    "check_said",
    "default_domain",
    "draw_ranks",
    "draw_values",
    "randomise",
    "seeded",
]

TOLERANCE = 1e-9  # float64 through a few layers of order one; a leak is far larger
PRESENT = 1e-13  # a dependence that is there may be faint, but not as faint as rounding


def check_class(cls: Any) -> type[TableDomain | ImageDomain]:
    """The kind of domain that a class of backbones takes.

    Raises:
        InputError: If it is no such class, or does not say what it needs to be built and asked.
    """
    if not isinstance(cls, type) or not issubclass(cls, AbstractBackbone):
        raise InputError(
            f"Expected a subclass of AbstractBackbone; got {cls!r:.80}. "
            "Give the class itself, not an instance or its name."
        )
    kinds = (TableDomain, ImageDomain)
    said = {"takes": kinds, "serves": ("fixed", "two_level", "any")}
    for name, known in said.items():
        if (got := getattr(cls, name, None)) not in known:
            words = ", ".join(str(getattr(value, "__name__", value)) for value in known)
            raise InputError(
                f"Expected {cls.__name__}.{name} to be one of {words}; got {got!r}. "
                "Say it in the body of the class."
            )
    lacking = ", ".join(sorted(cls.__abstractmethods__))
    if lacking:
        raise InputError(
            f"Expected a class that can be built; got {cls.__name__} without {lacking}. Write it."
        )
    return cls.takes


def check_said(net: AbstractBackbone) -> None:
    """Checks what a backbone says of itself, which all other checks read.

    Raises:
        AssertionError: If the class has no name, or the network no sizes.
    """
    what, name = type(net).__name__, getattr(net, "name", None)
    if not isinstance(name, str) or not name:
        raise AssertionError(
            f"{what}: expected a class attribute `name`, the text by which the registry knows it; "
            f"got {name!r}. Say it in the body of the class."
        )
    sizes = {"dim": "the number of coordinates", "context": "the length of a context vector"}
    for name, size in sizes.items():
        found: Any = getattr(net, name, None)
        if not isinstance(found, int) or found < 1:
            raise AssertionError(
                f"{what}: expected `self.{name}`, {size}, a whole number from 1 on; got "
                f"{found!r}. Set it in __init__."
            )


def seeded(seed: Any) -> torch.Generator:
    """A generator of a seed.

    Raises:
        InputError: If it is no whole number from 0 on.
    """
    return torch.Generator().manual_seed(number("seed", seed, least=0, below=2**63, whole=True))


def default_domain(takes: type) -> Domain:
    """A small domain of the kind: a table of all kinds of columns, or colours with labels."""
    if takes is ImageDomain:
        return ImageDomain(height=2, width=3, channels=3, levels=8, labels=3)
    return TableDomain(
        (
            Coordinate("real"),
            Coordinate("atom", bins=((0.0, 0.2), (0.3, 0.3), (0.4, 1.0))),
            Coordinate("nominal", levels=3),
            Coordinate("ordered", levels=4, ordered=True),
            Coordinate("other"),
        )
    )


def draw_values(domain: Domain, rows: int, generator: torch.Generator) -> Tensor:
    """Rows of values that the domain allows, shape (rows, D), float64."""
    columns = []
    for coordinate in _coordinates(domain):
        if coordinate.levels is not None:
            codes = torch.randint(coordinate.levels, (rows,), generator=generator)
            column = codes.double()
        elif coordinate.bins:
            ends = torch.tensor(coordinate.bins, dtype=torch.float64)
            left, right = ends[torch.randint(len(ends), (rows,), generator=generator)].unbind(1)
            share = torch.rand(rows, generator=generator, dtype=torch.float64)
            column = left + share * (right - left)
        else:
            column = torch.randn(rows, generator=generator, dtype=torch.float64)
        columns.append(column)
    return torch.stack(columns, 1)


def draw_ranks(
    net: AbstractBackbone, rows: int, generator: torch.Generator, *, given: Sequence[int] = ()
) -> dict[str, Tensor]:
    """Ranks of every kind that the backbone says it serves, by what they are.

    Coordinates that are given have rank -1, but in a fixed order, which they begin.
    """
    dim = net.dim
    if net.serves == "fixed":
        return {"the fixed order": torch.arange(dim)}
    half = torch.rand((rows, dim), generator=generator).argsort(1) < (dim + 1) // 2
    cases = {
        "equal ranks": torch.zeros(dim, dtype=torch.long),
        "one visible set": (~half[0]).long(),
        "a visible set for each row": (~half).long(),
        "conditioning variables (rank -1)": -half[0].long(),
    }
    if net.serves == "any":
        # Neither is its own inverse for D > 2, so an order taken for a rank shows.
        cases["the order [1, 2, ..., 0]"] = rank_of(torch.arange(dim).roll(-1))
        cases["a random order"] = torch.randperm(dim, generator=generator)
        cases["ranks with ties and -1 for each row"] = torch.randint(
            -1, dim, (rows, dim), generator=generator
        )
        cases["a random order for each row"] = torch.rand(
            (rows, dim), generator=generator
        ).argsort(1)
    for rank in cases.values():
        rank[..., list(given)] = -1
    return cases


def randomise(net: nn.Module, generator: torch.Generator) -> None:
    """Moves every parameter, so that layers which start at zero hide nothing."""
    with torch.no_grad():
        for parameter in net.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(noise / fan_in**0.5)


def _coordinates(domain: Domain) -> tuple[Coordinate, ...]:
    if isinstance(domain, TableDomain):
        return domain.coordinates
    label = () if domain.labels is None else (Coordinate("label", levels=domain.labels),)
    pixels = domain.height * domain.width * domain.channels
    return label + (Coordinate("pixel", levels=domain.levels, ordered=True),) * pixels
