"""Arrow arrays of numbers, dates and times to plain numpy numbers and back.

A *raw* value is what the column's type counts in: the number itself, or for dates and times the
whole number of units since 1970 (in UTC where there is a zone), or for decimals the digits
without the point.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qdist.data.makes.vectors import not_finite
from qdist.errors import InputError

__all__ = [
    "distance",
    "from_raw",
    "is_numeric",
    "natural_unit",
    "ticks_per_unit",
    "to_raw",
    "to_whole",
]

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def is_numeric(kind: pa.DataType) -> bool:
    """Whether values of an Arrow type lie on a line."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal128(kind)
        or (pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
    )


def ticks_per_unit(kind: pa.DataType) -> float:
    """How many raw units make one of the unit that densities are stated in.

    Dates count in days, times in seconds, decimals and all others in themselves. It is an int,
    but for decimals of a negative scale.

    Example:
        >>> import pyarrow as pa
        >>> ticks_per_unit(pa.timestamp("ms")), ticks_per_unit(pa.decimal128(5, 2))
        (1000, 100)
    """
    if pa.types.is_decimal(kind):
        return 10**kind.scale  # type: ignore[no-any-return]
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
        return _PER_SECOND[kind.unit]
    if pa.types.is_date64(kind):
        return 86_400_000
    return 1


def natural_unit(kind: pa.DataType) -> float:
    """How much one raw unit is, in the unit that densities are stated in.

    That unit is a day for dates, a second for times, and 1 for decimals and all others.

    Example:
        >>> import pyarrow as pa
        >>> natural_unit(pa.timestamp("ms"))
        0.001
    """
    return 1.0 / ticks_per_unit(kind)


def to_raw(array: pa.Array, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Raw values and where they are missing.

    Args:
        array: N values of a numeric type.
        name: The column's name, for messages.

    Returns:
        An array of float64, int64 or uint64 (0 where missing) and a mask, both of shape (N,).

    Raises:
        InputError: If a value is infinite, or a decimal has more than 18 digits.
    """
    kind = array.type
    missing = np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    if pa.types.is_floating(kind):
        values = np.asarray(array.cast(pa.float64()).fill_null(0.0).to_numpy())
        finite = np.isfinite(values)
        if not finite.all():
            gaps = np.isnan(values)
            infinite = int((~finite & ~gaps).sum())
            if infinite:
                raise not_finite(infinite, name)
            missing = missing | gaps
            values = np.where(gaps, 0.0, values)
        return values, missing
    if pa.types.is_decimal128(kind):
        return _digits(array, missing, name), missing
    if not pa.types.is_integer(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        array = array.cast(width)
    wide = pa.uint64() if pa.types.is_uint64(array.type) else pa.int64()
    return np.asarray(array.cast(wide).fill_null(0).to_numpy()), missing


def to_whole(raw: NDArray[Any], kind: pa.DataType) -> NDArray[Any]:
    """Raw values of a type to those of the nearest whole numbers; of the same shape and dtype.

    Example:
        >>> import numpy as np, pyarrow as pa
        >>> to_whole(np.array([149, 150]), pa.decimal128(5, 2))
        array([100, 200])
    """
    if pa.types.is_floating(kind):
        return np.asarray(np.rint(raw))
    if not pa.types.is_decimal(kind):
        return raw
    one = 10 ** min(max(kind.scale, 0), 18)
    whole: NDArray[Any] = (raw + one // 2) // one * one
    return whole


def distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """How far raw values lie apart, of any shapes that broadcast and of one dtype.

    Example:
        >>> import numpy as np
        >>> distance(np.array([2**62, -(2**63)]), np.array([2**62 + 1, 2**63 - 1]))
        array([1.00000000e+00, 1.84467441e+19])
    """
    greater, smaller = np.maximum(a, b), np.minimum(a, b)
    if greater.dtype.kind in "iu":
        # As floats, times a nanosecond apart are equal; and 64 signed bits can be too few.
        greater, smaller = greater.astype(np.uint64), smaller.astype(np.uint64)
    return np.asarray(greater - smaller, dtype=np.float64)


def _digits(array: pa.Array, missing: NDArray[np.bool_], name: str) -> NDArray[np.int64]:
    # A decimal128 is a 16-byte little-endian integer: the low word is the number, and the high
    # word its sign, for up to 18 digits.
    if len(array) == 0:
        return np.zeros(0, np.int64)
    words = np.frombuffer(array.buffers()[1], np.int64)
    words = words[2 * array.offset : 2 * (array.offset + len(array))].reshape(-1, 2)
    low, high = np.where(missing[:, None], 0, words).T
    if not np.array_equal(high, low >> 63):
        raise InputError(
            f"Expected decimals of at most 18 digits in column {name!r}; got longer ones. "
            "Convert the column to floating point."
        )
    return np.ascontiguousarray(low)


def from_raw(values: NDArray[Any], missing: NDArray[np.bool_] | None, kind: pa.DataType) -> Any:
    """An Arrow array of a type from raw values.

    Args:
        values: Raw values of shape (N,), within the range of the type.
        missing: Where a value is missing, or `None`.
        kind: The Arrow type.

    Returns:
        An array of N values.

    Example:
        >>> import numpy as np, pyarrow as pa
        >>> from_raw(np.array([12]), None, pa.decimal128(5, 1)).to_pylist()
        [Decimal('1.2')]
    """
    if pa.types.is_decimal128(kind):
        low = values.astype(np.int64)
        words = np.stack([low, low >> 63], axis=1)
        full = pa.Array.from_buffers(
            pa.decimal128(38, kind.scale), len(low), [None, pa.py_buffer(words.tobytes())]
        )
        if missing is not None:
            full = pc.if_else(pa.array(missing), pa.scalar(None, full.type), full)
        return full.cast(kind)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return pa.array(values.astype(kind.to_pandas_dtype(), copy=False), mask=missing)
    width = np.int32 if kind.bit_width == 32 else np.int64
    return pa.array(values.astype(width), mask=missing).cast(kind)
