"""pandas DataFrames, versions 2 and 3."""

import math
from typing import Any

import numpy as np
import pyarrow as pa

from qdist.data.makes.arrow_tables import to_dictionary
from qdist.data.makes.levels import pack_levels, unpack_levels
from qdist.data.makes.pandas_dtypes import pack_dtype, unpack_dtype
from qdist.data.makes.pandas_index import describe_index, restore_index
from qdist.data.makes.types import pack_type, unpack_type
from qdist.data.makes.vectors import from_values, from_vector, to_half, to_vector
from qdist.errors import InputError

__all__ = ["columns", "describe", "restore"]


def _plain_levels(categories: Any, name: Any) -> pa.Array:
    """Categories as a flat Arrow array; intervals of numbers, which it lacks, by their text."""
    import pandas as pd

    dtype = categories.dtype
    if isinstance(dtype, pd.IntervalDtype) and getattr(dtype.subtype, "kind", "i") in "if":
        return pa.array([str(c) for c in categories], pa.large_string())
    levels = from_values(categories, name)
    if isinstance(levels.type, pa.BaseExtensionType) or pa.types.is_nested(levels.type):
        got = levels.type if dtype == np.dtype(object) else dtype
        raise InputError(
            f"Expected text, numbers, dates or intervals of numbers as categories in column "
            f"{name!r}; got {got}. Convert it, for example by .astype(str)."
        )
    return levels


def _column(series: Any, name: Any) -> pa.Array:
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        levels = _plain_levels(dtype.categories, name)
        codes = np.asarray(series.cat.codes)
        return pa.DictionaryArray.from_arrays(
            pa.array(codes.astype(np.int32), mask=codes < 0),
            levels,
            ordered=bool(dtype.ordered),
        )
    if isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        raise InputError(
            f"Expected numbers, text, dates or booleans in column {name!r}; got dtype {dtype}. "
            "Convert it, periods by .dt.to_timestamp(), intervals of numbers to categories."
        )
    if isinstance(dtype, pd.DatetimeTZDtype):
        pack_dtype(dtype, name)  # raises where Arrow would fail, or mistake the zone
    if isinstance(dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    if isinstance(series.dtype, np.dtype):
        return from_vector(series.to_numpy(), name)
    return from_values(series, name)


def columns(frame: Any) -> tuple[list[Any], list[pa.Array]]:
    """Labels and arrays."""
    labels = list(frame.columns)
    return labels, [_column(frame.iloc[:, i], label) for i, label in enumerate(labels)]


def _pack_categories(categories: Any, name: Any) -> dict[str, Any]:
    import pandas as pd

    if isinstance(categories, pd.IntervalIndex):
        ends = np.stack([np.asarray(categories.left), np.asarray(categories.right)])
        if ends.dtype.kind in "if":
            # JSON has no infinite numbers: these are text.
            sides = [[e if math.isfinite(e) else str(e) for e in side] for side in ends.tolist()]
            return {"closed": categories.closed, "ends": sides}
    levels = _plain_levels(categories, name)
    return {"dtype": _pack(pd.Series(categories)), **pack_levels(levels)}


def _unpack_categories(note: dict[str, Any]) -> Any:
    import pandas as pd

    if "ends" in note:
        sides = [[float(e) if isinstance(e, str) else e for e in side] for side in note["ends"]]
        return pd.IntervalIndex.from_arrays(*sides, closed=note["closed"])
    return pd.Index(_series(unpack_levels(note), note["dtype"], None))


def _pack(series: Any) -> dict[str, Any]:
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _pack_categories(dtype.categories, series.name)
        return {"categories": categories, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.ArrowDtype):
        return {"arrow": pack_type(dtype.pyarrow_dtype)}
    if isinstance(dtype, pd.StringDtype):
        return {
            "string": dtype.storage,
            "nan": isinstance(getattr(dtype, "na_value", pd.NA), float),
        }
    note = pack_dtype(dtype, series.name)
    if dtype == np.dtype(object):
        gaps = series[series.isna()]
        note["missing"] = "None" if len(gaps) == 0 else _missing_name(gaps.iloc[0])
    return note


def _missing_name(value: Any) -> str:
    import pandas as pd

    if value is pd.NA:
        return "NA"
    if value is pd.NaT:
        return "NaT"
    return "None" if value is None else "nan"


def describe(frame: Any) -> dict[str, Any]:
    """Labels, dtypes with categories, and the kind of the index."""
    labels = [int(c) if isinstance(c, np.integer) else c for c in frame.columns]
    notes = [_pack(frame.iloc[:, i]) for i in range(len(labels))]
    name = frame.columns.name
    return {
        "labels": labels,
        "label_name": name if isinstance(name, str) else None,
        "columns": notes,
        "index": describe_index(frame.index),
    }


def _series(array: pa.Array, note: dict[str, Any], index: Any) -> Any:
    import pandas as pd

    if "categories" in note:
        return pd.Series(_categorical(array, note), index=index)
    if pa.types.is_dictionary(array.type) and "arrow" not in note:
        array = array.cast(array.type.value_type)
    if "arrow" in note:
        kind = unpack_type(note["arrow"])
        if pa.types.is_null(kind):  # values that were given for it keep their own type
            kind = array.type
        if pa.types.is_dictionary(kind):
            levels = array.dictionary if pa.types.is_dictionary(array.type) else array[:0]
            array = to_dictionary(array, levels.cast(kind.value_type), kind)
            kind = array.type
        array = to_half(array) if pa.types.is_float16(kind) else array.cast(kind)
        values = pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))
        return pd.Series(values, index=index)
    if "string" in note:
        dtype = _string_dtype(note)
        out = np.empty(len(array), object)
        out[:] = array.to_pylist()
        return pd.Series(out, index=index, dtype=dtype)
    dtype = unpack_dtype(note)
    if dtype == np.dtype(object):
        out = to_vector(array, np.dtype(object))
        gap = {"NA": pd.NA, "NaT": pd.NaT, "nan": float("nan"), "None": None}[note["missing"]]
        if gap is not None and array.null_count:
            out[array.is_null().to_numpy(zero_copy_only=False)] = gap
        return pd.Series(out, index=index, dtype=object)
    if isinstance(dtype, np.dtype | pd.SparseDtype):
        values = to_vector(array, getattr(dtype, "subtype", dtype))
        if isinstance(values, np.ma.MaskedArray):
            values = _nullable(values)
        elif isinstance(dtype, pd.SparseDtype):
            values = pd.arrays.SparseArray(values, dtype=dtype)
        return pd.Series(values, index=index)
    if isinstance(dtype, pd.DatetimeTZDtype):
        naive = array.cast(pa.timestamp(dtype.unit)).to_numpy(zero_copy_only=False)
        stamps = pd.DatetimeIndex(naive).tz_localize("UTC").tz_convert(dtype.tz)
        return pd.Series(stamps, index=index).astype(dtype)
    values = pd.Series(array.to_pandas(integer_object_nulls=True), dtype=object)
    return pd.Series(pd.array(values.where(values.notna(), None), dtype=dtype), index=index)


