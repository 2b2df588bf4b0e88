"""Where the numbers of a column end: by declared bounds, and by what its type holds."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qdist.codecs.axis import Axis
from qdist.codecs.conform import conform, in_utc
from qdist.codecs.given import single_cell
from qdist.codecs.raw import ticks_per_unit, to_raw
from qdist.errors import InputError

__all__ = ["axis_ends", "raw_bound", "type_range"]


def type_range(kind: pa.DataType, *, whole: bool) -> tuple[float | int, float | int]:
    """The least and the greatest raw value of an Arrow type, of decimals the whole ones."""
    if pa.types.is_floating(kind):
        info = np.finfo(kind.to_pandas_dtype())
        return float(info.min), float(info.max)
    if pa.types.is_integer(kind):
        limits = np.iinfo(kind.to_pandas_dtype())
        return int(limits.min), int(limits.max)
    if pa.types.is_decimal(kind):
        one = 10 ** max(kind.scale, 0) if whole else 1
        most = (10 ** min(kind.precision, 18) - 1) // one * one
        return -most, most
    if pa.types.is_time(kind):
        return 0, 86_400 * ticks_per_unit(kind) - 1
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        # Years 1 to 9999, the reach of Python's own dates.
        first, last = -719_162, 2_932_896
        if pa.types.is_date32(kind):
            return first, last
        per_day = ticks_per_unit(kind) * (86_400 if pa.types.is_timestamp(kind) else 1)
        reach = 2**63 - 1
        return max(first * per_day, -reach), min((last + 1) * per_day - 1, reach)
    return -(2**63) + 1, 2**63 - 1


def _near_ends(axis: Axis, z: NDArray[np.float64]) -> list[float | None]:
    """The ends of the type on the axis of values z, where these bound the values.

    They do where they are no farther off than the values spread, as with grey values or times of
    day. Farther off, a tail has no mass left.
    """
    if not (axis.whole and axis.gridded):
        return [None, None]
    width = max(float(z[-1] - z[0]), 1.0)
    base, step = int(axis.base), int(axis.step)  # no float has the ends of 64 bits
    low, high = ((int(end) - base) / step for end in (axis.least, axis.greatest))
    return [low if z[0] - low <= width else None, high if high - z[-1] <= width else None]


def axis_ends(
    axis: Axis,
    z: NDArray[np.float64],
    *,
    lower: float | int | None,
    upper: float | int | None,
    dtype: np.dtype[Any],
) -> tuple[float | None, float | None]:
    """The ends of the axis of values z: the declared ones, and else those of the type if near.

    On a grid they are its outermost points inside these.
    """
    first, last = _near_ends(axis, z)
    if lower is not None:
        first = float(axis.index(np.array([lower], dtype))[0])
    if upper is not None:
        last = float(axis.index(np.array([upper], dtype))[0])
    if axis.gridded:
        first = None if first is None else float(np.ceil(first))
        last = None if last is None else float(np.floor(last))
    return first, last


def raw_bound(
    name: str, bound: Any, kind: pa.DataType, *, up: bool, whole: bool
) -> float | int | None:
    """A declared bound in raw units; where values are whole the outermost one inside it."""
    if bound is None:
        return None
    try:
        if pa.types.is_temporal(kind):
            cell = in_utc(bound, single_cell(bound, name), kind)
            raw, missing = to_raw(conform(cell, kind, name), name)
            if missing[0]:
                raise ValueError("no time")
            return int(raw[0])
        number = Decimal(str(bound))
    except (ArithmeticError, ValueError, TypeError) as err:
        raise InputError(
            f"Expected a bound of column {name!r} of its own type, {kind}; got {bound!r}."
        ) from err
    if not number.is_finite():
        raise InputError(f"Expected a finite bound of column {name!r}; got {bound!r}.")
    if whole:
        number = number.to_integral_value(ROUND_FLOOR if up else ROUND_CEILING)
    if pa.types.is_floating(kind):  # in the column's precision, as its values are
        end = float(number if whole else bound)
        if not pa.types.is_float32(kind):
            return end
        most = float(np.finfo(np.float32).max)
        return float(np.float32(min(max(end, -most), most)))
    if pa.types.is_decimal(kind):
        number = number.scaleb(kind.scale)
    inner = math.floor(number) if up else math.ceil(number)
    first, last = (0, 2**64 - 1) if pa.types.is_uint64(kind) else (-(2**63) + 1, 2**63 - 1)
    return min(max(inner, first), last)  # beyond what the type holds nothing is bounded
