"""The index of a pandas frame: its kind is kept, its entries are not.

New rows have no labels of their own, so they get placeholders of the same kind: 0, 1, ... for
numbers, the same as text for text, seconds from 1970 on for times. The training rows' labels,
which may name people, are never stored.
"""

from typing import Any

import numpy as np

from qdist.data.makes.pandas_dtypes import pack_dtype, unpack_dtype

__all__ = ["describe_index", "restore_index"]


def describe_index(index: Any) -> dict[str, Any]:
    """The kind and the names of an index, as JSON-able data."""
    import pandas as pd

    names = [name if isinstance(name, str | int) else None for name in index.names]
    if isinstance(index, pd.MultiIndex):
        levels = [describe_index(index.get_level_values(i)) for i in range(index.nlevels)]
        return {"kind": "multi", "names": names, "levels": levels}
    if isinstance(index, pd.RangeIndex):
        return {"kind": "range", "names": names}
    if isinstance(index, pd.DatetimeIndex):
        return {"kind": "datetime", "names": names, **pack_dtype(index.dtype, "index")}
    if isinstance(index, pd.TimedeltaIndex):
        return {"kind": "timedelta", "names": names, "dtype": str(index.dtype)}
    if isinstance(index.dtype, np.dtype) and index.dtype.kind in "iuf":
        return {"kind": "number", "names": names, "dtype": str(index.dtype)}
    if pd.api.types.is_string_dtype(index.dtype):
        return {"kind": "text", "names": names, "object": index.dtype == object}
    return {"kind": "range", "names": names}


def restore_index(note: dict[str, Any], n_rows: int) -> Any:
    """An index of `n_rows` placeholders of the noted kind."""
    import pandas as pd

    kind, names = note["kind"], note["names"]
    if kind == "multi":
        return pd.MultiIndex.from_arrays(
            [restore_index(level, n_rows) for level in note["levels"]], names=names
        )
    name = names[0]
    steps = np.arange(n_rows)
    if kind == "datetime":
        dtype = unpack_dtype(note)
        stamps = pd.DatetimeIndex(steps.astype("M8[s]"))  # days would be too many for nanoseconds
        if isinstance(dtype, pd.DatetimeTZDtype):
            stamps = stamps.tz_localize("UTC").tz_convert(dtype.tz)
        return stamps.astype(dtype).rename(name)
    if kind == "timedelta":
        return pd.TimedeltaIndex(steps.astype("m8[s]")).astype(note["dtype"]).rename(name)
    if kind == "number":
        return pd.Index(steps.astype(note["dtype"]), name=name)
    if kind == "text":
        text = [str(i) for i in steps]
        return pd.Index(text, name=name, dtype=object if note["object"] else None)
    return pd.RangeIndex(n_rows, name=name)
