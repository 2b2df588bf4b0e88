"""Hidden cells: which there are, and how a level becomes a value."""

from collections.abc import Callable, Iterator, Sequence
from typing import final

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone, AbstractStepper
from qdist.errors import InputError
from qdist.quantile import QuantileFunction

__all__ = ["Draw", "Part", "Past", "by_icdf", "check_levels", "choose_member", "hidden_rows"]

Part = tuple[int, Tensor | None, QuantileFunction]
"""A coordinate, the rows in which it is asked for (None for all), and its laws in those rows."""

Draw = Callable[[int, QuantileFunction, Tensor], Tensor]
"""A coordinate i, its laws (R,) and levels (R,) -> values (R,)."""


def by_icdf(i: int, law: QuantileFunction, tau: Tensor) -> Tensor:
    """Values at levels: the plain way to draw."""
    del i
    return law.icdf(tau)


def check_levels(tau: Tensor, visible: Tensor) -> None:
    """Raises unless each hidden cell has a level."""
    if not bool(((tau >= 0) & (tau <= 1) | visible).all()):
        raise InputError(
            "Expected levels in [0, 1] in all hidden cells; got others. "
            "Draw them uniformly, or take them from `rosenblatt`."
        )


def choose_member(tau: Tensor, members: int) -> tuple[Tensor, Tensor]:
    """Make two numbers of one uniform level (R,): which of K members, and a uniform level.

    Args:
        tau: Levels in [0, 1], shape (R,).
        members: The number K of members.

    Returns:
        Numbers 0 ... K - 1, and levels strictly inside (0, 1), each of shape (R,). What is left
        of a level is 0 where the level is a multiple of 1 / K, and would be an infinite draw in a
        tail.

    Example:
        >>> choose_member(torch.tensor([0.25, 0.75]), 2)
        (tensor([0, 1]), tensor([0.5000, 0.5000]))
    """
    place = tau * members
    chosen = place.long().clamp(max=members - 1)
    least = torch.finfo(tau.dtype).eps / 2
    return chosen, (place - chosen).clamp(least, 1 - least)


def hidden_rows(
    visible: Tensor, order: Sequence[int] | None = None
) -> Iterator[tuple[int, Tensor | None]]:
    """The coordinates that are hidden somewhere, each with its rows (None for all rows)."""
    hidden = ~visible
    counts = hidden.sum(0).tolist()
    for i in range(len(counts)) if order is None else order:
        if counts[i] == len(visible):
            yield i, None
        elif counts[i]:
            yield i, hidden[:, i].nonzero().squeeze(1)


@final
class Past:
    """Which rows of a sampler know the same so far, and so have the same context.

    Where nothing is known all rows are alike; once columns of few values are drawn there are as
    many kinds as rows differ in these. A network need be asked once for each kind. When a column
    of many values comes, every row is a kind of its own, and this costs nothing more.

    Args:
        visible: What is known at first, shape (B, D), bool.
        backbone: Whose contexts are meant. Only where they depend on what is known alone, and cost
            a pass for each cell, is there anything to save.
    """

    def __init__(self, visible: Tensor, backbone: AbstractBackbone) -> None:
        unknown = (
            backbone.serves == "two_level"
            and backbone.sees_levels == "none"
            and len(visible) > 1
            and not bool(visible.any())
        )
        self._kind = visible.new_zeros(len(visible), dtype=torch.long) if unknown else None

    def add(self, value: Tensor) -> None:
        """Note the values (B,) of the next column, drawn in all rows."""
        if self._kind is None:
            return
        kinds, code = value.unique(return_inverse=True)
        kinds, self._kind = (self._kind * len(kinds) + code).unique(return_inverse=True)
        if 2 * len(kinds) > len(value):
            self._kind = None

    def context(self, stepper: AbstractStepper, i: int, rows: Tensor | None) -> Tensor:
        """What the stepper gives for a coordinate in some rows (R,), asked once for each kind."""
        if self._kind is None:
            return stepper.context(i, rows=rows)
        kind = self._kind if rows is None else self._kind[rows]
        if not len(kind):
            return stepper.context(i, rows=rows)
        kinds, place = kind.unique(return_inverse=True)
        at = torch.arange(len(place), device=place.device)
        first = place.new_full((len(kinds),), len(place)).scatter_reduce_(0, place, at, "amin")
        return stepper.context(i, rows=first if rows is None else rows[first]).index_select(
            0, place
        )
