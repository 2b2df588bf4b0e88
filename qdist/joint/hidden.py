"""Hidden cells: which there are, and how a level becomes a value."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from qdist.errors import InputError
from qdist.quantile import QuantileFunction
from qdist.rng import inside_unit

__all__ = ["Draw", "Part", "by_icdf", "check_levels", "choose_member", "hidden_rows"]

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
        Numbers 0 ... K - 1, and levels strictly inside (0, 1), each of shape (R,). (What is left
        of a multiple of 1 / K is 0, which would be an infinite draw in a tail.)

    Example:
        >>> import torch
        >>> choose_member(torch.tensor([0.25, 0.75]), 2)
        (tensor([0, 1]), tensor([0.5000, 0.5000]))
    """
    place = tau * members
    chosen = place.long().clamp(max=members - 1)
    return chosen, inside_unit(place - chosen, tau.dtype)


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
