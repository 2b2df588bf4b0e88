"""One-dimensional numpy arrays to Arrow and back."""

import datetime as dt
import decimal
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from qdist.errors import InputError

__all__ = [
    "from_values",
    "from_vector",
    "mixed",
    "no_text",
    "not_finite",
    "python_days",
    "to_half",
    "to_vector",
]


def mixed(values: Any, name: Any) -> InputError:
    """The error for a column whose values are of several types.

    Args:
        values: The values, any iterable.
        name: The column's name.

    Returns:
        An error that names the types and how often each occurs.
    """
    got = ", ".join(f"{n} of type {kind}" for kind, n in _types(values).most_common(5))
    return InputError(
        f"Expected values of one type (numbers, text, dates, true or false) in column {name!r}; "
        f"got {got}. Convert the column, for example to text."
    )


def _types(values: Any) -> Counter[str]:
    """How many values there are of each type, missing ones left out."""
    counts: Counter[str] = Counter()
    for value in values:
        if value is None or (isinstance(value, float) and value != value):
            continue
        if type(value).__name__ not in {"NAType", "NaTType"}:
            counts[type(value).__name__] += 1
    return counts


def not_finite(count: int, name: Any) -> InputError:
    """The error for a column with infinite numbers.

    Args:
        count: How many there are.
        name: The column's name.
    """
    return InputError(
        f"Expected finite numbers in column {name!r}; got {count} infinite "
        f"{'value' if count == 1 else 'values'}. Replace them by missing values or by finite "
        "numbers."
    )


def no_text(name: Any, error: UnicodeError) -> InputError:
    """The error for a column with text that is no Unicode, such as half a pair of surrogates.

    Args:
        name: The column's name.
        error: What was raised as it was encoded or decoded.
    """
    return InputError(
        f"Expected text of valid Unicode in column {name!r}; got {error.object!r:.80} "  # type: ignore[attr-defined]
        f"({error.reason}). Clean the column, for example by "  # type: ignore[attr-defined]
        'text.encode("utf-8", "replace").decode().'
    )


def from_values(values: Any, name: Any, kind: pa.DataType | None = None, mask: Any = None) -> Any:
    """An Arrow array of values; NaN and NaT become missing.

    Args:
        values: A list, an array or a pandas Series.
        name: The column's name, for messages.
        kind: The Arrow type; by default that of the values.
        mask: What is missing besides, shape (N,), or `None`.

    Returns:
        An Arrow array of N values.

    Raises:
        InputError: If the values are of several types, infinite decimals, no text, whole numbers
            of more than 64 bits, or times of which only some have a zone.

    Example:
        >>> from_values([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 13, 30)], "a")
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected values of one type ... got 1 of type date, 1 of type
        datetime. Convert the column, for example to text.
    """
    try:
        array = pa.array(values, kind, mask=mask, from_pandas=True)
    except UnicodeError as err:
        raise no_text(name, err) from err
    except (pa.ArrowException, TypeError, OverflowError) as err:
        infinite = sum(isinstance(v, decimal.Decimal) and v.is_infinite() for v in values)
        if infinite:
            raise not_finite(infinite, name) from err
        wide = [v for v in values if isinstance(v, int) and not -(2**63) <= v < 2**63]
        if not wide:
            raise mixed(values, name) from err
        if kind is None and 0 < max(wide) < 2**64:  # Arrow takes plain ones for signed
            return from_values(values, name, pa.uint64(), mask)
        raise _too_wide(values, wide[0], name) from err
    python = getattr(values, "dtype", np.dtype(object)) == np.dtype(object)
    if python and pa.types.is_temporal(array.type) and not pa.types.is_interval(array.type):
        return _times(values, array, name, mask)
    return array


def _too_wide(values: Any, wide: int, name: Any) -> InputError:
    if set(_types(values)) != {"int"}:
        return mixed(values, name)
    return InputError(
        f"Expected a number of at most 64 bits for column {name!r}, or of 63 where others are "
        f"negative; got {wide}. Give numbers that the column can hold, or text."
    )


def _times(values: Any, array: pa.Array, name: Any, mask: Any) -> pa.Array:
    """Python's dates and times as Arrow read them, unless it has dropped a part of one."""
    there = array.is_valid().to_pylist()
    known = [v for v, is_there in zip(values, there, strict=True) if is_there]
    # Arrow takes all for what the first one is, and drops the hours or the zone of the rest.
    if pa.types.is_date32(array.type) and any(isinstance(v, dt.datetime) for v in known):
        raise mixed(known, name)
    zoned = sum(getattr(v, "tzinfo", None) is not None for v in known)
    if pa.types.is_timestamp(array.type) and 0 < zoned < len(known):
        raise InputError(
            f"Expected times that all have a time zone, or none, in column {name!r}; got {zoned} "
            f"with a zone and {len(known) - zoned} without. Give each of them one."
        )
    # Arrow reads all of these as microseconds, and those of pandas can be finer.
    fine = any(getattr(v, "nanosecond", 0) or getattr(v, "nanoseconds", 0) for v in known)
    if not fine or array.type.unit == "ns":
        return array
    stamps = pa.types.is_timestamp(array.type)
    kind = pa.timestamp("ns", array.type.tz) if stamps else pa.duration("ns")
    return from_values(values, name, kind, mask)


