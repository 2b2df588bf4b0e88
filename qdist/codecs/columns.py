"""The codec of one column: what all kinds share, and the two kinds without a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qdist.backbones import Coordinate
from qdist.codecs.bounds import check_bounds
from qdist.codecs.conform import conform, present, value_type
from qdist.codecs.raw import distance, is_numeric, to_raw
from qdist.codecs.schema import OTHER, ColumnSchema
from qdist.data.frames import canonical
from qdist.data.makes.levels import pack_levels, unpack_levels
from qdist.data.makes.types import pack_type, unpack_type
from qdist.errors import InputError

__all__ = ["AbstractColumn", "ConstantColumn", "IdColumn"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AbstractColumn(ABC):
    """One column of a table as one number in each row, and back.

    Args:
        schema: What the column is.
        kind: The Arrow type of its cells.
    """

    name: ClassVar[str]

    schema: ColumnSchema
    kind: pa.DataType

    @property
    @abstractmethod
    def coordinate(self) -> Coordinate | None:
        """What a network may know of the column; `None` where there is nothing to model."""

    @property
    @abstractmethod
    def missing_value(self) -> float | None:
        """The encoded value of "missing"; `None` where the training data had none missing."""

    @abstractmethod
    def encode(self, array: pa.Array) -> Floats:
        """Cells, N, to numbers, shape (N,).

        Raises:
            InputError: If a cell is of a wrong type, out of bounds or of an unknown level, or is
                missing where no cell of the training data was.
        """

    def unseen(self, array: pa.Array) -> NDArray[np.bool_]:
        """Which cells hold a level that the training data had not, which `encode` refuses: (N,).

        Numbers, dates and times have no such levels, nor have ids.
        """
        return np.zeros(len(array), bool)

    @abstractmethod
    def decode(self, y: Floats) -> pa.Array:
        """Numbers, shape (N,), to cells of the column's type."""

    @abstractmethod
    def log_jacobian(self, y: Floats) -> Floats:
        """The logarithm of dy/dx, shape (N,); 0 where a cell has a probability of its own."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data."""

    def _head(self) -> dict[str, Any]:
        return {
            "codec": self.name,
            "schema": self.schema.to_json(),
            "type": pack_type(self.kind),
        }


