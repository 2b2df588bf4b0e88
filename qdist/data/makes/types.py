"""Arrow types as text that a person can read, and back: no bytes that a library must decode."""

import re
from typing import Any, Final

import pyarrow as pa

from qdist.errors import FileFormatError

__all__ = ["pack_type", "unpack_type"]

_PLAIN: Final = {
    str(kind): kind
    for kind in (
        pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(),
        pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(),
        pa.string(), pa.large_string(), pa.string_view(), pa.date32(), pa.date64(),
        *(pa.time32(unit) for unit in ("s", "ms")),
        *(pa.time64(unit) for unit in ("us", "ns")),
        *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
        *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
    )
}  # fmt: skip
_ZONED: Final = re.compile(r"timestamp\[(s|ms|us|ns), tz=([A-Za-z0-9_+\-/:]{1,64})\]")
_DECIMAL: Final = re.compile(r"decimal(32|64|128|256)\(([0-9]{1,2}), (-?[0-9]{1,2})\)")
_DICTIONARY: Final = re.compile(
    r"dictionary<values=(.{1,100}), indices=(u?int(?:8|16|32|64)), ordered=([01])>"
)
_EXTENSION: Final = re.compile(r"extension<(arrow\.bool8|arrow\.json)\[(.{1,100})\]>")


def pack_type(kind: pa.DataType) -> str:
    """An Arrow type as text. An extension that Arrow itself does not bring becomes its storage.

    Example:
        >>> pack_type(pa.timestamp("us", "Europe/Paris"))
        'timestamp[us, tz=Europe/Paris]'
    """
    if isinstance(kind, pa.BaseExtensionType):
        name, storage = kind.extension_name, pack_type(kind.storage_type)
        known = name in {"arrow.bool8", "arrow.json"}
        return f"extension<{name}[{storage}]>" if known else storage
    if pa.types.is_dictionary(kind):
        parts = pack_type(kind.value_type), str(kind.index_type), int(kind.ordered)
        return "dictionary<values={}, indices={}, ordered={}>".format(*parts)
    return str(kind)


def unpack_type(text: Any) -> pa.DataType:
    """The Arrow type that `pack_type` wrote.

    Raises:
        FileFormatError: If the text is none of a type that a column can have.

    Example:
        >>> unpack_type("decimal128(5, 1)")
        Decimal128Type(decimal128(5, 1))
    """
    kind = _unpack(text) if isinstance(text, str) else None
    if kind is None:
        raise FileFormatError(f"Expected the Arrow type of a column, as text; got {text!r:.80}.")
    return kind


def _unpack(text: str) -> pa.DataType | None:
    if text in _PLAIN:
        return _PLAIN[text]
    if found := _ZONED.fullmatch(text):
        return pa.timestamp(found[1], found[2])
    if found := _DECIMAL.fullmatch(text):
        make = getattr(pa, f"decimal{found[1]}", None)  # Arrow 17 has two of the four
        digits = {"32": 9, "64": 18, "128": 38, "256": 76}[found[1]]
        precision = int(found[2])
        return make(precision, int(found[3])) if make and 1 <= precision <= digits else None
    if found := _DICTIONARY.fullmatch(text):
        values = unpack_type(found[1])
        if pa.types.is_dictionary(values) or isinstance(values, pa.BaseExtensionType):
            return None
        return pa.dictionary(_PLAIN[found[2]], values, ordered=found[3] == "1")
    if found := _EXTENSION.fullmatch(text):
        storage = _PLAIN.get(found[2])
        if found[1] == "arrow.bool8":
            return pa.bool8() if storage == pa.int8() and hasattr(pa, "bool8") else storage
        return pa.json_(storage) if storage is not None and hasattr(pa, "json_") else storage
    return None
