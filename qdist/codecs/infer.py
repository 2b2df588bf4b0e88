"""Finds out what a column is, and fits its codec."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qdist.codecs.axis import Axis, fit_axis
from qdist.codecs.bounds import check_bounds
from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn, ConstantColumn, IdColumn
from qdist.codecs.conform import conform, in_utc, present, value_type
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.ends import axis_ends, raw_bound, type_range
from qdist.codecs.fitting import Fineness, find_atoms, fit_curve
from qdist.codecs.heaps import find_heaps
from qdist.codecs.raw import from_raw, is_numeric, to_raw, to_whole
from qdist.codecs.schema import OTHER, Column, ColumnSchema
from qdist.data.ids import names_rows
from qdist.data.makes.vectors import from_values, python_days
from qdist.errors import InputError

__all__ = ["fit_column", "levels_of"]

log = logging.getLogger(__name__)


def fit_column(
    name: str,
    array: pa.Array,
    column: Column | None,
    *,
    fineness: Fineness,
    min_level_count: int = 1,
) -> AbstractColumn:
    """Fits the codec of one column.

    Args:
        name: Its name.
        array: Its cells, N >= 1, of a canonical type.
        column: What the user says of it.
        fineness: How finely numbers are described.
        min_level_count: Nominal levels of fewer rows are not kept.

    Returns:
        A constant, id, coded or curved column.

    Raises:
        InputError: If the type is no column, infinities are among the values, or the data and
            what the user says of them disagree.
    """
    column = column or Column()
    if pa.types.is_null(array.type) and column.categories is not None:
        # All that is known of the type of its values is what was declared.
        array = pa.nulls(len(array), _declared(name, column, array.type).type)
    there = present(array)
    n_missing = int((~there).sum())
    kind = _kind(name, array, there, column)
    share = n_missing / len(array)
    plain: dict[str, Any] = {
        "name": name,
        "dtype": str(array.type),
        "missing": share,
        "kind": kind,
    }
    if n_missing == len(array) and column.categories is None:
        schema = ColumnSchema(**plain, modelled=False)
        return ConstantColumn(schema, array.type, pa.nulls(1, array.type))
    if kind == "id":
        return IdColumn(ColumnSchema(**plain, modelled=n_missing > 0), array.type)
    if kind in {"nominal", "ordered", "boolean"}:
        if kind == "nominal" and min_level_count > 1 and column.categories is None:
            return _fit_common_levels(array, plain, n_missing, least=min_level_count)
        return _fit_levels(name, array, column, plain, n_missing)
    return _fit_numbers(name, array, column, plain, n_missing, fineness)


def levels_of(column: AbstractColumn) -> pa.Array:
    """The levels that a column keeps: of codes all, of a constant one or none, of ids none."""
    if isinstance(column, CodedColumn):
        return column.levels
    if isinstance(column, IdColumn):
        return pa.array([], column.kind.value_type)
    array = column.decode(np.zeros(1)).drop_null()
    return array.cast(array.type.value_type)


def _kind(name: str, array: pa.Array, there: NDArray[np.bool_], column: Column) -> str:
    kind = array.type
    values = value_type(kind)
    if pa.types.is_null(kind):
        return "nominal"
    textual = pa.types.is_large_string(values)
    if not (textual or pa.types.is_boolean(values) or is_numeric(values)):
        raise InputError(
            f"Expected numbers, text, booleans, dates or times in column {name!r}; got values of "
            f"Arrow type {kind}. Split, convert or drop the column."
        )
    natural = _natural_kind(array, there)
    wanted = column.kind
    if wanted is None and (column.categories is not None or column.ordered is not None):
        ordered = column.ordered if column.ordered is not None else natural == "ordered"
        return "ordered" if ordered else "nominal"
    if wanted is None or wanted == natural:
        return natural
    numeric = is_numeric(kind) and not pa.types.is_dictionary(kind)
    free = wanted in {"nominal", "ordered"} or (wanted == "boolean" and not textual)
    as_id = wanted == "id" and (textual or pa.types.is_integer(values))
    as_number = wanted == "number" and numeric and natural == "number"
    if free or as_id or as_number:
        return wanted
    raise InputError(
        f"Expected a kind that column {name!r} of Arrow type {kind} can have; got {wanted!r}. "
        f"It looks like {natural!r}: leave the kind out or convert the column."
    )


def _natural_kind(array: pa.Array, there: NDArray[np.bool_]) -> str:
    kind = array.type
    if pa.types.is_dictionary(kind) and pa.types.is_boolean(kind.value_type):
        return "boolean"
    if pa.types.is_dictionary(kind) and kind.ordered:
        return "ordered"  # a list that somebody stated
    if pa.types.is_large_string(value_type(kind)) and names_rows(_counts(array, there)):
        return "id"
    if pa.types.is_dictionary(kind):
        return "nominal"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_duration(kind):
        return "timedelta"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_time(kind):
        return "time"
    if is_numeric(kind):
        return "number"
    return "nominal"


def _counts(array: pa.Array, there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many cells hold each value."""
    cells = array.indices if pa.types.is_dictionary(array.type) else array
    counts = pc.value_counts(cells.filter(pa.array(there))).field("counts")
    return np.asarray(counts.to_numpy())


