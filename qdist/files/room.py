"""Whether what is written would be read again: its limits are those of reading.

A save that succeeds where a load refuses would lose the model.
"""

import json
from itertools import chain
from typing import Any, Final

from qdist.errors import FileFormatError, InputError
from qdist.files.description import MOST_ENTRIES, count_entries
from qdist.files.parts import DESCRIPTION, MOST_BYTES, WEIGHTS
from qdist.files.tensors import check_header

__all__ = ["check_room", "surely_fits", "too_large"]

_LONGEST: Final = 27  # bytes of a number and what parts it from the next


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


def surely_fits(value: Any) -> bool:
    """Whether a description is so small that nobody need write it to know that it can be read.

    Example:
        >>> surely_fits({"levels": [0.5, 1.5]}), surely_fits(["x" * 10**8])
        (True, False)
    """
    entries = _entries(value)
    return entries <= MOST_ENTRIES and entries * _LONGEST <= MOST_BYTES[DESCRIPTION]


def _entries(value: Any) -> int:
    """At least as many as a description has; a letter counts as one, as it may be a comma."""
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, dict):
        return 2 + sum(_entries(key) + _entries(entry) for key, entry in value.items())
    if not isinstance(value, list):
        return 1
    kinds = set(map(type, value))
    if kinds == {list}:  # as there are thousands, of two numbers each
        return 2 + 2 * len(value) + _entries(list(chain.from_iterable(value)))
    return 2 + (sum(map(_entries, value)) if kinds & {str, dict, list} else len(value))


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
