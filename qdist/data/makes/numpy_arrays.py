"""numpy arrays: two dimensions of one dtype, or one dimension with named fields."""

from typing import Any

import numpy as np
import pyarrow as pa

from qdist.data.makes.vectors import from_vector, to_vector
from qdist.errors import InputError

__all__ = ["columns", "describe", "restore"]


def _check(frame: np.ndarray[Any, Any]) -> None:
    if frame.dtype.names is None and frame.ndim != 2:
        raise InputError(
            f"Expected an array of shape (rows, columns); got shape {frame.shape}. "
            "Reshape it, for example by array.reshape(-1, 1)."
        )
    if frame.dtype.names is not None and frame.ndim != 1:
        raise InputError(
            f"Expected an array with named fields of shape (rows,); got shape {frame.shape}."
        )


def columns(frame: np.ndarray[Any, Any]) -> tuple[list[Any], list[pa.Array]]:
    """Labels (the field names, or 0, 1, ...) and arrays."""
    _check(frame)
    if frame.dtype.names is not None:
        labels: list[Any] = list(frame.dtype.names)
        return labels, [from_vector(frame[name], name) for name in labels]
    labels = list(range(frame.shape[1]))
    return labels, [from_vector(frame[:, i], i) for i in labels]


def describe(frame: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Field names and dtypes, and that the array is masked if it is."""
    _check(frame)
    masked = {"masked": True} if isinstance(frame, np.ma.MaskedArray) else {}
    if frame.dtype.names is not None:
        types = [frame.dtype[name].str for name in frame.dtype.names]
        return {"fields": True, "labels": list(frame.dtype.names), "types": types, **masked}
    labels = list(range(frame.shape[1]))
    return {"fields": False, "labels": labels, "types": [frame.dtype.str], **masked}


def restore(
    arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any
) -> np.ndarray[Any, Any]:
    """An array of the noted dtype, masked where it was or where cells have to be missing."""
    del index
    fields, types = note["fields"], note["types"]
    vectors = [
        to_vector(array, np.dtype(kind), masked=note.get("masked", False))
        for array, kind in zip(arrays, types if fields else types * len(arrays), strict=True)
    ]
    masked = any(isinstance(vector, np.ma.MaskedArray) for vector in vectors)
    empty: Any = np.ma.empty if masked else np.empty
    if fields:
        pairs = [(name, v.dtype) for name, v in zip(note["labels"], vectors, strict=True)]
        out: np.ndarray[Any, Any] = empty(n_rows, np.dtype(pairs))
        for name, vector in zip(note["labels"], vectors, strict=True):
            out[name] = vector
        return out
    # Text can have become longer in some columns.
    longest = max((v.dtype for v in vectors), key=lambda d: d.itemsize, default=np.dtype(types[0]))
    out = empty((n_rows, len(vectors)), longest)
    for i, vector in enumerate(vectors):
        out[:, i] = vector
    return out
