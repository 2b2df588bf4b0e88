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
    try:
        # The same zone has a name with one library and none with another; Arrow names most.
        zone = pa.array(pd.Series(dtype=dtype)).type.tz
        note = {"dtype": f"datetime64[{dtype.unit}, {zone}]"}
        if _offsets(unpack_dtype(note).tz) != _offsets(dtype.tz):  # the same name for another
            raise TypeError(zone)
    except (TypeError, AttributeError, pa.ArrowException) as err:
        raise InputError(
            f"Expected a time zone that is known by its name, or an offset of whole minutes "
            f"without one, in column {name!r}; got {dtype.tz!r}. "
            'Convert the times, for example by .dt.tz_convert("UTC").'
        ) from err
    return note


def _offsets(zone: Any) -> list[Any]:
    """How far a zone is from UTC in winter and in summer."""
    import pandas as pd

    dates = pd.to_datetime(["2024-01-01", "2024-07-01"], utc=True).tz_convert(zone)
    return [date.utcoffset() for date in dates]


def unpack_dtype(note: dict[str, Any]) -> Any:
    """Reads what `pack_dtype` wrote.

    Example:
        >>> unpack_dtype({"dtype": "datetime64[us, Europe/Paris]"})
        datetime64[us, Europe/Paris]
    """
    import pandas as pd

    dtype = pd.api.types.pandas_dtype(note["dtype"])
    return pd.SparseDtype(dtype.subtype, note["fill"]) if "fill" in note else dtype
