"""polars DataFrames."""

from typing import Any

import pyarrow as pa

from qdist.data.makes.vectors import to_half
from qdist.errors import InputError

__all__ = ["columns", "describe", "restore"]


def columns(frame: Any) -> tuple[list[str], list[pa.ChunkedArray]]:
    """Labels and arrays."""
    try:
        table = frame.to_arrow()
    except pa.ArrowInvalid as error:
        kinds = ", ".join(sorted({str(dtype) for dtype in frame.dtypes}))
        raise InputError(
            f"Expected columns of types that Arrow has; got {kinds} ({error}). Cast the column, "
            "128-bit whole numbers to 64 bits."
        ) from error
    return list(table.schema.names), list(table.columns)


def _note(series: Any) -> dict[str, Any]:
    import polars as pl

    dtype = series.dtype
    note: dict[str, Any] = {"type": type(dtype).__name__ if dtype != pl.Null else "Null"}
    if isinstance(dtype, pl.Decimal):
        note |= {"precision": dtype.precision, "scale": dtype.scale}
    elif isinstance(dtype, pl.Datetime):
        note |= {"unit": dtype.time_unit, "zone": dtype.time_zone}
    elif isinstance(dtype, pl.Duration):
        note["unit"] = dtype.time_unit
    elif isinstance(dtype, pl.Enum):
        note["levels"] = dtype.categories.to_list()
    # polars has two ways to be missing; the frame gets back the one that it had.
    if dtype.is_float() and not series.null_count() and series.is_nan().any():
        note["missing"] = "nan"
    return note


def _dtype(note: dict[str, Any]) -> Any:
    import polars as pl

    name = note["type"]
    if name == "Decimal":
        return pl.Decimal(note["precision"], note["scale"])
    if name == "Datetime":
        return pl.Datetime(note["unit"], note["zone"])
    if name == "Duration":
        return pl.Duration(note["unit"])
    if name == "Enum":
        return pl.Enum(note["levels"])
    return getattr(pl, name)


def _with_others(levels: list[str], array: pa.Array) -> list[str]:
    """Levels, and then those that an array holds besides."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    known = set(levels)
    return levels + [v for v in array.drop_null().unique().to_pylist() if v not in known]


def describe(frame: Any) -> dict[str, Any]:
    """Names and data types."""
    return {"labels": list(frame.columns), "columns": [_note(s) for s in frame.get_columns()]}


def restore(arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any) -> Any:
    """A frame of the noted data types."""
    import polars as pl

    del n_rows, index
    series = []
    for name, array, column in zip(note["labels"], arrays, note["columns"], strict=True):
        dtype = _dtype(column)
        if column["type"] == "Null":  # values that were given for it keep their own type
            dtype = pl.Series(array).dtype
        if column["type"] == "Enum":
            dtype = pl.Enum(_with_others(column["levels"], array))
        if pa.types.is_dictionary(array.type) and dtype == pl.String:
            array = array.cast(array.type.value_type)
        one = pl.Series(name, to_half(array) if column["type"] == "Float16" else array)
        if one.dtype != dtype:
            one = one.cast(pl.String).cast(dtype) if column["type"] == "Enum" else one.cast(dtype)
        if column.get("missing") == "nan":
            one = one.fill_null(float("nan"))
        series.append(one)
    return pl.DataFrame(series)