def _nullable(values: np.ma.MaskedArray[Any, Any]) -> Any:
    """Whole numbers or booleans of which some are missing, for which pandas has dtypes."""
    import pandas as pd

    made = pd.arrays.BooleanArray if values.dtype.kind == "b" else pd.arrays.IntegerArray
    native = values.data.astype(values.dtype.newbyteorder("="))
    return made(native, np.ma.getmaskarray(values))


def _string_dtype(note: dict[str, Any]) -> Any:
    import pandas as pd

    if note["nan"] and int(pd.__version__.split(".")[0]) >= 3:
        return pd.StringDtype(note["string"], na_value=float("nan"))
    return pd.StringDtype(note["string"])


def _categorical(array: pa.Array, note: dict[str, Any]) -> Any:
    import pandas as pd

    noted = note["categories"]
    categories = _unpack_categories(noted)
    levels = _plain_levels(categories, None) if "ends" in noted else unpack_levels(noted)
    kind = pa.dictionary(pa.int32(), levels.type, ordered=note["ordered"])
    array = to_dictionary(array, levels, kind)
    if len(array.dictionary) > len(levels):  # some that were given, or made up for an id
        categories = pd.Index(_series(array.dictionary, noted["dtype"], None))
    dtype = pd.CategoricalDtype(categories, note["ordered"])
    codes = array.indices.fill_null(-1)
    return pd.Categorical.from_codes(codes.to_numpy(zero_copy_only=False), dtype=dtype)


def restore(arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any) -> Any:
    """A frame of the noted labels, dtypes and kind of index."""
    import pandas as pd

    if index is None:
        index = restore_index(note["index"], n_rows)
    data = {
        i: _series(array, column, index)
        for i, (array, column) in enumerate(zip(arrays, note["columns"], strict=True))
    }
    frame = pd.DataFrame(data, index=index, copy=False)
    frame.columns = pd.Index(note["labels"], name=note["label_name"])
    return frame
