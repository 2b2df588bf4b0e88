"""From older formats to the present one: one function for each step.

| format | what is new in it |
| --- | --- |
| 1 | a zip of model.json and model.safetensors |
| 2 | a card; types as text, not as bytes of Arrow; a digest; plugins and a training summary |
| 3 | normal scores beside cosines, in binned heads and in the embedding of a row |
| 4 | marginal quantiles under implicit heads; clamps have a margin, no leak |
| 5 | trees of a second kind behind the guesses of a regressor |
"""

import base64
import binascii
import struct
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import torch
from torch import Tensor

from qdist.data.makes.levels import pack_levels
from qdist.data.makes.types import pack_type
from qdist.errors import FileFormatError

__all__ = ["FORMAT", "UPGRADES", "upgrade"]

FORMAT: Final = 5
"""The format that this version writes; it reads all up to it."""

Contents = tuple[dict[str, Any], dict[str, Tensor]]

_MOST_TYPE: Final = 2**14  # bytes
_RECORD_BATCH: Final = 3  # the number of that kind of message in Arrow's Message.fbs


def upgrade(meta: dict[str, Any], weights: dict[str, Tensor], *, version: int) -> Contents:
    """Turn the contents of an older file into those of the present format, step by step.

    Args:
        meta: The description.
        weights: Tensors by name.
        version: The format that they are of.

    Returns:
        The same model in the present format.

    Raises:
        FileFormatError: If the contents are not those of that format.
    """
    for step in range(version, FORMAT):
        try:
            meta, weights = UPGRADES[step](meta, weights)
        except FileFormatError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError,
                pa.ArrowException, struct.error) as error:  # fmt: skip
            raise FileFormatError(
                f"Expected a description of format {step}; got one that does not hold together "
                f"({type(error).__name__}: {error}). Save the model again."
            ) from error
    return meta, weights


def _from_1_to_2(meta: dict[str, Any], weights: dict[str, Tensor]) -> Contents:
    new = {key: _as_text(value) for key, value in meta.items()}
    new["training"] = {
        "when": None,
        "rows": None,
        "versions": {},
        "steps": new.pop("n_steps"),
        "history": new.pop("history"),
        "profile": new.pop("profile"),
    }
    new["plugins"] = []
    if new["estimator"] == "TabularModel":
        new["parts"], new["params"] = ({**new[name], "members": 1} for name in ("parts", "params"))
        new["codec"]["columns"] = [
            {**column, "rest": None} if column["codec"] == "coded" else column
            for column in new["codec"]["columns"]
        ]
    if new["estimator"] == "DistributionRegressor":
        shares = [[*share, 0.0] for share in new["parts"]["shares"]]
        new["parts"] = {**new["parts"], "shares": shares, "memories": [False] * len(shares)}
    new["format"] = 2
    return new, weights


def _from_2_to_3(meta: dict[str, Any], weights: dict[str, Tensor]) -> Contents:
    """Adds normal scores of weight 0, and the smoothness that all columns had then: 4 / 8."""
    new = dict(weights)
    for name, weight in weights.items():
        head = name.removesuffix(".layer.weight")
        if name != head and {f"{head}.lookup", f"{head}.log_width"} <= weights.keys():
            new[name] = torch.cat([weight, weight.new_zeros(2, _width(weight, 2))])
        elif name.endswith(".embed.waves") and meta["parts"]["backbone"] == "mlp":
            columns = len(weight)
            none = weight.new_zeros(columns, 1, _width(weight, 3))
            new[name] = torch.cat([none, weight], dim=1)
            name = f"{name.removesuffix('.waves')}.smoothness"
            new[name] = weight.new_full((columns,), 1 / 8)
    return {**meta, "format": 3}, new


