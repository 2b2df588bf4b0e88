"""The levels of a categorical column as JSON-able data, and back."""

import decimal
from typing import Any

import pyarrow as pa

from qdist.data.makes.types import pack_type, unpack_type

__all__ = ["pack_levels", "unpack_levels"]


def pack_levels(levels: pa.Array) -> dict[str, Any]:
    """Writes an array of levels.

    Args:
        levels: A flat array without missing values.

    Returns:
        A dict with `type` ("text", "integer" or an Arrow type) and `values`: as they are, but
        dates and times as whole numbers of their unit, and decimals as text.

    Example:
        >>> pack_levels(pa.array(["a", "b"], pa.large_string()))
        {'type': 'text', 'values': ['a', 'b']}
    """
    kind = levels.type
    if isinstance(kind, pa.BaseExtensionType):
        levels, kind = levels.storage, kind.storage_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return {"type": "text", "values": levels.to_pylist()}
    if pa.types.is_int64(kind):
        return {"type": "integer", "values": levels.to_pylist()}
    if pa.types.is_decimal(kind):
        values = [str(value) for value in levels.to_pylist()]
    elif pa.types.is_temporal(kind):
        values = levels.cast(_whole(kind)).to_pylist()
    else:
        values = levels.to_pylist()
    return {"type": pack_type(kind), "values": values}


def unpack_levels(note: dict[str, Any]) -> pa.Array:
    """Reads what `pack_levels` wrote.

    Example:
        >>> unpack_levels({"type": "integer", "values": [3, 1]}).to_pylist()
        [3, 1]
    """
    stated, values = note["type"], note["values"]
    if stated in {"text", "integer"}:
        return pa.array(values, pa.large_string() if stated == "text" else pa.int64())
    kind = unpack_type(stated)
    if pa.types.is_decimal(kind):
        return pa.array([decimal.Decimal(value) for value in values], kind)
    if pa.types.is_temporal(kind):
        return pa.array(values, _whole(kind)).cast(kind)
    return pa.array(values, kind)


def _whole(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if kind.bit_width == 32 else pa.int64()
