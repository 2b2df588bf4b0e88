"""Dicts of columns, each a list, a one-dimensional numpy array or a Series."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from qdist.data.makes import pandas_frames, polars_frames
from qdist.data.makes.vectors import from_values, from_vector, python_days, to_vector
from qdist.errors import InputError

__all__ = ["columns", "describe", "restore"]


def _vector(values: Any, name: Any) -> pa.Array | pa.ChunkedArray:
    # Judged by its attributes: to make an array of a list would read it twice, and might fail.
    dimensions = getattr(values, "ndim", 1)  # lists have no such number
    sequence = hasattr(values, "__len__") and hasattr(values, "__getitem__")
    if not sequence or not dimensions or isinstance(values, str | bytes | Mapping):
        raise InputError(
            f"Expected a list or an array for column {name!r}; got {values!r:.80}. "
            "Put single values into lists."
        )
    if dimensions != 1:
        raise InputError(
            f"Expected one dimension for column {name!r}; got shape {tuple(values.shape)}. "
            "Give each of its columns by itself."
        )
    if isinstance(values, np.ndarray):
        return from_vector(values, name)
    if (array := _of_series(values, name)) is not None:
        return array
    return from_values(python_days(values), name)


def _of_series(values: Any, name: Any) -> pa.Array | pa.ChunkedArray | None:
    """A Series of pandas or polars by its dtype, if that says more than its items; else `None`."""
    if nw.dependencies.is_pandas_series(values) and values.dtype != np.dtype(object):
        _, (array,) = pandas_frames.columns(values.to_frame(name))
    elif nw.dependencies.is_polars_series(values):
        _, (array,) = polars_frames.columns(values.to_frame())
    else:
        return None
    # A dict has no place for levels: its categories are plain values.
    return None if pa.types.is_dictionary(array.type) else array


def columns(frame: dict[Any, Any]) -> tuple[list[Any], list[pa.Array | pa.ChunkedArray]]:
    """Labels and arrays."""
    arrays = [_vector(values, name) for name, values in frame.items()]
    sizes = {len(array) for array in arrays}
    if len(sizes) > 1:
        raise InputError(
            f"Expected columns of one length; got lengths {', '.join(map(str, sorted(sizes)))}."
        )
    return list(frame), arrays


def describe(frame: dict[Any, Any]) -> dict[str, Any]:
    """For each column `list`, or the numpy dtype; and which are masked, if any are."""
    types = [v.dtype.str if isinstance(v, np.ndarray) else "list" for v in frame.values()]
    masked = [isinstance(v, np.ma.MaskedArray) for v in frame.values()]
    return {"labels": list(frame), "types": types} | ({"masked": masked} if any(masked) else {})


def restore(
    arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any
) -> dict[Any, Any]:
    """A dict of lists and arrays as noted."""
    del n_rows, index
    masks = note.get("masked", [False] * len(arrays))
    noted = zip(note["labels"], arrays, note["types"], masks, strict=True)
    return {
        label: array.to_pylist()
        if kind == "list"
        else to_vector(array, np.dtype(kind), masked=masked)
        for label, array, kind, masked in noted
    }