def python_days(values: Any) -> list[Any]:
    """A list of values in which numpy's days are Python's: Arrow reads no list of the former.

    Example:
        >>> python_days([np.datetime64("2020-01-05"), None])
        [datetime.date(2020, 1, 5), None]
    """
    return [
        v.item() if isinstance(v, np.datetime64) and v.dtype == np.dtype("M8[D]") else v
        for v in values
    ]


def from_vector(values: np.ndarray[Any, Any], name: Any) -> pa.Array:
    """An Arrow array; NaN, NaT and what is masked become missing.

    Args:
        values: An array of shape (N,) of any dtype, object included; a mask is heeded.
        name: The column's name, for messages.

    Returns:
        An Arrow array of N values.

    Raises:
        InputError: If the values are of several types, or of a type that is no column.
    """
    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
        if values.dtype.kind in "fmM":  # given a mask, Arrow looks for no other missing values
            mask = mask | (values != values)
    if values.dtype.kind in "cV":
        raise InputError(
            f"Expected numbers, text, dates or booleans in column {name!r}; "
            f"got numpy dtype {values.dtype}. Split or drop the column."
        )
    if not values.dtype.isnative:  # Arrow has one order of bytes
        values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeError as err:
            raise no_text(name, err) from err
    if values.dtype.kind in "mM":
        values = _clock(values)
    return from_values(values, name, mask=mask)


def _clock(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Arrow has neither minutes, hours or weeks nor picoseconds, and no multiples; numpy does.
    unit, count = np.datetime_data(values.dtype)
    letter = values.dtype.kind
    if letter == "M" and unit == "D" and count == 1:
        return values
    if unit in {"ps", "fs", "as"}:
        unit = "ns"
    elif unit not in {"ms", "us", "ns"}:
        unit = "s"
    return values.astype(f"{letter}8[{unit}]", copy=False)


def to_half(array: pa.Array) -> pa.Array:
    """Numbers as half floats; those beyond the range become its ends.

    Example:
        >>> to_half(pa.array([1e6, None, -0.5])).to_pylist()
        [65504.0, None, -0.5]
    """
    import pyarrow.compute as pc

    array = array.cast(pa.float32(), safe=False)
    most = pa.scalar(float(np.finfo(np.float16).max), array.type)
    array = pc.if_else(pc.greater(array, most), most, array)
    least = pc.negate(most)
    return pc.if_else(pc.less(array, least), least, array).cast(pa.float16())


def to_vector(
    array: pa.Array, dtype: np.dtype[Any], *, masked: bool = False
) -> np.ndarray[Any, Any]:
    """A numpy array of a given dtype; of text a longer one where the values need it.

    Args:
        array: N values.
        dtype: The dtype wanted.
        masked: Whether a masked array is wanted.

    Returns:
        An array of shape (N,). It is a masked one also where values are missing and the dtype has
        no way to say so, as whole numbers, booleans and text have none.

    Example:
        >>> to_vector(pa.array([2**53 + 1, None]), np.dtype("int64")).tolist()
        [9007199254740993, None]
        >>> to_vector(pa.array(["abc"]), np.dtype("<U2"))
        array(['abc'], dtype='<U3')
    """
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if not masked and (not array.null_count or dtype.kind not in "biuSU"):
        return _unmasked(array, dtype)
    gone = np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    return np.ma.MaskedArray(_unmasked(array, dtype), gone)


def _unmasked(array: pa.Array, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if dtype.kind == "O":
        out = np.empty(len(array), object)
        out[:] = array.to_pylist()
        return out
    if dtype.kind in "SU":
        return _letters(array.fill_null("").to_pylist(), dtype)
    if pa.types.is_decimal(array.type):
        return np.asarray([decimal.Decimal("NaN") if v is None else v for v in array.to_pylist()])
    if dtype.kind in "biu":  # a hole would make floats of them all, which are not exact
        array = array.fill_null(False if pa.types.is_boolean(array.type) else 0)
    if dtype.kind == "f" and dtype.itemsize == 2:
        array = to_half(array)
    return np.asarray(array.to_numpy(zero_copy_only=False)).astype(dtype)


def _letters(texts: list[str], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    letters = [text.encode() for text in texts] if dtype.kind == "S" else texts
    found = np.array(letters, dtype.kind)  # as long as the longest of them
    most = max(int(kind.str[2:]) for kind in (found.dtype, dtype))
    return found.astype(f"{dtype.str[:2]}{most}")
