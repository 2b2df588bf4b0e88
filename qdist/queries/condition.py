"""What is known, read once for all questions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, final

import torch
from torch import Tensor

from qdist.codecs.given import check_nan, is_condition
from qdist.codecs.table import TableCodec
from qdist.data.frames import to_arrow
from qdist.errors import InputError
from qdist.laws import TableLaw

__all__ = ["NOTHING", "Condition", "Nan", "check_order", "read_condition"]

Nan = Literal["unknown", "value"]

NOTHING = (
    "Expected a table with something to learn; got constants and ids only. Add other columns."
)


@final
@dataclass(frozen=True)
class Condition:
    """Encoded conditions.

    Attributes:
        y: Values, shape (N, D), 0 where unknown.
        visible: What is known, shape (N, D).
        others: In how many conditions a column without a coordinate is known, by name.
    """

    y: Tensor
    visible: Tensor
    others: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.y)

    def chunks(self, size: int) -> "list[Condition]":
        """The same rows, at most `size` at a time.

        Where there is no row, one of which nothing is known, so that an answer has a type; cut it
        off.
        """
        if not len(self):
            blank = torch.zeros(1, self.y.shape[1], dtype=self.y.dtype)
            return [Condition(blank, torch.zeros_like(blank, dtype=torch.bool))]
        starts = range(0, len(self), size)
        return [Condition(self.y[s : s + size], self.visible[s : s + size]) for s in starts]


def read_condition(
    codec: TableCodec,
    law: TableLaw | None,
    given: Any,
    *,
    nan: Nan,
    asked: Collection[str] = (),
) -> Condition:
    """Reads what is given: a dict, a frame of conditions, or None for nothing known.

    Of a frame, which may be whole rows, the columns that are asked for are left out.

    Raises:
        UnknownNameError: If a column is not known.
        InputError: If a value cannot be, nan is neither of its words, or a law of a fixed order is
            asked out of order.
    """
    if given is None:
        check_nan(nan)
        y = torch.zeros(1, len(codec.names), dtype=torch.float64)
        return Condition(y, torch.zeros_like(y, dtype=torch.bool))
    if not is_condition(given) and asked:
        given = to_arrow(given)
        there = [name for name in given.schema.names if name in asked]
        if there and len(there) == given.num_columns:  # they alone: nothing is known of the rows
            check_nan(nan)
            y = torch.zeros(given.num_rows, len(codec.names), dtype=torch.float64)
            return Condition(y, torch.zeros_like(y, dtype=torch.bool))
        given = given.drop_columns(there)
    y, visible, others = codec.encode_condition(given, nan=nan)
    check_order(codec, law, visible)
    return Condition(y, visible, others)


def check_order(codec: TableCodec, law: TableLaw | None, visible: Tensor) -> None:
    """Raises where a law that was trained for one order is given other than its first columns."""
    if law is None or law.order is None:
        return
    known = visible[:, law.order]
    if bool((known[:, 1:] & ~known[:, :-1]).any()):
        named = [codec.names[i] for i in law.order.tolist()]
        raise InputError(
            f"Expected conditions on the first columns of the order {named}, for which alone this "
            "model was trained; got others. Fit with order='any'."
        )
