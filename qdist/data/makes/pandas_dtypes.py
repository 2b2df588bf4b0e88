"""Dtypes of pandas by name, and back; for two kinds the name alone does not lead back."""

from typing import Any

import numpy as np
import pyarrow as pa

from qdist.errors import InputError

__all__ = ["pack_dtype", "unpack_dtype"]


def pack_dtype(dtype: Any, name: Any) -> dict[str, Any]:
    """Writes a dtype.

    Args:
        dtype: A dtype of pandas or numpy.
        name: The name of the column that has it, for messages.

    Returns:
        A dict with `dtype`, and for a sparse one whose fill value is not the usual one `fill`.

    Raises:
        InputError: If its time zone has no name that leads back to it.

    Example:
        >>> import pandas as pd
        >>> pack_dtype(pd.SparseDtype("float64", 0.0), "a")
        {'dtype': 'Sparse[float64]', 'fill': 0.0}
    """
    import pandas as pd

    if isinstance(dtype, pd.SparseDtype):
        note: dict[str, Any] = {"dtype": f"Sparse[{dtype.subtype}]"}
        usual = dtype == pd.SparseDtype(dtype.subtype)
        return note if usual else note | {"fill": np.asarray(dtype.fill_value).item()}
    if not isinstance(dtype, pd.DatetimeTZDtype):
        return {"dtype": str(dtype)}
    # The same zone has a name with one library and none with another; Arrow names them all.
    zone = pa.array(pd.Series(dtype=dtype)).type.tz
    note = {"dtype": f"datetime64[{dtype.unit}, {zone}]"}
    try:
        unpack_dtype(note)
    except TypeError as err:
        raise InputError(
            f"Expected a time zone that is known by its name, or an offset without one, in column "
            f'{name!r}; got {dtype.tz!r}. Convert the times, for example by .dt.tz_convert("UTC").'
        ) from err
    return note


def unpack_dtype(note: dict[str, Any]) -> Any:
    """Reads what `pack_dtype` wrote.

    Example:
        >>> unpack_dtype({"dtype": "datetime64[us, Europe/Paris]"})
        datetime64[us, Europe/Paris]
    """
    import pandas as pd

    dtype = pd.api.types.pandas_dtype(note["dtype"])
    return pd.SparseDtype(dtype.subtype, note["fill"]) if "fill" in note else dtype