def _from_3_to_4(meta: dict[str, Any], weights: dict[str, Tensor]) -> Contents:
    """Implicit heads had no quantiles under them: adds zeros. A leak mattered in training only."""
    meta, new = dict(meta), dict(weights)
    for part in ("params", "parts"):
        args = meta.get(part, {}).get("head_args") or {}
        if "leak" in args:
            rest = {name: value for name, value in args.items() if name != "leak"}
            meta[part] = {**meta[part], "head_args": rest}
    for name, bias in weights.items():
        head = name.removesuffix(".output.bias")
        if name != head and {f"{head}.embed.weight", f"{head}.hidden.weight"} <= weights.keys():
            new[f"{head}.marginal"] = bias.new_zeros(1025)
    return {**meta, "format": 4}, new


def _from_4_to_5(meta: dict[str, Any], weights: dict[str, Tensor]) -> Contents:
    """All guesses of a regressor were those of symmetric trees."""
    meta = dict(meta)
    if meta["estimator"] == "DistributionRegressor":
        parts = meta["parts"]
        meta["parts"] = {**parts, "leafwise": [False for _ in parts["shares"] if parts["trees"]]}
    return {**meta, "format": 5}, weights


def _width(weight: Tensor, axes: int) -> int:
    if weight.ndim != axes:
        raise ValueError(f"{axes} axes expected; got shape {tuple(weight.shape)}")
    return weight.shape[-1]


UPGRADES: Final[dict[int, Callable[[dict[str, Any], dict[str, Tensor]], Contents]]] = {
    1: _from_1_to_2,
    2: _from_2_to_3,
    3: _from_3_to_4,
    4: _from_4_to_5,
}
"""For each older format the function that makes the next one of it."""


def _as_text(value: Any) -> Any:
    """Types and levels that were bytes of Arrow as what `pack_type` and `pack_levels` write."""
    if isinstance(value, list):
        return [_as_text(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    new = {key: _as_text(entry) for key, entry in value.items() if key != "ipc"}
    if "ipc" in value:
        new |= pack_levels(_levels(value["ipc"]))
    for key in ("type", "arrow", "kind"):
        if isinstance(value.get(key), str) and value[key].startswith("/////"):
            new[key] = pack_type(_type(value[key]))
    return new


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise FileFormatError(f"Expected an Arrow type or levels; got {text:.40}.") from error


def _type(text: str) -> pa.DataType:
    if len(text) > _MOST_TYPE:
        raise FileFormatError(f"Expected an Arrow type; got one of {len(text)} letters.")
    return pa.ipc.read_schema(pa.py_buffer(_bytes(text))).field(0).type


def _levels(text: str) -> pa.Array:
    blob = pa.py_buffer(_bytes(text))
    for message in pa.ipc.MessageReader.open_stream(blob):
        _refuse_compression(message.metadata.to_pybytes())
    with pa.ipc.open_stream(blob) as reader:
        column = reader.read_all().column(0).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        raise FileFormatError("Expected levels; got an Arrow stream without any.")
    column.validate(full=True)
    return column


def _refuse_compression(table: bytes) -> None:
    """Refuse a batch whose buffers are compressed: they could unpack to any size.

    The message is a flatbuffer that Arrow has verified; this walks to one field of it.
    """
    message = struct.unpack_from("<I", table, 0)[0]
    if _field(table, message, 1) is None or table[_field(table, message, 1)] != _RECORD_BATCH:
        return
    at = _field(table, message, 2)
    batch = at + struct.unpack_from("<I", table, at)[0]
    if _field(table, batch, 3) is not None:
        raise FileFormatError("Expected levels without compression; got compressed ones.")


def _field(table: bytes, at: int, number: int) -> Any:
    """The place of a field of the flatbuffer table at a place; `None` where it is absent."""
    directory = at - struct.unpack_from("<i", table, at)[0]
    size = struct.unpack_from("<H", table, directory)[0]
    if 4 + 2 * number >= size:
        return None
    offset = struct.unpack_from("<H", table, directory + 4 + 2 * number)[0]
    return at + offset if offset else None
