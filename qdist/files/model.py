"""Model files: `name.qdist`, a zip of tensors (safetensors), JSON and a card. No pickle, no code.

| part | what it holds |
| --- | --- |
| `model.safetensors` | the weights |
| `model.json` | format, digest, estimator and its parameters, parts, codec, plugins, training |
| `README.md` | a card for people; nothing reads it |

A folder of these three is a model as well.
"""

import json
import os
from pathlib import Path
from typing import Any, Final, Literal

from torch import Tensor

from qdist.errors import FileFormatError, InputError
from qdist.files.card import card
from qdist.files.description import (
    check_description,
    digest_of,
    read_json,
    to_text,
)
from qdist.files.parts import CARD, DESCRIPTION, WEIGHTS, read_parts
from qdist.files.room import check_room
from qdist.files.tensors import pack_tensors, unpack_tensors
from qdist.files.upgrades import FORMAT, upgrade
from qdist.files.writing import write_file, write_folder

__all__ = ["Layout", "read_model", "write_model"]

Layout = Literal["file", "folder"]
_WRITERS = {"file": write_file, "folder": write_folder}
_LEGIBLE: Final = 2**22  # bytes; nobody reads more, and line breaks would add many


def write_model(
    path: str | os.PathLike[str],
    meta: dict[str, Any],
    weights: dict[str, Tensor],
    *,
    layout: Layout = "file",
) -> None:
    """Write a model, whole or not at all.

    Args:
        path: Where to; a model that is there is replaced.
        meta: The description, JSON-able.
        weights: Tensors by name.
        layout: "file" for one file, "folder" for a folder of its parts.

    Raises:
        InputError: If the description is not JSON-able, or the model would not be read again.
        FileAccessError: If the place cannot be written to; nothing is overwritten.
    """
    if layout not in _WRITERS:
        raise InputError(f"Expected layout 'file' or 'folder'; got {layout!r}. Choose one.")
    blob = pack_tensors(weights)
    try:
        meta = json.loads(to_text({"format": FORMAT, "digest": "", **meta}))
        meta["digest"] = digest_of(meta, blob)
        text = to_text(meta)
        if layout == "folder" and len(text) < _LEGIBLE:
            text = to_text(meta, indent=1)
        check_room(text, blob, meta)  # what is written must be read again
        check_description(meta)
    except InputError:
        raise
    except FileFormatError as error:  # which is said of files that are read
        raise InputError(
            f"Expected a model whose description is read again; got one that is not "
            f"({str(error).partition('. ')[0]}). Give shorter names and levels, and parameters "
            "of the kinds that are documented."
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"Expected parameters that JSON can hold, to be saved; got others: {error}. "
            "Use plain numbers, text, lists and dicts with text for keys."
        ) from error
    parts = {DESCRIPTION: text, WEIGHTS: blob, CARD: card(meta, weights).encode()}
    _WRITERS[layout](Path(path), parts)


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a model. Executes nothing, and believes nothing unchecked.

    Args:
        path: The file or the folder.

    Returns:
        The description in the present format, its entries checked, and the tensors by name.

    Raises:
        FileAccessError: If there is no such file, or it cannot be read.
        FileFormatError: If it is truncated, damaged, foreign, or of a newer format.
    """
    path = Path(path)
    description, blob = read_parts(path)
    meta = read_json(description, path.name)
    version = meta.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FileFormatError(
            f"Expected a format number in {path.name}; got none. It was not written by qdist."
        )
    if version > FORMAT:
        raise FileFormatError(
            f"Expected a model of format {FORMAT} or older; got {path.name} of format {version}. "
            "Install a newer qdist."
        )
    if version > 1:
        _check_digest(meta, blob, path.name)
    meta, weights = upgrade(meta, unpack_tensors(blob), version=version)
    check_description(meta)
    return meta, weights


def _check_digest(meta: dict[str, Any], blob: bytes, name: str) -> None:
    try:
        same = meta.get("digest") == digest_of(meta, blob)
    except (ValueError, RecursionError) as error:  # 1e999
        raise FileFormatError(
            f"Expected finite numbers in {name}; got others ({error}). Save the model again."
        ) from error
    if not same:
        raise FileFormatError(
            f"Expected weights and a description that belong together; got {name}, whose digest "
            "is another. It is damaged, was changed, or mixes two saves. Save the model again."
        )
