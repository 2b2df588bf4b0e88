"""One-dimensional numpy arrays to Arrow and back."""

import decimal
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from qdist.errors import InputError

__all__ = ["from_vector", "mixed", "python_days", "to_vector"]


def mixed(values: Any, name: Any) -> InputError:
    """The error for a column whose values are of several types.

    Args:
        values: The values, any iterable.
        name: The column's name.

    Returns:
        An error that names the types and how often each occurs.
    """
    counts: Counter[str] = Counter()
    for value in values:
        if value is None or (isinstance(value, float) and value != value):
            continue
        if type(value).__name__ not in {"NAType", "NaTType"}:
            counts[type(value).__name__] += 1
    got = ", ".join(f"{n} of type {kind}" for kind, n in counts.most_common(5))
    return InputError(
        f"Expected values of one type (numbers, text, dates, true or false) in column {name!r}; "
        f"got {got}. Convert the column, for example to text."
    )


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
        if values.dtype.kind in "fmM":  # beside a mask Arrow looks for no other holes
            mask = mask | (values != values)
    if values.dtype.kind in "cV":
        raise InputError(
            f"Expected numbers, text, dates or booleans in column {name!r}; "
            f"got numpy dtype {values.dtype}. Split or drop the column."
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind in "mM":
        values = _clock(values)
    try:
        return pa.array(values, mask=mask, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as err:
        raise mixed(values, name) from err


def _clock(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Arrow has no minutes, hours or weeks; numpy does.
    unit, count = np.datetime_data(values.dtype)
    letter = values.dtype.kind
    if letter == "M" and unit == "D" and count == 1:
        return values
    if unit in {"s", "ms", "us", "ns"} and count == 1:
        return values
    return values.astype(f"{letter}8[s]")


def to_vector(array: pa.Array, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A numpy array of a given dtype.

    Args:
        array: N values; missing ones only where the dtype has a way to say so (NaN, NaT, None).
        dtype: The dtype wanted.

    Returns:
        An array of shape (N,).
    """
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if dtype.kind == "O":
        out = np.empty(len(array), object)
        out[:] = array.to_pylist()
        return out
    if dtype.kind in "US":
        return np.asarray(array.fill_null("").to_pylist(), dtype=dtype)
    if pa.types.is_decimal(array.type):
        return np.asarray([decimal.Decimal("NaN") if v is None else v for v in array.to_pylist()])
    values = np.asarray(array.to_numpy(zero_copy_only=False))
    if dtype == np.float16:  # which is worked on as a longer one, and has no room for all of these
        most = np.finfo(np.float16).max
        values = values.clip(-most, most)
    return values.astype(dtype)
