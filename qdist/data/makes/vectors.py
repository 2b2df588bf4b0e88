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
        InputError: If the values are of several types, infinite decimals or no text.

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
        raise (not_finite(infinite, name) if infinite else mixed(values, name)) from err
    if pa.types.is_date32(array.type) and getattr(values, "dtype", None) in (None, object):
        # Arrow takes all for what the first one is, and drops the hours of the rest.
        there = array.is_valid().to_pylist()
        if any(
            isinstance(v, dt.datetime) for v, known in zip(values, there, strict=True) if known
        ):
            raise mixed(values, name)
    return array


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