def _fit_levels(
    name: str, array: pa.Array, column: Column, plain: dict[str, Any], n_missing: int
) -> AbstractColumn:
    ordered = plain["kind"] == "ordered"
    values = value_type(array.type)
    if column.categories is not None:
        levels = _declared(name, column, array.type)
    elif pa.types.is_dictionary(array.type):
        used = np.unique(array.indices.drop_null().to_numpy())
        levels = array.dictionary.take(pa.array(used))
    else:
        distinct = array.filter(pa.array(present(array))).unique()
        # Booleans have no sort kernel of their own.
        order = pc.sort_indices(distinct.cast(pa.int8()) if values == pa.bool_() else distinct)
        levels = distinct.take(order)
    if len(levels) == 1 and not n_missing and column.categories is None:
        schema = ColumnSchema(**plain, modelled=False)
        return ConstantColumn(schema, array.type, array.slice(0, 1))
    schema = ColumnSchema(**plain, levels=len(levels), ordered=ordered)
    coded = CodedColumn(schema, array.type, levels, missing=n_missing > 0)
    if column.categories is not None:
        coded.encode(array)  # raises if the data hold other levels
    return coded


def _declared(name: str, column: Column, kind: pa.DataType) -> pa.Array:
    """The categories that the user names, as values of the column's type."""
    said = column.categories or ()
    levels = conform(in_utc(said, from_values(python_days(said), name), kind), kind, name)
    if len(levels.filter(pa.array(present(levels))).unique()) < len(levels):
        raise InputError(
            f"Expected categories that are different values of column {name!r}, of type {kind}; "
            f"got {list(said[:10])!r}, of which some are the same or missing. Name each once."
        )
    return levels


def _fit_common_levels(
    array: pa.Array, plain: dict[str, Any], n_missing: int, *, least: int
) -> AbstractColumn:
    """Levels of at least so many rows. The others become one, or missing if they are no text."""
    values = conform(array, array.type, plain["name"])
    counted = pc.value_counts(values.filter(pa.array(present(values))))
    distinct, counts = counted.field("values"), counted.field("counts").to_numpy()
    common = distinct.filter(pa.array(counts >= least))
    levels = common.take(pc.sort_indices(common))
    n_rare = int(counts[counts < least].sum())
    rest, missing = None, n_missing > 0
    if n_rare and pa.types.is_large_string(levels.type):
        other = pa.array([OTHER], levels.type)
        if not pc.is_in(other, value_set=levels)[0].as_py():
            levels = pa.concat_arrays([levels, other])
        rest = pc.index_in(other, value_set=levels)[0].as_py()
    elif n_rare:
        missing, rest = True, len(levels)
        plain = {**plain, "missing": (n_missing + n_rare) / len(array)}
    kind = array.type
    if len(levels) == 0:
        return ConstantColumn(ColumnSchema(**plain, modelled=False), kind, pa.nulls(1, kind))
    coded = CodedColumn(
        ColumnSchema(**plain, levels=len(levels)), kind, levels, missing=missing, rest=rest
    )
    if len(levels) == 1 and not missing:
        value = coded.decode(np.zeros(1))
        return ConstantColumn(ColumnSchema(**plain, modelled=False), kind, value)
    return coded


