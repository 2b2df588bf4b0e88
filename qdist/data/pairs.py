"""A real and a synthetic frame side by side, column by column, ready to be compared.

Whatever their makes, both frames are read into plain arrays: numbers and times as floats with NaN
for missing, all else as whole-number codes of levels that the frames share, with one more code for
missing. Comparison and pictures start from here, and know nothing of frames.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qdist.data.frames import to_arrow
from qdist.data.ids import names_rows
from qdist.errors import InputError

__all__ = ["ColumnPair", "pair_columns"]

Kind = Literal["number", "time", "category", "id"]


@dataclass(frozen=True, eq=False)
class ColumnPair:
    """One column of two (or three) frames.

    Attributes:
        name: Its name.
        kind: "number", "time" (dates and timestamps, as microseconds since 1970), "category"
            (text, booleans, and levels of anything) or "id" (text or levels of text, nearly
            unique among the real rows: no spelling is compared, only whether a cell is "once" or
            "repeated" in its frame, or missing).
        real: Floats with NaN, or codes, of the real rows.
        synthetic: The same of the synthetic rows.
        train: The same of the training rows; empty without training rows.
        levels: What the codes stand for; "missing" is the code `len(levels)`.
    """

    name: str
    kind: Kind
    real: npt.NDArray[Any]
    synthetic: npt.NDArray[Any]
    train: npt.NDArray[Any]
    levels: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        """Whether the values are codes."""
        return self.kind in ("category", "id")

    @cached_property
    def missing(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which real and which synthetic cells are missing."""
        if self.is_category:
            hole = len(self.levels)
            return self.real == hole, self.synthetic == hole
        return np.isnan(self.real), np.isnan(self.synthetic)


def pair_columns(real: Any, synthetic: Any, train: Any = None) -> list[ColumnPair]:
    """Lines two frames up, and a third where there is one.

    Args:
        real: A frame of any make.
        synthetic: A frame of any make, with the same column names in any order.
        train: A third one, or None.

    Returns:
        One pair for each column, in the order of `real`.

    Raises:
        InputError: If the columns are not the same, one of the frames has no rows, or a column
            holds lists, or what is not comparable: numbers in one frame and text or durations in
            another, times with a zone in one and without in another.

    Example:
        >>> pair, = pair_columns({"a": ["x", None]}, {"a": ["y", "x"]})
        >>> pair.levels, pair.real.tolist(), pair.synthetic.tolist()
        (('x', 'y'), [0, 2], [1, 0])
    """
    frames = {"real": real, "synthetic": synthetic} | ({} if train is None else {"train": train})
    tables = {role: to_arrow(frame) for role, frame in frames.items()}
    names = tables["real"].schema.names
    for role, table in tables.items():
        _check_table(role, table, names)
    return [
        _pair(name, [table[name].combine_chunks() for table in tables.values()]) for name in names
    ]


def _check_table(role: str, table: pa.Table, names: list[str]) -> None:
    if table.num_rows == 0 or not names:
        raise InputError(
            f"Expected frames of at least one row and one column; got a {role} frame of shape "
            f"{table.shape}."
        )
    lacking = [name for name in names if name not in table.schema.names]
    extra = [name for name in table.schema.names if name not in names]
    if lacking or extra:
        raise InputError(
            f"Expected the same columns in every frame; the {role} frame lacks {lacking} and "
            f"adds {extra}. Select the columns that all have."
        )


def _kind(array: pa.Array) -> Kind | None:
    """The kind of values; None where the column says nothing (no type, or all missing)."""
    kind = array.type
    if pa.types.is_null(kind) or array.null_count == len(array):
        return None
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "time"
    if pa.types.is_boolean(kind) or pa.types.is_large_string(kind):
        return "category"
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    lasting = (pa.types.is_duration, pa.types.is_time)
    return "number" if any(is_of(kind) for is_of in numeric + lasting) else "category"


def _counted(kind: pa.DataType) -> str:
    """What is counted by the numbers that stand for a type: alike ones alone are comparable."""
    if pa.types.is_duration(kind):
        return "how long"
    if pa.types.is_time(kind):
        return "time of day"
    # Without a zone nobody knows which moment is meant; of any two zones the moments compare.
    return "moment" if pa.types.is_timestamp(kind) and kind.tz else ""


def _pair(name: str, arrays: list[pa.Array]) -> ColumnPair:
    nested = [a.type for a in arrays if pa.types.is_nested(a.type)]
    if nested:
        raise InputError(
            f"Expected one value in each cell of column {name!r}; got Arrow type {nested[0]}. "
            "Split or drop the column."
        )
    textual = all(_is_text(a.type) or pa.types.is_null(a.type) for a in arrays)
    if any(pa.types.is_dictionary(a.type) for a in arrays):
        # Codes on one side may be plain numbers on the other: compare both as levels.
        arrays = [_text(a) for a in arrays]
    known = {(k, _counted(a.type)): a.type for a in arrays if (k := _kind(a)) is not None}
    if len(known) > 1:
        types = " and ".join(map(str, known.values()))
        raise InputError(
            f"Expected column {name!r} to be of one kind in every frame; got {types}. Convert one."
        )
    kind: Kind = next(iter(known))[0] if known else "number"
    empty = np.empty(0)
    if kind != "category":
        x, y, z = [*map(_numbers, arrays), empty][:3]
        return ColumnPair(name, kind, x, y, z)
    codes, levels = _codes([_text(a) for a in arrays])
    if textual and names_rows(np.bincount(codes[0][codes[0] != len(levels)])):
        codes = [_repeats(code, len(levels)) for code in codes]
        kind, levels = "id", ("once", "repeated")
    x, y, z = [*codes, empty.astype(np.int64)][:3]
    return ColumnPair(name, kind, x, y, z, levels)


def _repeats(codes: npt.NDArray[np.int64], hole: int) -> npt.NDArray[np.int64]:
    """0 for a level met once in the column, 1 for one met again, 2 for a missing cell."""
    counts = np.bincount(codes, minlength=hole + 1)
    return np.where(codes == hole, 2, np.minimum(counts[codes] - 1, 1))


def _numbers(array: pa.Array) -> npt.NDArray[np.float64]:
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan)
    if pa.types.is_temporal(array.type):
        array = _ticks(array)
    floats = array.cast(pa.float64(), safe=False)
    return np.array(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def _ticks(array: pa.Array) -> pa.Array:
    """Times as numbers in the finest unit that all makes share."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_duration(kind):
        array = array.cast(pa.duration("us"), safe=False)
    elif pa.types.is_date(kind):
        array = array.cast(pa.timestamp("us"), safe=False)
    elif pa.types.is_time(kind):
        array = array.cast(pa.time64("us"), safe=False)
    return array.cast(pa.int64())


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_large_string(values))


def _text(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    return array if pa.types.is_large_string(array.type) else array.cast(pa.large_string())


def _codes(arrays: list[pa.Array]) -> tuple[list[npt.NDArray[Any]], tuple[str, ...]]:
    together = pa.chunked_array(arrays, type=pa.large_string())
    levels = pc.unique(together).drop_null().sort()
    codes = [
        pc.fill_null(pc.index_in(array, value_set=levels), len(levels))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
        for array in arrays
    ]
    return codes, tuple(levels.to_pylist())
