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
    """Field names and dtypes."""
    _check(frame)
    if frame.dtype.names is not None:
        types = [frame.dtype[name].str for name in frame.dtype.names]
        return {"fields": True, "labels": list(frame.dtype.names), "types": types}
    return {"fields": False, "labels": list(range(frame.shape[1])), "types": [frame.dtype.str]}


def restore(
    arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any
) -> np.ndarray[Any, Any]:
    """An array of the noted dtype."""
    del index
    if not note["fields"]:
        dtype = np.dtype(note["types"][0])
        out = np.empty((n_rows, len(arrays)), dtype)
        for i, array in enumerate(arrays):
            out[:, i] = to_vector(array, dtype)
        return out
    pairs = list(zip(note["labels"], note["types"], strict=True))
    out = np.empty(n_rows, np.dtype(pairs))
    for array, (name, kind) in zip(arrays, pairs, strict=True):
        out[name] = to_vector(array, np.dtype(kind))
    return out
