"""Tensors out of safetensors: the header is checked before anything is allocated for a tensor."""

import json
from math import prod
from typing import Any, Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from qdist.errors import FileFormatError, InputError

__all__ = ["check_header", "fill_weights", "pack_tensors", "unpack_tensors"]

_MOST_HEADER: Final = 16 * 2**20  # bytes
_MOST_TENSORS: Final = 100_000
_BYTES: Final = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "I32": 4, "I64": 8, "F16": 2, "BF16": 2, "F32": 4,
    "F64": 8,
}  # fmt: skip
_FLOATS: Final = (torch.float32, torch.float64)


def pack_tensors(weights: dict[str, Tensor]) -> bytes:
    """Tensors as the bytes of a safetensors file.

    Raises:
        InputError: If a network was converted to numbers that `fill_weights` does not take.
    """
    for tensor in weights.values():
        if tensor.is_floating_point() and tensor.dtype not in _FLOATS:
            raise InputError(
                f"Expected weights of float32 or float64; got {tensor.dtype}. Convert the network "
                "back, model.module_.float(), and save the model again."
            )
    # Clones, as safetensors refuses tensors that share memory.
    return safetensors.torch.save(
        {name: w.detach().cpu().clone(memory_format=torch.contiguous_format)
         for name, w in weights.items()}
    )  # fmt: skip


def unpack_tensors(blob: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Args:
        blob: The bytes of the file.

    Returns:
        Tensors by name.

    Raises:
        FileFormatError: If the header claims more than there is, or something else than tensors.
    """
    check_header(blob)
    try:
        return safetensors.torch.load(blob)
    except (safetensors.SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as err:
        raise _damaged(str(err)) from err


def _damaged(why: str) -> FileFormatError:
    return FileFormatError(
        f"Expected the tensors of a model in model.safetensors; got a part which is damaged "
        f"({why}). Save the model again."
    )


def check_header(blob: bytes) -> None:
    """Check what a safetensors file claims, before anything is made of it.

    Raises:
        FileFormatError: If that is more than there is, too much, or something else than tensors.
    """
    length = int.from_bytes(blob[:8], "little")
    if len(blob) < 8 or length > min(_MOST_HEADER, len(blob) - 8):
        raise _damaged("no whole header")
    try:
        header = json.loads(blob[8 : 8 + length], object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"a header that is no JSON: {error}") from error
    if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
        raise _damaged("a header that lists no tensors, or too many")
    spans = [_span(name, entry) for name, entry in header.items()]
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise _damaged("tensors that overlap or leave gaps")
        at = end
    if at != len(blob) - 8 - length:
        raise _damaged(f"tensors of {at} bytes, of which {len(blob) - 8 - length} are there")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name that occurs twice")
    return dict(pairs)


def _span(name: str, entry: Any) -> tuple[int, int]:
    fits = isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}
    if not fits or not isinstance(entry["dtype"], str) or entry["dtype"] not in _BYTES:
        raise _damaged(f"an entry {name!r:.60} that is no tensor of a known dtype")
    shape, offsets = entry["shape"], entry["data_offsets"]
    whole = all(
        isinstance(part, list) and all(type(n) is int and 0 <= n < 2**48 for n in part)
        for part in (shape, offsets)
    )
    if not whole or len(offsets) != 2 or len(shape) > 16:
        raise _damaged(f"an entry {name!r:.60} of no possible shape")
    if offsets[1] - offsets[0] != prod(shape) * _BYTES[entry["dtype"]]:
        raise _damaged(f"tensor {name!r:.60} of shape {shape}, which does not fit its bytes")
    return offsets[0], offsets[1]


def fill_weights(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy tensors into a network that was built from the description, which says what they are.

    One that was saved after `double()` is float64 again.

    Args:
        module: The network.
        weights: Tensors by name.

    Raises:
        FileFormatError: If names, shapes or dtypes differ, or a number is not finite.
    """
    built = module.state_dict()
    kinds = {tensor.dtype for tensor in weights.values() if tensor.is_floating_point()}
    double = kinds == {torch.float64}
    if set(built) != set(weights):
        odd = sorted(set(built) ^ set(weights))[:3]
        raise FileFormatError(f"Expected the tensors of this model; got others, such as {odd}.")
    for name, tensor in built.items():
        dtype = torch.float64 if double and tensor.is_floating_point() else tensor.dtype
        if tensor.shape != weights[name].shape or dtype != weights[name].dtype:
            raise FileFormatError(
                f"Expected tensor {name!r} of shape {tuple(tensor.shape)}, {dtype}; got "
                f"{tuple(weights[name].shape)}, {weights[name].dtype}."
            )
        if not bool(weights[name].isfinite().all()):
            raise FileFormatError(
                f"Expected finite numbers in tensor {name!r}; got others. The model is damaged: "
                "fit and save it again."
            )
    if double:
        module.double()
    for name, tensor in module.state_dict().items():
        tensor.copy_(weights[name])
