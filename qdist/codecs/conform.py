"""Values of any related type to the type of a column, with an error that a user can act on."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qdist.codecs.raw import ticks_per_unit
from qdist.data.frames import canonical, to_arrow
from qdist.errors import InputError, UnknownNameError

__all__ = ["check_names", "conform", "in_utc", "present", "table_of", "value_type"]


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values: that of its levels where it is a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def present(array: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where an array holds a value: neither null nor NaN. Shape (N,)."""
    valid = array.is_valid()
    if pa.types.is_floating(array.type):
        valid = pc.and_(valid, pc.invert(pc.fill_null(pc.is_nan(array), fill_value=True)))
    return np.asarray(valid.to_numpy(zero_copy_only=False), dtype=bool)


def conform(array: pa.Array, kind: pa.DataType, name: str) -> pa.Array:
    """Casts an array to the type of a column's values; NaN becomes null.

    Args:
        array: N values.
        kind: The column's Arrow type.
        name: The column's name, for messages.

    Returns:
        N values of that type (of the type of the levels for a dictionary).

    Raises:
        InputError: If a value has no place in the type: text among numbers, 1.5 among integers.

    Example:
        >>> import pyarrow as pa
        >>> conform(pa.array(["40"]), pa.int64(), "age").to_pylist()
        [40]
        >>> conform(pa.array([1.5]), pa.int64(), "age")
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected values of type int64 in column 'age'; got 1.5. ...
    """
    kind = value_type(kind)
    array = canonical(array)
    if pa.types.is_dictionary(array.type):
        if array.type.value_type == kind:
            return array.dictionary.take(array.indices)
        array = array.cast(array.type.value_type)
    if pa.types.is_floating(array.type) and not pa.types.is_floating(kind):
        array = pc.if_else(pa.array(present(array)), array, pa.scalar(None, array.type))
    if array.type == kind:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_null(kind):  # of which no value is known: what comes may be of any type
        return pa.nulls(len(array)) if array.null_count == len(array) else array
    try:
        if pa.types.is_temporal(kind) and _is_number(array.type):
            array = _ticks(array, kind)
        elif pa.types.is_timestamp(kind) and kind.tz:
            array = _with_zone(array, kind)
        elif pa.types.is_boolean(kind) and _is_number(array.type):
            _check_booleans(array, name)
        # Whole numbers beyond 2^53 have no exact float, but a float column holds floats.
        return array.cast(kind, safe=not pa.types.is_floating(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as err:
        raise InputError(
            f"Expected values of type {kind} in column {name!r}; got {_culprit(array, kind)}. "
            "Give values of the type that the column was fitted with."
        ) from err


def in_utc(values: Any, array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Times of numpy for a column with a zone: numpy has none, and its times are in UTC.

    Args:
        values: What was given.
        array: The same, read.
        kind: The column's Arrow type.

    Returns:
        The array; where `values` mean UTC, those moments in the zone of the column.

    Example:
        >>> import pyarrow as pa
        >>> day = np.datetime64("2020-02-01", "s")
        >>> in_utc(day, pa.array([day]), pa.timestamp("s", "Europe/Berlin")).type
        TimestampType(timestamp[s, tz=Europe/Berlin])
    """
    kind = value_type(kind)
    zoned = pa.types.is_timestamp(kind) and kind.tz
    numpys = isinstance(values, np.ndarray | np.datetime64) or (
        isinstance(values, list | tuple) and any(isinstance(v, np.datetime64) for v in values)
    )
    if not (zoned and numpys):
        return array
    if pa.types.is_date(array.type):  # numpy's days
        array = array.cast(pa.timestamp("s"))
    if not pa.types.is_timestamp(array.type) or array.type.tz is not None:
        return array
    moments = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return moments.cast(pa.timestamp(array.type.unit, kind.tz))


def table_of(frame: Any, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """A frame of any make as Arrow, its times read like those of conditions.

    Args:
        frame: N rows.
        kinds: The Arrow types of columns whose times may have a zone, by name.

    Returns:
        The table; times of numpy in a dict are in UTC where their column has a zone.

    Raises:
        InputError: If it is no frame.

    Example:
        >>> import pyarrow as pa
        >>> day = {"day": np.array(["2020-02-01T12:00"], "datetime64[s]")}
        >>> str(table_of(day, {"day": pa.timestamp("s", "Asia/Tokyo")})["day"][0])
        '2020-02-01 21:00:00+09:00'
    """
    table = to_arrow(frame)
    if not isinstance(frame, Mapping):
        return table
    for name, values in frame.items():
        k = table.schema.get_field_index(str(name))
        if str(name) in kinds and k >= 0:
            array = in_utc(values, canonical(table.column(k)), kinds[str(name)])
            table = table.set_column(k, str(name), array)
    return table


def check_names(names: Iterable[str], kinds: Mapping[str, pa.DataType]) -> None:
    """Raises where a column is none of the known ones: it may be a misspelt one.

    Args:
        names: Its name, and those of others.
        kinds: The Arrow types of the known columns by name.

    Raises:
        UnknownNameError: If one of them is not known.
    """
    for name in names:
        if name not in kinds:
            known = ", ".join(map(repr, kinds))
            raise UnknownNameError(
                f"Expected columns out of {known}; got {name!r}. Correct the name, or leave the "
                "column out."
            )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _with_zone(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Times, days and text; what is given without a zone is meant in the column's own."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        try:
            return array.cast(kind)
        except pa.ArrowInvalid:  # it names no zone
            array = array.cast(pa.timestamp(kind.unit))
    if pa.types.is_date(array.type):
        array = array.cast(pa.timestamp(kind.unit))
    if not pa.types.is_timestamp(array.type) or array.type.tz is not None:
        return array
    return pc.assume_timezone(array, kind.tz, ambiguous="earliest", nonexistent="earliest")


def _check_booleans(array: pa.Array, name: str) -> None:
    known = np.asarray(array.drop_null().to_numpy(zero_copy_only=False))
    strange = known[(known != 0) & (known != 1)]
    if len(strange):
        raise InputError(
            f"Expected True or False, 1 or 0, in column {name!r}; got {strange[0]}. "
            "Give one of these."
        )


def _ticks(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Numbers as laws have them, days of dates and else seconds, as whole units of the type."""
    per_one = ticks_per_unit(kind)
    if pa.types.is_integer(array.type):
        whole = pc.multiply_checked(array.cast(pa.int64()), per_one)
    else:
        whole = pc.round(pc.multiply(array.cast(pa.float64()), float(per_one)))
    narrow = pa.types.is_date32(kind) or pa.types.is_time32(kind)
    return whole.cast(pa.int32() if narrow else pa.int64())


def _culprit(array: pa.Array, kind: pa.DataType) -> str:
    for value in array.drop_null().slice(0, 10_000):
        try:
            value.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            return repr(value.as_py())
    return str(array.type)
