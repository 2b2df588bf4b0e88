"""The levels of a categorical column as JSON-able data, and back."""

import base64
from typing import Any

import pyarrow as pa

__all__ = ["pack_levels", "unpack_levels"]


def pack_levels(levels: pa.Array) -> dict[str, Any]:
    """Writes an array of levels: plainly where JSON has the type, else as Arrow IPC text.

    Args:
        levels: A flat array without missing values.

    Returns:
        A dict with `type` and `values`, or with `ipc`.

    Example:
        >>> pack_levels(pa.array(["a", "b"], pa.large_string()))
        {'type': 'text', 'values': ['a', 'b']}
    """
    kind = levels.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return {"type": "text", "values": levels.to_pylist()}
    if pa.types.is_int64(kind):
        return {"type": "integer", "values": levels.to_pylist()}
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([levels], names=["x"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return {"ipc": base64.b64encode(sink.getvalue().to_pybytes()).decode()}


def unpack_levels(note: dict[str, Any]) -> pa.Array:
    """Reads what `pack_levels` wrote.

    Example:
        >>> unpack_levels({"type": "integer", "values": [3, 1]}).to_pylist()
        [3, 1]
    """
    if "ipc" in note:
        with pa.ipc.open_stream(base64.b64decode(note["ipc"])) as reader:
            return reader.read_all().column(0).combine_chunks()
    return pa.array(note["values"], pa.large_string() if note["type"] == "text" else pa.int64())
