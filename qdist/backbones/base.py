"""What a backbone promises, and the stepper that any backbone has."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn

from qdist.arguments import instance, known_rows
from qdist.backbones.steppers import AbstractStepper, BranchingStepper
from qdist.errors import InputError, UnsupportedError
from qdist.orders import rank_of_visible

__all__ = ["AbstractBackbone", "RecomputeStepper"]


class AbstractBackbone(nn.Module, ABC):
    """A module from what is known of y to one context vector for each coordinate.

    A concrete class sets `name`, `serves` and `takes`, has an `__init__(self, domain, *, ...)`
    whose keyword-only arguments are plain JSON values (so that a saved model can be rebuilt),
    sets `dim` and `context` there, and implements `forward`. The rest are hooks, which have a
    default: `cells`, where contexts of single cells cost less than those of all; `content` and
    `at_levels`, the two halves of a network that sees each level by itself; and a faster
    `stepper`.

    Attributes:
        name: The name by which the registry knows the class.
        serves: The ranks it can serve: "fixed", "two_level" or "any".
        takes: The kind of domain it is built from: `TableDomain` or `ImageDomain`.
        sees_levels: How far levels reach: "none" (most networks), "own" or "past". An instance
            may set its own.
        dim: The number of coordinates D.
        context: The length C of a context vector.

    Example:
        >>> from qdist.backbones import Coordinate, TableDomain
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
        h: Tensor = self(y, rank)
        return h

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
class RecomputeStepper(BranchingStepper):
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

    def take(self, rows: Tensor) -> None:
        """See [`BranchingStepper.take`][qdist.backbones.BranchingStepper.take]."""
        self._y, self._visible = self._y[rows], self._visible[rows]
        if self._tau is not None:
            self._tau = self._tau[rows]


def _arange(rank: Tensor) -> Tensor:
    return torch.arange(rank.shape[-1], device=rank.device)
