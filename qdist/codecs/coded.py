"""A column of levels: text, booleans, categories, or numbers of which there are only a few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qdist.backbones import Coordinate
from qdist.codecs.bounds import check_bounds
from qdist.codecs.columns import AbstractColumn, read_head, refuse_missing
from qdist.codecs.conform import conform, present, value_type
from qdist.codecs.raw import distance, from_raw, is_numeric, to_raw
from qdist.data.makes.levels import pack_levels, unpack_levels
from qdist.errors import InputError

__all__ = ["CodedColumn"]

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class CodedColumn(AbstractColumn):
    """Levels to the codes 0, 1, ...; missing, where it occurred, is the code after the last.

    Args:
        schema: What the column is.
        kind: The Arrow type of its cells.
        levels: The levels in the order of their codes; increasing where the column is a number.
        missing: Whether missing cells have a code.
        rest: The code of any level that is none of these; `None` where that is an error.
    """

    name: ClassVar[str] = "coded"

    levels: pa.Array
    missing: bool
    rest: int | None = None

    @property
    def coordinate(self) -> Coordinate:
        """The number of codes and whether they are ordered."""
        count = len(self.levels) + self.missing
        return Coordinate(self.schema.name, levels=count, ordered=self.schema.ordered)

    @property
    def missing_value(self) -> float | None:
        """The code after the last level."""
        return float(len(self.levels)) if self.missing else None

    @property
    def on_line(self) -> bool:
        """Whether the levels are numbers, dates or times."""
        return self.schema.kind not in {"nominal", "ordered", "boolean"}

    def encode(self, array: pa.Array) -> Floats:
        """Codes. A number between the levels of a numeric column takes the nearest one's."""
        if pa.types.is_dictionary(array.type) and len(array.dictionary) < len(array):
            codes = self._codes(array.dictionary, used=array.indices)
            # A cell that is missing looks up the last code, so that there must be one.
            codes = codes if len(codes) else np.zeros(1, np.int64)
            codes = codes[array.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
            there = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
        else:
            codes, there = self._codes(array, used=None), present(array)
        n_missing = int((~there).sum())
        if not self.missing:
            refuse_missing(self.schema, n_missing)
        if n_missing:
            codes = np.where(there, codes, len(self.levels))
        return codes.astype(np.float64)

    def _codes(self, array: pa.Array, *, used: pa.Array | None) -> NDArray[np.int64]:
        name = self.schema.name
        values = conform(array, self.kind, name)
        if self.on_line:
            raw, _ = to_raw(values, name)
            check_bounds(self.schema, raw, present(values))
            return self._nearest(raw)
        codes = self._looked_up(values)
        strange = (codes < 0) & present(values)
        if used is not None and strange.any():
            # A level that is declared but unused does no harm.
            seen = np.zeros(len(strange), bool)
            seen[used.drop_null().to_numpy()] = True
            strange &= seen
        if strange.any() and self.rest is None:
            self._refuse(values.filter(pa.array(strange)))
        if self.rest is not None:
            codes = np.where(codes < 0, self.rest, codes)
        return codes

    def _looked_up(self, values: pa.Array) -> NDArray[np.int64]:
        """Codes of values, -1 where they are none of the levels."""
        if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
            raw, gone = to_raw(values, self.schema.name)
            known, _ = to_raw(self.levels, self.schema.name)
            order = np.argsort(known)
            place = np.minimum(np.searchsorted(known[order], raw), len(known) - 1)
            return np.where(gone | (known[order][place] != raw), -1, order[place])
        found = pc.index_in(values, value_set=self.levels).fill_null(-1)
        codes: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return codes

    def unseen(self, array: pa.Array) -> NDArray[np.bool_]:
        """Which cells, (N,), are none of the levels where each has to be one."""
        if self.on_line or self.rest is not None:
            return np.zeros(len(array), bool)
        values = conform(array, self.kind, self.schema.name)
        return (self._looked_up(values) < 0) & present(values)

    def distance(self, array: pa.Array) -> Floats:
        """How far cells (N,) of a numeric column lie from the nearest level; 0 where missing.

        In units of the median gap between levels, or of the size of the only one.
        """
        raw, gone = to_raw(conform(array, self.kind, self.schema.name), self.schema.name)
        known, _ = to_raw(self.levels, self.schema.name)
        one = len(known) == 1
        unit = abs(float(known[0])) if one else float(np.median(distance(known[1:], known[:-1])))
        return np.where(gone, 0.0, distance(raw, known[self._nearest(raw)]) / (unit or 1.0))

    def _refuse(self, strange: pa.Array) -> None:
        got = ", ".join(map(repr, strange.unique().slice(0, 5).to_pylist()))
        known = ", ".join(map(repr, self.levels.slice(0, 10).to_pylist()))
        more = f" and {len(self.levels) - 10} more" if len(self.levels) > 10 else ""
        raise InputError(
            f"Expected a known level in column {self.schema.name!r}: {known}{more}; got {got}. "
            "Use a known level, or declare it with Column(categories=...) before fitting."
        )

    def _nearest(self, raw: NDArray[Any]) -> NDArray[np.int64]:
        known, _ = to_raw(self.levels, self.schema.name)
        right = np.minimum(np.searchsorted(known, raw), len(known) - 1)
        left = np.maximum(right - 1, 0)
        nearer = distance(known[left], raw) < distance(known[right], raw)
        return np.where(nearer, left, right).astype(np.int64)

    def decode(self, y: Floats) -> pa.Array:
        """Levels."""
        codes = np.rint(y).astype(np.int32)
        top = len(self.levels) - (0 if self.missing else 1)
        codes = np.clip(codes, 0, top)
        gone = codes == len(self.levels) if self.missing else None
        indices = pa.array(codes, mask=gone)
        if pa.types.is_dictionary(self.kind):
            return pa.DictionaryArray.from_arrays(indices, self.levels, ordered=self.kind.ordered)
        return self.levels.take(indices)

    def log_jacobian(self, y: Floats) -> Floats:
        """Zeros: codes have probabilities."""
        return np.zeros(len(y))

    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data."""
        kind = value_type(self.kind)
        if is_numeric(kind):
            raw, _ = to_raw(self.levels, self.schema.name)
            levels: Any = raw.tolist()
        else:
            levels = pack_levels(self.levels)
        rest = {"missing": self.missing, "rest": self.rest}
        return {**self._head(), "levels": levels, **rest}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CodedColumn:
        """The column that `to_json` wrote."""
        head = read_head(data)
        kind = value_type(head["kind"])
        if is_numeric(kind):
            whole = not pa.types.is_floating(kind)
            dtype: Any = np.uint64 if pa.types.is_uint64(kind) else np.int64
            levels = from_raw(np.array(data["levels"], dtype if whole else np.float64), None, kind)
        else:
            levels = unpack_levels(data["levels"]).cast(kind)
        return cls(**head, levels=levels, missing=data["missing"], rest=data["rest"])
