"""One head for each coordinate."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self, final

import torch
from torch import Tensor, nn

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.heads.base import AbstractHead
from qdist.heads.binned import BinnedHead
from qdist.heads.categorical import CategoricalHead

__all__ = ["ColumnHeads"]

# Neighbours among ordered codes learn from each other in a binned head, up to this many.
_MOST_BINS = 1024


class Cells(NamedTuple):
    """Some cells of rows y (B, D): rows (N,), columns (N,), and how many each head has."""

    row: Tensor
    column: Tensor
    counts: list[int]


@final
class ColumnHeads(nn.Module):
    """The heads of D coordinates: contexts (B, D, C) -> one law for each column.

    `heads[i]` is the head of coordinate i. Where a backbone treats many coordinates alike (the
    pixels of an image), they share one head: `places` says which.

    Args:
        heads: The heads, one a coordinate, or fewer with `places`.
        places: For each coordinate, the number of its head; by default 0, 1, 2, ...

    Raises:
        InputError: If there is no head, or a place names none.

    Example:
        >>> import torch
        >>> from qdist.backbones import Coordinate
        >>> columns = (Coordinate("x", bins=((0.0, 0.5), (0.5, 1.0))), Coordinate("k", levels=3))
        >>> heads = ColumnHeads.build(columns, "binned", 4)
        >>> y = torch.tensor([[0.2, 2.0], [float("nan"), 1.0]])
        >>> heads.loss(torch.zeros(2, 2, 4), y, where=~y.isnan())  # log(0.5 / 0.5) and log 3
        tensor([[0.0000, 1.0986],
                [0.0000, 1.0986]], grad_fn=<...>)
    """

    def __init__(
        self, heads: Sequence[AbstractHead], *, places: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        if not heads:
            raise InputError("Expected at least one head; got none. Give one for each coordinate.")
        self._heads = nn.ModuleList(heads)
        self.places = tuple(range(len(heads)) if places is None else places)
        if not self.places or not set(self.places) <= set(range(len(heads))):
            raise InputError(
                f"Expected places out of 0 ... {len(heads) - 1}, one a coordinate; got "
                f"{list(self.places)[:8]}. Name each coordinate's head by its number."
            )

    @classmethod
    def build(
        cls,
        coordinates: Sequence[Coordinate],
        head: type[AbstractHead] | str,
        context: int,
        **args: Any,
    ) -> Self:
        """Build the heads that fit the coordinates.

        Args:
            coordinates: What is known of each coordinate. Those with codes get a
                [`CategoricalHead`][qdist.heads.CategoricalHead], or a
                [`BinnedHead`][qdist.heads.BinnedHead] if they are ordered and there are 3 to 1,024
                of them, whatever `head` says.
            head: Class or registered name of the head of real coordinates.
            context: Width C of the contexts.
            **args: Passed to the heads of real coordinates.

        Returns:
            The heads, one a coordinate.

        Raises:
            UnknownNameError: If no head of that name is registered.
        """
        return cls([_build(coordinate, head, context, args) for coordinate in coordinates])

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, i: int) -> AbstractHead:
        head = self._heads[self.places[i]]
        assert isinstance(head, AbstractHead)
        return head

    def __iter__(self) -> Iterator[AbstractHead]:
        return (self[i] for i in range(len(self)))

    def start(self, y: Tensor, *, weight: Tensor | None = None) -> None:
        """Let each head take first parameters from training rows y (N, D) of weights (N,)."""
        places = torch.tensor(self.places, device=y.device)
        for k, head in enumerate(self._heads):
            assert isinstance(head, AbstractHead)
            served = y[:, places == k]
            every = None if weight is None else weight.unsqueeze(-1).expand(served.shape).flatten()
            head.start(served.flatten(), weight=every)

    def loss(
        self,
        h: Tensor,
        y: Tensor,
        *,
        where: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the score of each cell, exactly 0 outside `where`.

        Only the cells of `where` are computed: the others cost nothing, and neither their value
        nor their context (NaN, say) reaches the result or the gradient.

        Args:
            h: Contexts, shape (B, D, C).
            y: Targets, shape (B, D); codes as floats.
            where: The cells that count, bool, shape (B, D); all by default.
            generator: Source of random levels, for heads that draw them.

        Returns:
            Scores, shape (B, D), unreduced.

        Raises:
            InputError: If the shapes do not fit.
        """
        rows, width, _ = h.shape
        if width != len(self) or y.shape != (rows, width):
            raise InputError(
                f"Expected contexts (B, {len(self)}, C) and targets (B, {len(self)}); got "
                f"{tuple(h.shape)} and {tuple(y.shape)}. Give one column for each head."
            )
        if where is None:
            where = torch.ones_like(y, dtype=torch.bool)
        cells = self.cells(where)
        h = h.flatten(0, 1).index_select(0, cells.row * width + cells.column)
        return self.loss_of_cells(h, y, cells=cells, generator=generator)

    def cells(self, where: Tensor) -> Cells:
        """List the cells of `where` (B, D), bool, those of one head after those of another."""
        places = torch.tensor(self.places, device=where.device)
        order = places.argsort(stable=True)
        column, row = where.t()[order].nonzero(as_tuple=True)
        sums = places.new_zeros(len(self._heads))
        counts: list[int] = sums.index_add(0, places, where.sum(0)).tolist()
        return Cells(row, order[column], counts)

    def loss_of_cells(
        self, h: Tensor, y: Tensor, *, cells: Cells, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the score of some cells, and 0 for all others.

        Args:
            h: The cells' contexts, shape (N, C).
            y: Targets, shape (B, D).
            cells: Which cells, as `cells` lists them.
            generator: Source of random levels, for heads that draw them.

        Returns:
            Scores, shape (B, D), unreduced.
        """
        if not len(h):
            return h.new_zeros(y.shape)
        at = cells.row * y.shape[1] + cells.column
        contexts, targets = h.split(cells.counts), y.flatten()[at].split(cells.counts)
        losses = [
            _loss(head, contexts[k], targets[k], generator)
            for k, head in enumerate(self._heads)
            if cells.counts[k]
        ]
        found = torch.cat(losses)
        return found.new_zeros(y.numel()).index_copy(0, at, found).view(y.shape)


def _loss(head: nn.Module, h: Tensor, target: Tensor, generator: torch.Generator | None) -> Tensor:
    assert isinstance(head, AbstractHead)
    return head.loss(h, target, generator=generator)


def _build(
    coordinate: Coordinate, head: type[AbstractHead] | str, context: int, args: dict[str, Any]
) -> AbstractHead:
    if coordinate.levels is None:
        return _head_class(head).for_coordinate(coordinate, context, **args)
    if coordinate.ordered and 2 < coordinate.levels <= _MOST_BINS:
        return BinnedHead.for_coordinate(coordinate, context)
    return CategoricalHead.for_coordinate(coordinate, context)


def _head_class(head: type[AbstractHead] | str) -> type[AbstractHead]:
    if not isinstance(head, str):
        return head
    from qdist import registry

    return registry.head(head)
