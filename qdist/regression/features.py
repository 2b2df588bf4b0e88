"""Features of a regression: frames of any make to numbers and codes, with gaps as values."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qdist.codecs.conform import conform, present, value_type
from qdist.codecs.raw import is_numeric, natural_unit, to_raw
from qdist.data.frames import canonical
from qdist.data.makes.levels import pack_levels, unpack_levels
from qdist.data.makes.types import pack_type, unpack_type
from qdist.errors import InputError, UnknownNameError

__all__ = ["FeatureCodec"]

Floats = NDArray[np.float64]

_MOST_LEVELS: Final = 256  # of a column; rarer ones count as none of them
_BINS: Final = 32
_LARGEST: Final = 1e200  # sums and ranges of larger ones may be no floats
_FLAGS: Final = 16  # a code of at most so many levels is asked about one by one
_ROUNDING: Final = 4 * np.finfo(np.float64).eps
_STEPS: Final = 256  # that single precision has to have in a bin


@final
@dataclass(frozen=True)
class NumberFeature:
    """A feature on a line; beyond the range of training it counts as at its end.

    Args:
        name: The column's name.
        kind: Its Arrow type, as text, if it holds dates or times; else None.
        ends: Ends of bins of about equal mass, increasing, in the column's unit.
        loc: Mean of what is read.
        scale: Spread of what is read.
        fill: What stands for a missing value, if none was missing in training; else None.
        placed: Whether a number is read as its place among the ends, which are then 0, 1, ...:
            where one is 1e12 and most are between 0 and 1, units of the spread tell no two of
            those apart in single precision.
    """

    name: str
    kind: str | None
    ends: tuple[float, ...]
    loc: float
    scale: float
    fill: float | None
    placed: bool = False

    @property
    def bins(self) -> Floats:
        """The ends of the bins of what is read in units of its spread, two at least."""
        ends = np.arange(max(2, len(self.ends))) if self.placed else np.array(self.ends)
        return np.asarray((ends - self.loc) / self.scale)

    def read(self, array: pa.Array) -> Floats:
        """Cells, N, to numbers (N,), NaN where missing."""
        x = _numbers(array, self.kind, self.name)
        x = _places(x, self.ends) if self.placed else x
        return x if self.fill is None else np.where(np.isnan(x), self.fill, x)

    def scaled(self, x: Floats) -> Floats:
        """What was read, (N,), in units of its spread."""
        low, high = (0.0, len(self.ends) - 1.0) if self.placed else (self.ends[0], self.ends[-1])
        return np.asarray((x.clip(low, high) - self.loc) / self.scale)


@final
@dataclass(frozen=True)
class LevelFeature:
    """A feature of levels without a line; a missing or unknown one is the code after the last.

    Args:
        name: The column's name.
        levels: The levels, commonest first.
    """

    name: str
    levels: pa.Array

    def read(self, array: pa.Array) -> Floats:
        """Cells, N, to codes (N,)."""
        values = conform(array, self.levels.type, self.name)
        codes = pc.index_in(values, value_set=self.levels).fill_null(len(self.levels))
        return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.float64)


@final
class FeatureCodec:
    """Columns as numbers and codes; constants are left out.

    Args:
        columns: The features that are used, in order.
        names: The names of all columns, in order.

    Example:
        >>> table = pa.table({"size": [1.5, 2.5, 4.0], "hue": ["red", "red", None]})
        >>> codec = FeatureCodec.fit(table)
        >>> codec.matrix(table)
        array([[1.5, 0. ],
               [2.5, 0. ],
               [4. , 1. ]])
    """

    def __init__(
        self, columns: tuple[NumberFeature | LevelFeature, ...], names: tuple[str, ...]
    ) -> None:
        self.columns, self.names = columns, names
        on_line = [isinstance(c, NumberFeature) for c in columns]
        self._number_at = [k for k, yes in enumerate(on_line) if yes]
        self._code_at = [k for k, yes in enumerate(on_line) if not yes]

    @classmethod
    def fit(cls, table: pa.Table) -> Self:
        """Find out what the columns are.

        Raises:
            InputError: If a column is of a type that is neither number, level, date nor time, or
                holds an infinity or a number beyond 1e200.
        """
        fitted = [
            _fit_column(name, canonical(column))
            for name, column in zip(table.schema.names, table.columns, strict=True)
        ]
        return cls(tuple(c for c in fitted if c is not None), tuple(table.schema.names))

    @property
    def bins(self) -> list[list[float]]:
        """For each number the ends of its bins, in units of its spread."""
        return [c.bins.tolist() for c in self._numbers]

    @property
    def levels(self) -> list[int]:
        """For each code the number of levels."""
        return [len(c.levels) for c in self._codes]

    @property
    def schema(self) -> pa.Schema:
        """The names of all columns, with their Arrow types where these are of dates or times."""
        kinds = {c.name: unpack_type(c.kind) for c in self._numbers if c.kind is not None}
        return pa.schema([(name, kinds.get(name, pa.null())) for name in self.names])

    def matrix(self, table: pa.Table) -> Floats:
        """Rows (N, P) in the columns' own units: numbers, NaN where missing, and codes.

        Raises:
            InputError: If a cell is not one that its column can hold.
            UnknownNameError: If a column is lacking.
        """
        lacking = [c.name for c in self.columns if c.name not in table.schema.names]
        if lacking:
            raise UnknownNameError(
                f"Expected the features of fit; {lacking[0]!r} is lacking. Add it."
            )
        x = np.empty((table.num_rows, len(self.columns)))
        for k, column in enumerate(self.columns):
            x[:, k] = column.read(canonical(table.column(column.name)))
        return x

    def numbers(self, matrix: Floats) -> Floats:
        """The numbers of a matrix (N, P) in units of their spread, (N, F)."""
        x = matrix[:, self._number_at]
        for k, column in enumerate(self._numbers):
            x[:, k] = column.scaled(x[:, k])
        return x

    def codes(self, matrix: Floats) -> Floats:
        """The codes of a matrix (N, P), (N, C)."""
        return np.asarray(matrix[:, self._code_at])

    def questions(self, matrix: Floats) -> Floats:
        """What trees may ask about, (N, Q): numbers, and codes of few levels one by one."""
        parts = [matrix[:, self._number_at]]
        for k in self._code_at:
            column = self.columns[k]
            assert isinstance(column, LevelFeature)
            if len(column.levels) <= _FLAGS:
                parts.append(1.0 * (matrix[:, k, None] == np.arange(len(column.levels))))
            else:
                parts.append(matrix[:, k, None])
        return np.concatenate(parts, -1)

    @property
    def _numbers(self) -> list[NumberFeature]:
        return [c for c in self.columns if isinstance(c, NumberFeature)]

    @property
    def _codes(self) -> list[LevelFeature]:
        return [c for c in self.columns if isinstance(c, LevelFeature)]

    def to_json(self) -> dict[str, Any]:
        """All there is, as JSON-able data."""
        columns: list[dict[str, Any]] = []
        for c in self.columns:
            if isinstance(c, NumberFeature):
                columns.append(asdict(c))
            else:
                kind = pack_type(c.levels.type)
                columns.append({"name": c.name, "type": kind, "levels": pack_levels(c.levels)})
        return {"columns": columns, "names": list(self.names)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The codec that `to_json` wrote."""
        columns: list[NumberFeature | LevelFeature] = []
        for c in data["columns"]:
            if "ends" in c:
                columns.append(replace(NumberFeature(**c), ends=tuple(map(float, c["ends"]))))
                continue
            levels = unpack_levels(c["levels"]).cast(unpack_type(c["type"]))
            columns.append(LevelFeature(c["name"], levels))
        return cls(tuple(columns), tuple(data["names"]))