def _fit_numbers(
    name: str,
    array: pa.Array,
    column: Column,
    plain: dict[str, Any],
    n_missing: int,
    fineness: Fineness,
) -> AbstractColumn:
    kind = array.type
    raw, missing = to_raw(array, name)
    declared = bool(column.integer)
    lower = raw_bound(name, column.lower, kind, up=False, whole=declared)
    upper = raw_bound(name, column.upper, kind, up=True, whole=declared)
    values, counts = np.unique(raw[~missing], return_counts=True)
    strange = values[values != to_whole(values, kind)] if declared else values[:0]
    if len(strange):
        first = from_raw(strange[:1], None, kind)[0].as_py()
        raise InputError(
            f"Expected whole numbers in column {name!r}, declared as integer; got {first} "
            f"and {len(strange) - 1} other values. Leave integer out or round the column."
        )
    plain |= {"lower": lower, "upper": upper}
    check_bounds(ColumnSchema(**plain), values, np.ones(len(values), bool))
    whole = values.dtype.kind in "iu"
    integer = declared or (
        whole and not pa.types.is_temporal(kind) and not pa.types.is_decimal(kind)
    )
    if integer and column.kind is None and _number_rows(values, counts):
        log.warning(
            "column %r looks like row numbers: declare Column(kind='id') or drop it; "
            "Column(kind='number') says that it is none",
            name,
        )
    if len(values) == 1 and not n_missing:
        schema = ColumnSchema(**plain, integer=integer, modelled=False)
        return ConstantColumn(schema, kind, array.slice(0, 1))
    atoms = find_atoms(counts, len(array), fineness)
    if atoms.all():
        schema = ColumnSchema(
            **plain, levels=len(values), ordered=True, integer=integer, atoms=len(values)
        )
        return CodedColumn(schema, kind, from_raw(values, None, kind), missing=n_missing > 0)
    least, greatest = type_range(kind, whole=declared)
    # Times before year 1 can be drawn where there are some in the data.
    least, greatest = min(least, values[0].item()), max(greatest, values[-1].item())
    axis = fit_axis(
        values,
        single=pa.types.is_float32(kind),
        grid=column.integer is not False,
        least=least,
        greatest=greatest,
    )
    z = axis.index(values)
    first, last = axis_ends(axis, z, lower=lower, upper=upper, dtype=values.dtype)
    heaps, cell = None, float(axis.gridded)
    if axis.gridded:
        zero = -round(axis.base / axis.step)  # whole, as the grid is
        heaps = find_heaps(z[~atoms], counts[~atoms], zero=zero)
    if heaps is not None:
        cell = heaps.share * heaps.stride
        z = heaps.spread(z)
        first, last = (
            None if end is None else float(heaps.spread(np.array([end]))[0])
            for end in (first, last)
        )
    curve = fit_curve(
        z, counts, atoms, n_missing,
        cell=cell, fineness=fineness, lower=first, upper=last,
    )  # fmt: skip
    step = axis.unit * (10.0**-kind.scale if pa.types.is_decimal(kind) else 1.0)
    schema = ColumnSchema(
        **plain,
        integer=integer or (axis.gridded and not whole and _is_whole(axis)),
        step=step if axis.gridded else None,
        atoms=int(atoms.sum()),
    )
    return CurvedColumn(schema, kind, axis, curve, heaps)


def _number_rows(values: NDArray[Any], counts: NDArray[np.int64]) -> bool:
    """Whether whole numbers, increasing, are consecutive, and each is that of one row."""
    span = int(values[-1]) - int(values[0]) + 1  # numpy's integers would overflow
    return names_rows(counts) and len(values) == counts.sum() == span


def _is_whole(axis: Axis) -> bool:
    """Whether all values of a grid of floats are whole: those of 0.5, 1.5, 2.5 are not."""
    one = 10**axis.decimals
    return bool(axis.step % one == 0 and axis.base % one == 0)
