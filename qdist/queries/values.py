"""Values of a column and levels of its law, each from the other, in the column's own type."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn, IdColumn
from qdist.codecs.conform import conform, in_utc, present, value_type
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.raw import from_raw, natural_unit, ticks_per_unit, to_raw
from qdist.data.makes.vectors import from_values, from_vector, python_days
from qdist.errors import InputError, UnsupportedError
from qdist.quantile import QuantileFunction
from qdist.queries.ranges import Range
from qdist.queries.scales import code_law, index_law, no_law

__all__ = [
    "cells_at",
    "law_on_axis",
    "place_of",
    "place_of_cells",
    "probabilities_of",
    "values_at",
]

Array = npt.NDArray[Any]


def law_on_axis(column: AbstractColumn, base: QuantileFunction) -> QuantileFunction:
    """The law, given presence, of what `place_of` gives: an index of the axis, or a code.

    Raises:
        UnsupportedError: If the column's values have no order.
    """
    if isinstance(column, CurvedColumn):
        return index_law(column, base)
    if isinstance(column, CodedColumn) and (column.on_line or column.schema.kind == "ordered"):
        return code_law(column, base)
    if isinstance(column, IdColumn):
        raise no_law(column)
    raise UnsupportedError(
        f"Expected a column whose values have an order; got {column.schema.name!r}, of kind "
        f"{column.schema.kind}. Use predict_dist(...).probs, the probabilities of its levels."
    )


def values_at(
    column: AbstractColumn, base: QuantileFunction, tau: Tensor, *, bounds: Range | None = None
) -> Array:
    """The quantiles of a column, shape (N, T), at levels tau, shape (T,), in its own type.

    With bounds, those of the law cut to them.
    """
    return _decode(column, _places_at(column, base, tau, bounds))


def cells_at(
    column: AbstractColumn, base: QuantileFunction, tau: Tensor, *, bounds: Range
) -> pa.Array:
    """The same as T cells of the column, for one law, shape (1,), at levels in (0, 1)."""
    place = _places_at(column, base, tau, bounds)[0].numpy()
    if isinstance(column, CodedColumn):
        return column.levels.take(pa.array(np.rint(place).astype(np.int64)))
    assert isinstance(column, CurvedColumn)
    return from_raw(column.raw(place), None, value_type(column.kind))


def _places_at(
    column: AbstractColumn, base: QuantileFunction, tau: Tensor, bounds: Range | None
) -> Tensor:
    law = law_on_axis(column, base)
    tau = tau.to(torch.float64)[:, None]
    if bounds is None:
        return law.icdf(tau).movedim(0, -1)
    low, high = _ends(column, bounds)
    lower, upper, above = _levels_at(column, law, low, high)
    # Above the median a level is counted from the top, where it has digits left.
    found = torch.where(
        lower > 0.5,
        law.isf((above + (1 - tau) * (upper - lower)).clamp(0, 1)),
        law.icdf((lower + tau * (upper - lower)).clamp(0, 1)),
    )
    return found.clamp(low, high).movedim(0, -1)


def probabilities_of(
    column: AbstractColumn, base: QuantileFunction, values: Any, *, bounds: Range | None = None
) -> npt.NDArray[np.float64]:
    """P(X <= x), shape (N, V), for values of shape (), (V,) or (N, V); cut to bounds if given."""
    law = law_on_axis(column, base)
    place = place_of(column, values)
    place = place if place.dim() == 2 else place.reshape(-1).expand(*base.batch_shape, -1)
    found = law.cdf(place.movedim(-1, 0))
    if bounds is not None:
        low, high = _ends(column, bounds)
        lower, upper, _ = _levels_at(column, law, low, high)
        found = ((found - lower) / (upper - lower)).clamp(0, 1)
    return np.asarray(found.movedim(0, -1).numpy())


def place_of(column: AbstractColumn, values: Any) -> Tensor:
    """Values of the column's type, of any shape, on the axis of `law_on_axis`.

    Raises:
        InputError: If a value is of another type, missing, or of an unknown level.
    """
    shape = np.shape(values)
    if isinstance(column, CodedColumn) and not column.on_line:
        array = _as_arrow(values, value_type(column.kind), column.schema.name)
        return torch.from_numpy(column.encode(array)).view(shape)
    raw = _raw(column, values)
    if isinstance(column, CodedColumn):
        # Between two codes lies nothing: a number counts as the greatest one that it reaches.
        return torch.from_numpy(np.searchsorted(_known(column), raw, "right") - 1.0).view(shape)
    assert isinstance(column, CurvedColumn)
    with np.errstate(invalid="ignore"):
        place = column.axis.index(raw)
    place = np.where(np.isfinite(raw), place, raw).astype(np.float64)
    return torch.from_numpy(place).view(shape)


def place_of_cells(column: AbstractColumn, cells: pa.Array) -> Tensor:
    """The cells (N,) of a frame on the axis of `law_on_axis`; anything where they are missing.

    They are not found by codes or levels, which are cut to what the column can hold. A number
    between two codes lies between them.
    """
    if isinstance(column, CodedColumn) and not column.on_line:
        return torch.from_numpy(column.encode(cells))
    name = column.schema.name
    raw = to_raw(conform(cells, column.kind, name), name)[0]
    if isinstance(column, CodedColumn):
        known = _known(column)
        below = np.searchsorted(known, raw, "right") - 1
        between = (below < 0) | (known[below.clip(0)] != raw)
        return torch.from_numpy(below + 0.5 * between)
    assert isinstance(column, CurvedColumn)
    return torch.from_numpy(column.axis.index(raw))


def _known(column: CodedColumn) -> Array:
    raw, _ = to_raw(column.levels, column.schema.name)
    return raw


def _raw(column: AbstractColumn, values: Any) -> Array:
    """Raw values, flat: whole numbers of times and dates, floats of all else."""
    name, kind = column.schema.name, value_type(column.kind)
    if pa.types.is_temporal(kind):
        raw: Array = to_raw(_as_arrow(values, kind, name), name)[0]
        return raw
    if pa.types.is_integer(kind):
        whole = np.asarray(values)
        exact: Any = np.uint64 if pa.types.is_uint64(kind) else np.int64
        if whole.dtype.kind in "iu" and np.array_equal(whole, whole.astype(exact)):
            return whole.astype(exact).ravel()  # beyond 2^53 a float is another number
    numbers = _as_floats(values, name).ravel() * ticks_per_unit(kind)
    if pa.types.is_decimal(kind):  # 1.1 * 10 is not 11
        near = np.rint(numbers)
        numbers = np.where(np.isclose(numbers, near, rtol=1e-12, atol=1e-9), near, numbers)
    if pa.types.is_float32(kind):  # the column's 0.1 is not the double 0.1
        with np.errstate(over="ignore"):
            numbers = numbers.astype(np.float32).astype(np.float64)
    return numbers


def _as_floats(values: Any, name: str) -> npt.NDArray[np.float64]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if np.isnan(numbers).any():
        raise InputError(
            f"Expected numbers for column {name!r}; got {values!r:.80}. Ask about present values."
        )
    return numbers


def _as_arrow(values: Any, kind: pa.DataType, name: str) -> pa.Array:
    try:
        array = conform(in_utc(values, _read(values, name), kind), kind, name)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"Expected values of type {kind} for column {name!r}; got {values!r:.80}."
        ) from error
    if not present(array).all():
        raise InputError(
            f"Expected values of column {name!r}; got a missing one. Ask about present values; "
            "prob_missing gives the probability of a missing one."
        )
    return array


def _read(values: Any, name: str) -> pa.Array:
    """Values of any shape, flat, of what type they are by themselves."""
    if np.ndim(values) and _zone_of(values):  # numpy has no zones
        return from_values([v.as_py() if isinstance(v, pa.Scalar) else v for v in values], name)
    flat = np.asarray(values).ravel() if np.ndim(values) else [values]
    if isinstance(values, np.generic):
        flat = np.array([values])
    if isinstance(flat, np.ndarray) and flat.dtype.kind in "mM":  # in numpy's own unit
        return from_vector(flat, name)
    plain = [c.item() if isinstance(c, np.bool_ | np.number | np.str_) else c for c in flat]
    return from_values(python_days(plain), name)


def _zone_of(values: Any) -> Any:
    """The zone of a series of times of pandas, polars or Arrow; None without one."""
    dtype = getattr(values, "dtype", getattr(values, "type", None))
    return getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)


def _ends(column: AbstractColumn, bounds: Range) -> tuple[float, float]:
    """The ends of a range on the axis, both included; infinite where there is none."""
    low = -np.inf if bounds.lower is None else float(place_of(column, bounds.lower))
    high = np.inf if bounds.upper is None else float(place_of(column, bounds.upper))
    if low > high:
        raise InputError(
            f"Expected a range of column {column.schema.name!r} whose lower end comes first; got "
            f"{bounds}. Swap its ends."
        )
    if isinstance(column, CurvedColumn) and column.axis.gridded:
        return float(np.ceil(low - 1e-9)), float(np.floor(high + 1e-9))
    if isinstance(column, CodedColumn) and column.on_line and bounds.lower is not None:
        low = float(np.searchsorted(_known(column), _raw(column, bounds.lower), "left")[0])
    return low, high


def _levels_at(
    column: AbstractColumn, law: QuantileFunction, low: float, high: float
) -> tuple[Tensor, Tensor, Tensor]:
    """F(low-), F(high) and 1 - F(high) of each law, shape (N,)."""
    ends = torch.tensor([low, high], dtype=torch.float64)
    lower, upper, above = law.cdf_left(ends[0]), law.cdf(ends[1]), law.sf(ends[1])
    if not low <= high or not bool((upper > lower).all()):
        raise InputError(
            f"Expected a range of column {column.schema.name!r} that holds some probability; got "
            "one that holds none, or too little for a number to say. Widen it."
        )
    return lower, upper, above


def _decode(column: AbstractColumn, place: Tensor) -> Array:
    """Places on the axis, of any shape, to a numpy array of the column's values."""
    kind = value_type(column.kind)
    flat = place.numpy().ravel()
    if isinstance(column, CodedColumn):
        array = column.levels.take(pa.array(np.rint(flat).astype(np.int64)))
    else:
        assert isinstance(column, CurvedColumn)
        raw = column.raw(np.where(np.isfinite(flat), flat, 0.0))
        if not pa.types.is_temporal(kind):
            values = raw.astype(np.float64) * natural_unit(kind)
            values = np.where(np.isfinite(flat), values, flat)
            if pa.types.is_unsigned_integer(kind):  # the end of a tail that begins far above 0
                values = np.maximum(values, 0.0)
            return values.reshape(place.shape)
        far = column.axis.value(np.sign(flat) * 2.0**80)
        array = from_raw(np.where(np.isfinite(flat), raw, far).astype(raw.dtype), None, kind)
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    cells = array.to_numpy(zero_copy_only=False)
    if not pa.types.is_temporal(kind) and column.schema.kind == "number":
        cells = cells.astype(np.float64)
    return np.asarray(cells).reshape(place.shape)