def _fit_column(name: str, array: pa.Array) -> NumberFeature | LevelFeature | None:
    kind = array.type
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
        return _fit_levels(name, array)
    if pa.types.is_null(kind):
        return None
    if not (is_numeric(kind) or pa.types.is_boolean(kind)):
        raise InputError(
            f"Expected numbers, text, booleans, dates or times in column {name!r}; got values of "
            f"Arrow type {kind}. Split, convert or drop the column."
        )
    stated = pack_type(kind) if pa.types.is_temporal(kind) else None
    x = _numbers(array, stated, name)
    there = x[~np.isnan(x)]
    gaps = len(there) < len(x)
    if not len(there) or (there.min() == there.max() and not gaps):
        return None
    most = float(np.abs(there).max())
    if most > _LARGEST:
        raise InputError(
            f"Expected features of a size of at most {_LARGEST:g}; got {most:g} in column "
            f"{name!r}. If it stands for a missing value give NaN, else give another unit."
        )
    ends = _apart(np.unique(np.quantile(there, np.linspace(0, 1, _BINS + 1))))
    column = NumberFeature(name, stated, tuple(ends), *_unit_of(there), None)
    if len(ends) == 1 or _blurred(column.bins):
        there = _places(there, column.ends)
        loc, scale = _unit_of(there) if len(ends) > 1 else (0.0, 1.0)
        column = replace(column, loc=loc, scale=scale, placed=True)
    if gaps:
        return column
    return replace(column, fill=float(np.quantile(there, 0.5, method="inverted_cdf")))