def read_head(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of the base class from JSON-able data."""
    return {"schema": ColumnSchema(**data["schema"]), "kind": unpack_type(data["type"])}


def refuse_missing(schema: ColumnSchema, n_missing: int) -> None:
    """Raises where cells are missing in a column that had none missing."""
    if n_missing:
        raise InputError(
            f"Expected a value in each cell of column {schema.name!r}, as in the training data; "
            f"got {n_missing} missing. Fill them, say nan='unknown' where there is that choice, "
            "or fit on data in which some are missing."
        )


@final
@dataclass(frozen=True, eq=False)
class ConstantColumn(AbstractColumn):
    """A column of one value, or of none.

    Args:
        schema: What the column is.
        kind: The Arrow type of its cells.
        value: The value, an array of one cell.
    """

    name: ClassVar[str] = "constant"

    value: pa.Array

    @property
    def coordinate(self) -> None:
        """Nothing to model."""
        return

    @property
    def missing_value(self) -> None:
        """Nothing to model."""
        return

    def encode(self, array: pa.Array) -> Floats:
        """Checks the cells; there is nothing to encode."""
        values = conform(array, self.kind, self.schema.name)
        known = self.value.drop_null()
        if len(known):
            refuse_missing(self.schema, int((~present(values)).sum()))
        strange = values.filter(pa.array(self.unseen(values)))
        if len(strange):
            raise InputError(
                f"Expected the one known level of column {self.schema.name!r}, "
                f"{known[0].as_py()!r}; got {strange[0].as_py()!r}. Use it, or declare others "
                "with Column(categories=...) before fitting."
            )
        if self.schema.lower is not None or self.schema.upper is not None:
            raw, gone = to_raw(values, self.schema.name)
            check_bounds(self.schema, raw, ~gone)
        return np.zeros(len(array))

    def unseen(self, array: pa.Array) -> NDArray[np.bool_]:
        """Which cells, (N,), hold another level than the one of the column, where it is one."""
        values = conform(array, self.kind, self.schema.name)
        known = self.value.drop_null()
        level = known[0].as_py() if len(known) else OTHER
        if self.schema.kind not in {"nominal", "ordered", "boolean"} or level == OTHER:
            return np.zeros(len(array), bool)
        same = pc.is_in(values, value_set=pa.array([level], values.type))
        return np.asarray(present(values) & ~same.to_numpy(zero_copy_only=False), bool)

    def sides(self, array: pa.Array) -> Floats:
        """How far cells (N,) lie from the value, in units of its size; negative below it.

        0 where they are missing, and infinity for a value where all were missing.
        """
        values = conform(array, self.kind, self.schema.name)
        if self.value.null_count == len(self.value):
            return np.where(present(values), np.inf, 0.0)
        if not is_numeric(values.type):
            return np.zeros(len(array))  # other levels are refused
        raw, gone = to_raw(values, self.schema.name)
        only, _ = to_raw(conform(self.value, self.kind, self.schema.name), self.schema.name)
        away = distance(raw, only) / (abs(float(only[0])) or 1.0)
        return np.where(gone, 0.0, np.where(raw < only, -away, away))

    def decode(self, y: Floats) -> pa.Array:
        """The value, once for each entry of y."""
        return self.value.take(pa.array(np.zeros(len(y), np.int64)))

    def log_jacobian(self, y: Floats) -> Floats:
        """Zeros."""
        return np.zeros(len(y))

    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data."""
        value = self.value
        if pa.types.is_dictionary(self.kind):
            value = value.cast(self.kind.value_type)
        missing = bool(value[0].is_valid is False)
        return {**self._head(), "missing": missing, "value": pack_levels(value.drop_null())}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ConstantColumn:
        """The column that `to_json` wrote."""
        head = read_head(data)
        kind = head["kind"]
        if data["missing"]:
            return cls(**head, value=pa.nulls(1, kind))
        value = unpack_levels(data["value"])
        if pa.types.is_dictionary(kind):
            value = pa.DictionaryArray.from_arrays(
                pa.array([0], pa.int32()), value.cast(kind.value_type), ordered=kind.ordered
            )
        return cls(**head, value=canonical(value.cast(kind)))


@final
@dataclass(frozen=True, eq=False)
class IdColumn(AbstractColumn):
    """A column of nearly unique text, or of declared ids: not stored, made up on decoding.

    Categories are ids as text is; those of a decoded frame are the ones that its rows hold.

    Where some of the cells are missing, whether one is missing is modelled (code 0 for present, 1
    for missing).

    Args:
        schema: What the column is.
        kind: The Arrow type of its cells.
    """

    name: ClassVar[str] = "id"

    @property
    def coordinate(self) -> Coordinate | None:
        """Present or missing, where both occurred."""
        return Coordinate(self.schema.name, levels=2) if self.schema.missing else None

    @property
    def missing_value(self) -> float | None:
        """Code 1."""
        return 1.0 if self.schema.missing else None

    def encode(self, array: pa.Array) -> Floats:
        """0 where there is an id, 1 where there is none."""
        missing = np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=bool)
        if not self.schema.missing:
            refuse_missing(self.schema, int(missing.sum()))
        return missing.astype(np.float64)

    def decode(self, y: Floats, *, taken: pa.Array | None = None) -> pa.Array:
        """Placeholders numbered from 1: `name_1`, `name_2`, ... or just the numbers.

        Args:
            y: Codes, shape (N,).
            taken: Ids that are known, which no placeholder repeats while there are others.
        """
        made = self._numbered(len(y) + (0 if taken is None else len(taken)))
        if taken is not None:
            free = made.filter(pc.invert(pc.is_in(made, taken.cast(made.type)))).unique()
            if len(free):  # fewer than rows where the type is a small one
                made = free.take(pa.array(np.arange(len(y)) % len(free)))
        made = made[: len(y)]
        if self.schema.missing:
            made = pc.if_else(pa.array(y >= 0.5), pa.scalar(None, made.type), made)
        return made

    def _numbered(self, n: int) -> pa.Array:
        numbers = pa.array(np.arange(1, n + 1))
        kind = value_type(self.kind)
        if pa.types.is_integer(kind):
            return numbers.cast(kind, safe=False)
        text = numbers.cast(pa.large_string())
        stem = pa.scalar(self.schema.name, pa.large_string())
        return pc.binary_join_element_wise(stem, text, pa.scalar("_", pa.large_string()))

    def log_jacobian(self, y: Floats) -> Floats:
        """Zeros."""
        return np.zeros(len(y))

    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data."""
        return self._head()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> IdColumn:
        """The column that `to_json` wrote."""
        return cls(**read_head(data))
