"""The columns that are asked for: those that a network models, and those it has no need of."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pyarrow as pa
import torch

from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn, ConstantColumn
from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.laws import TableLaw
from qdist.quantile import Categorical, QuantileFunction
from qdist.queries.condition import Condition

__all__ = ["AskedColumn", "column_of", "columns_of", "is_one"]


@final
@dataclass(frozen=True)
class AskedColumn:
    """A column of which something is asked.

    Args:
        coder: Its codec; that of a constant as one of a single code.
        index: The number of its coordinate; None where there is nothing to model.
    """

    coder: AbstractColumn
    index: int | None

    @property
    def name(self) -> str:
        """The column's name."""
        return self.coder.schema.name

    def law(self, law: TableLaw | None, condition: Condition) -> QuantileFunction:
        """The law of the encoded cell given what is known, batch shape (N,)."""
        if self.index is None:
            return Categorical(torch.zeros(len(condition), 1), validate_args=False)
        assert law is not None  # there is something to model
        return law.conditional(self.index, condition.y, condition.visible)

    def known(self, condition: Condition) -> int:
        """In how many conditions its value is known."""
        if self.index is None:
            return condition.others.get(self.name, 0)
        return int(condition.visible[:, self.index].sum())


def is_one(names: Any) -> bool:
    """Whether this is one column's name; pandas has columns whose names are numbers."""
    return isinstance(names, str | int | np.integer)


def column_of(codec: TableCodec, name: Any) -> AskedColumn:
    """The one column asked for.

    Raises:
        UnknownNameError: If there is no column of that name.
        InputError: If it is no name.
    """
    if not is_one(name):
        raise InputError(
            f"Expected the name of one column; got {name!r:.80}. Ask for one at a time."
        )
    return _column_of(codec, str(name))


def columns_of(codec: TableCodec, names: Any) -> list[AskedColumn]:
    """The columns asked for: one name, or several.

    Raises:
        UnknownNameError: If there is no column of a name.
        InputError: If there is no name.
    """
    if is_one(names):
        return [_column_of(codec, str(names))]
    if not isinstance(names, list | tuple) or not names:
        raise InputError(
            f"Expected the name of a column, or a list of names; got {names!r}. "
            "Ask for columns by their names."
        )
    return [_column_of(codec, str(name)) for name in names]


def _column_of(codec: TableCodec, name: str) -> AskedColumn:
    column = codec.column(name)
    if column.coordinate is not None:
        return AskedColumn(column, codec.index(name))
    if not isinstance(column, ConstantColumn):
        return AskedColumn(column, None)
    levels = column.value.drop_null()
    if pa.types.is_dictionary(levels.type):
        levels = levels.cast(levels.type.value_type)
    return AskedColumn(CodedColumn(column.schema, column.kind, levels, not len(levels)), None)