def _unit_of(x: Floats) -> tuple[float, float]:
    """Mean and spread; the squares of large features are no numbers."""
    unit = max(float(np.abs(x).max()), 1e-300)
    return unit * float(np.mean(x / unit)), unit * float(np.std(x / unit)) or unit


def _apart(ends: Floats) -> list[float]:
    """Increasing ends without those that differ from the one before by rounding alone."""
    kept = [float(ends[0])]
    for end in ends[1:].tolist():  # from the last that is kept: a chain of small steps leads far
        if end - kept[-1] > _ROUNDING * abs(end):
            kept.append(end)
    return kept


def _places(x: Floats, ends: tuple[float, ...]) -> Floats:
    """Numbers (N,) as places among ends, from 0 to their number less 1; NaN stays."""
    return np.where(np.isnan(x), np.nan, np.interp(x, ends, np.arange(len(ends))))


def _blurred(bins: Floats) -> bool:
    """Whether in single precision a bin holds too few numbers to tell values in it apart."""
    size = np.maximum(np.abs(bins[1:]), np.abs(bins[:-1]))
    return bool((np.diff(bins) < _STEPS * np.finfo(np.float32).eps * size).any())


def _fit_levels(name: str, array: pa.Array) -> LevelFeature | None:
    values = conform(array, value_type(array.type), name)
    there = values.filter(pa.array(present(values)))
    counts = pc.value_counts(there)
    count = counts.field("counts").to_numpy()
    order = np.argsort(-count, kind="stable")
    # A level that was seen once cannot be told from a new one: both count as none of them.
    kept = order[count[order] > 1][:_MOST_LEVELS]
    levels = counts.field("values").take(pa.array(kept))
    everything = len(levels) == 1 and len(there) == len(array) == count[order[0]]
    return None if len(levels) == 0 or everything else LevelFeature(name, levels)


def _numbers(array: pa.Array, kind: str | None, name: str) -> Floats:
    if kind is not None:
        array = conform(array, unpack_type(kind), name)
    elif pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    elif pa.types.is_null(array.type):
        return np.full(len(array), np.nan)
    elif pa.types.is_temporal(array.type) or not is_numeric(array.type):
        array = conform(array, pa.float64(), name)
    raw, missing = to_raw(array, name)
    x = raw.astype(np.float64) * natural_unit(array.type)
    x[missing] = np.nan
    return x
