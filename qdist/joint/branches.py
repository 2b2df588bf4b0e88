"""Rows of a sampler that know the same so far are asked for once."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, final

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone, BranchingStepper

__all__ = ["Branches", "Contexts"]

# Where more than this share of the rows differ, keeping equal rows together no longer pays.
_MOST = 0.9


class Contexts(NamedTuple):
    """What a network says of one coordinate in some rows, many of which may be told the same.

    Attributes:
        h: Contexts, shape (U, C).
        row: Which of them each row has, shape (R,), int64; None where row r has the r-th.
    """

    h: Tensor
    row: Tensor | None = None

    def each(self) -> Tensor:
        """The contexts of all rows, shape (R, C)."""
        return self.h if self.row is None else self.h.index_select(0, self.row)


@final
class Branches:
    """The rows of a sampler, through the steppers of one or more networks.

    Draws for one condition begin alike, and those for none all do; after a column of few values
    there are as many kinds of rows as differ in it. A network need be asked once for each kind,
    and this class keeps one row of it. When a column of many values comes, each row is a kind of
    its own, and from then on is a row of the steppers.

    That is for networks whose contexts depend only on what is known and cost a pass for each cell,
    and whose steppers can [branch][qdist.backbones.BranchingStepper]. For other networks, and
    where gradients for y are wanted, each row is kept from the start.

    Args:
        backbones: The networks, of one class.
        y: Values, shape (B, D); hidden cells can be anything.
        visible: What is known at first, shape (B, D), bool.
        tau: Levels, shape (B, D), for networks that see those of the past.
    """

    def __init__(
        self,
        backbones: Sequence[AbstractBackbone],
        y: Tensor,
        visible: Tensor,
        *,
        tau: Tensor | None = None,
    ) -> None:
        self._kind: Tensor | None = None  # of each row; None where each is a row of the steppers
        alike = all(b.serves == "two_level" and b.sees_levels == "none" for b in backbones)
        if alike and not (y.requires_grad and torch.is_grad_enabled()):
            kind, first = _runs(y, visible)
            if len(first) <= _MOST * len(y):
                steppers = [b.stepper(y[first], visible[first]) for b in backbones]
                if all(isinstance(stepper, BranchingStepper) for stepper in steppers):
                    self._kind, self._steppers = kind, steppers
                    return
        seen = {} if tau is None else {"tau": tau}
        self._steppers = [b.stepper(y, visible, **seen) for b in backbones]

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Entered around a run of steps; see `AbstractStepper.steps`."""
        with ExitStack() as stack:
            for stepper in self._steppers:
                stack.enter_context(stepper.steps())
            yield

    def contexts(self, i: int, rows: Tensor | None, *, network: int = 0) -> Contexts:
        """What one of the networks says of coordinate i in some rows (R,), or in all."""
        stepper = self._steppers[network]
        if self._kind is None:
            return Contexts(stepper.context(i, rows=rows))
        if rows is None:
            return Contexts(stepper.context(i), self._kind)
        kinds, row = self._kind[rows].unique(return_inverse=True)
        return Contexts(stepper.context(i, rows=kinds), row)

    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        """Make coordinate i known: values (R,) in some rows (R,), or in all."""
        if self._kind is not None:
            value, rows = self._split_kinds(value, rows)
        for stepper in self._steppers:
            stepper.set(i, value, rows=rows)

    def _split_kinds(self, value: Tensor, rows: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Split kinds by values; return the values and their rows, numbered as in the steppers."""
        assert self._kind is not None
        found, code = value.unique(return_inverse=True)
        pair = self._kind * len(found)
        if rows is None:
            pair += code
        else:
            pair[rows] += code
        kinds, kind = pair.unique(return_inverse=True)
        if len(kinds) > _MOST * len(kind):
            self._take(self._kind)
            self._kind = None
            return value, rows
        self._take(kinds // len(found))
        self._kind = kind
        value = found[kinds % len(found)]
        if rows is None:
            return value, None
        rows = kind[rows].unique()  # what is hidden in one row of a kind is hidden in all
        return value[rows], rows

    def _take(self, rows: Tensor) -> None:
        for stepper in self._steppers:
            assert isinstance(stepper, BranchingStepper)
            stepper.take(rows)


def _runs(y: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """The runs of rows that know the same: the run of each row (B,), and the first row of each.

    Draws for one condition stand side by side; what is the same elsewhere is not looked for.
    """
    known = torch.where(visible, y, 0.0)
    differs = (known[1:] != known[:-1]).any(1) | (visible[1:] != visible[:-1]).any(1)
    starts = torch.cat([differs.new_ones(min(len(y), 1)), differs])
    return starts.cumsum(0) - 1, starts.nonzero().squeeze(1)
