"""Model files: `name.qdist`, a zip of tensors (safetensors) and JSON. Nothing is ever unpickled.

| entry | what it holds |
| --- | --- |
| `model.safetensors` | the weights |
| `model.json` | format version, estimator and its parameters, codec, versions |

A file is written beside its target and moved over it in one step, so that a failed save leaves
the old file whole.
"""

import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from qdist.errors import FileAccessError, FileFormatError, InputError

__all__ = ["FORMAT", "fill_weights", "read_model", "write_model"]

FORMAT = 1
_META, _WEIGHTS = "model.json", "model.safetensors"
_MOST_JSON = 256 * 2**20  # bytes; a table of 10,000-level columns needs a few million
_MOST_WEIGHTS = 16 * 2**30


def write_model(
    path: str | os.PathLike[str], meta: dict[str, Any], weights: dict[str, Tensor]
) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: Where to; an existing file is replaced.
        meta: JSON-able description.
        weights: Tensors by name.

    Raises:
        InputError: If the description is not JSON-able.
        FileAccessError: If the folder is missing or cannot be written to.
    """
    path = Path(path)
    try:
        text = json.dumps({"format": FORMAT, **meta}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"Expected parameters that JSON can hold, to be saved; got others: {error}. "
            "Use plain numbers, text, lists and dicts with text for keys."
        ) from error
    # Clones, as safetensors refuses tensors that share memory.
    blob = safetensors.torch.save(
        {name: w.detach().cpu().clone(memory_format=torch.contiguous_format)
         for name, w in weights.items()}
    )  # fmt: skip
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                # ZipInfo has a fixed date: the same model is the same file, bit for bit.
                archive.writestr(zipfile.ZipInfo(_META), text)
                archive.writestr(zipfile.ZipInfo(_WEIGHTS), blob)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only the owner can read; give this one the usual rights.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:  # an interruption too leaves nothing behind
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise FileAccessError(
            f"Expected a folder that can be written to for {str(path)!r}; got: "
            f"{error.strerror or error}. Nothing was overwritten. Choose another place."
        ) from error


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a model file. Executes nothing.

    Args:
        path: The file.

    Returns:
        The description and the tensors by name.

    Raises:
        FileAccessError: If there is no such file, or it cannot be read.
        FileFormatError: If it is truncated, foreign, or of a newer format.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if sorted(names) != sorted([_META, _WEIGHTS]):
                raise FileFormatError(
                    f"Expected a qdist model with entries {_META} and {_WEIGHTS}; got {path.name} "
                    f"with {names[:5]}. It was not written by qdist, or has been changed."
                )
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
            if sizes[_META] > _MOST_JSON or sizes[_WEIGHTS] > _MOST_WEIGHTS:
                raise FileFormatError(
                    f"Expected a model of at most {_MOST_WEIGHTS} bytes; got {path.name} that "
                    f"claims {sizes}. It is damaged or was not written by qdist."
                )
            meta = json.loads(archive.read(_META))
            weights = safetensors.torch.load(archive.read(_WEIGHTS))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FileFormatError(
            f"Expected a qdist model file; got {path.name}, which is truncated or of another "
            f"kind ({error}). Save the model again."
        ) from error
    except (ValueError, RecursionError, safetensors.SafetensorError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"Expected a whole qdist model file; got {path.name}, which is damaged ({error}). "
            "Save the model again."
        ) from error
    except OSError as error:
        raise FileAccessError(
            f"Expected a model file at {str(path)!r}; got: {error.strerror or error}. "
            "Check the path."
        ) from error
    version = meta.get("format") if isinstance(meta, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FileFormatError(
            f"Expected a format number in {path.name}; got none. It was not written by qdist."
        )
    if version > FORMAT:
        raise FileFormatError(
            f"Expected a model of format {FORMAT} or older; got {path.name} of format {version}. "
            "Install a newer qdist."
        )
    return meta, weights


def fill_weights(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy tensors into a network that was built from the description, which says what they are.

    Args:
        module: The network.
        weights: Tensors by name.

    Raises:
        FileFormatError: If names, shapes or dtypes differ, or a number is not finite.
    """
    built = module.state_dict()
    if set(built) != set(weights):
        odd = sorted(set(built) ^ set(weights))[:3]
        raise FileFormatError(f"Expected the tensors of this model; got others, such as {odd}.")
    for name, tensor in built.items():
        if tensor.shape != weights[name].shape or tensor.dtype != weights[name].dtype:
            raise FileFormatError(
                f"Expected tensor {name!r} of shape {tuple(tensor.shape)}, {tensor.dtype}; got "
                f"{tuple(weights[name].shape)}, {weights[name].dtype}."
            )
        if not bool(weights[name].isfinite().all()):
            raise FileFormatError(
                f"Expected finite numbers in tensor {name!r}; got others. The model is damaged: "
                "fit and save it again."
            )
    for name, tensor in built.items():
        tensor.copy_(weights[name])
