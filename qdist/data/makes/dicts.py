"""Dicts of columns, each a list or a one-dimensional numpy array."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from qdist.data.makes.vectors import from_values, from_vector, python_days, to_vector
from qdist.errors import InputError

__all__ = ["columns", "describe", "restore"]


def _vector(values: Any, name: Any) -> pa.Array:
    # By what it is, not by its values: as an array a list would be read twice, and need be none.
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
    return from_values(python_days(values), name)


def columns(frame: dict[Any, Any]) -> tuple[list[Any], list[pa.Array]]:
    """Labels and arrays."""
    arrays = [_vector(values, name) for name, values in frame.items()]
    sizes = {len(array) for array in arrays}
    if len(sizes) > 1:
        raise InputError(
            f"Expected columns of one length; got lengths {', '.join(map(str, sorted(sizes)))}."
        )
    return list(frame), arrays


def describe(frame: dict[Any, Any]) -> dict[str, Any]:
    """For each column `list`, or the numpy dtype."""
    types = [v.dtype.str if isinstance(v, np.ndarray) else "list" for v in frame.values()]
    return {"labels": list(frame), "types": types}


def restore(
    arrays: list[pa.Array], note: dict[str, Any], n_rows: int, index: Any
) -> dict[Any, Any]:
    """A dict of lists and arrays as noted."""
    del n_rows, index
    return {
        label: array.to_pylist() if kind == "list" else to_vector(array, np.dtype(kind))
        for label, array, kind in zip(note["labels"], arrays, note["types"], strict=True)
    }
