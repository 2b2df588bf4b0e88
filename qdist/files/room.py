"""Whether what is written would be read again: its limits are those of reading.

A save that succeeds where a load refuses would lose the model.
"""

import json
from typing import Any

from qdist.errors import FileFormatError, InputError
from qdist.files.description import MOST_ENTRIES, count_entries
from qdist.files.parts import DESCRIPTION, MOST_BYTES, WEIGHTS
from qdist.files.tensors import check_header

__all__ = ["check_room", "too_large"]


def too_large(text: bytes) -> str | None:
    """What of a description is too large to be read, in words; `None` where nothing is.

    Example:
        >>> too_large(b"{}") is None
        True
    """
    sizes = {
        "bytes": (len(text), MOST_BYTES[DESCRIPTION]),
        "entries": (count_entries(text), MOST_ENTRIES),
    }
    for unit, (size, most) in sizes.items():
        if size > most:
            return f"a description of {size:,} {unit}, where at most {most:,} are read"
    return None


def check_room(text: bytes, blob: bytes, meta: dict[str, Any]) -> None:
    """Check the sizes of the parts of a model, before any of them is written.

    Args:
        text: The description as JSON.
        blob: The tensors.
        meta: The description.

    Raises:
        InputError: If one is larger than what is read.
    """
    expected = "Expected a model that can be read again; got"
    if (what := too_large(text)) is not None:
        largest = max(meta, key=lambda name: len(json.dumps(meta[name])))
        raise InputError(
            f"{expected} {what}, most of it under {largest!r}. Leave out columns, above all those "
            "of many or long levels."
        )
    if len(blob) > MOST_BYTES[WEIGHTS]:
        raise InputError(
            f"{expected} weights of {len(blob):,} bytes, where at most {MOST_BYTES[WEIGHTS]:,} "
            "are read. Fit fewer or smaller networks."
        )
    try:
        check_header(blob)
    except FileFormatError as error:
        raise InputError(
            f"{expected} more tensors than are read. Leave out columns, or fit fewer networks."
        ) from error
