"""What comes in from the caller: shapes, levels, uniform draws."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Size, Tensor
from torch.distributions import Distribution

from qdist.arguments import instance, unmasked
from qdist.errors import InputError

__all__ = [
    "TensorLike",
    "align",
    "as_tensor",
    "check_expands",
    "check_levels",
    "check_shape",
    "check_shares",
    "checking",
    "floating",
    "uniform",
]

LawT = TypeVar("LawT", bound=Distribution)

TensorLike = Tensor | npt.ArrayLike
"""What the public methods accept: a tensor, an array, a Series, numbers in lists, or a number."""


def checking(law: LawT) -> LawT:
    """A law that was made inside, without checks, and that from now on checks what it is asked."""
    law._validate_args = True
    return law


def floating(dtype: torch.dtype) -> torch.dtype:
    """The dtype of a law's values.

    Raises:
        InputError: If it is one of whole numbers, in which shares of mass would all be 0.
    """
    if not dtype.is_floating_point:
        raise InputError(
            f"Expected values of floating point; got {dtype}. Convert them: values.double()."
        )
    return dtype


def as_tensor(value: TensorLike, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The value as a tensor of that dtype.

    Raises:
        InputError: If it is not made of numbers.
    """
    found: Any = value
    if not isinstance(value, Tensor) and hasattr(value, "__array__"):
        # Torch looks a Series up by its labels, warns of arrays that nobody may write to, and
        # refuses those that run backwards.
        found = np.asarray(unmasked(value)).copy()
        if found.dtype == object:  # numbers of a nullable dtype
            found = found.tolist()
    try:
        return torch.as_tensor(found, dtype=dtype, device=device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"Expected a number, an array or a tensor of numbers; got {value!r:.80}. Convert it."
        ) from error


def check_shape(shape: Size | Sequence[int]) -> Size:
    """A shape of draws, or of a batch.

    Raises:
        InputError: If it is not made of whole numbers, 0 or more.
    """
    try:
        found = Size(shape)
    except TypeError:
        found = None
    if found is None or any(axis < 0 for axis in found):
        raise InputError(
            f"Expected a shape of whole numbers >= 0; got {shape!r}. Give such as (100,)."
        )
    return found


def align(value: Tensor, batch: Size, *, advice: str = "") -> Tensor:
    """The value broadcast against a batch shape.

    Args:
        value: Any shape that broadcasts.
        batch: The batch shape.
        advice: What to do besides, in the message.

    Returns:
        Shape (S..., *batch), where axes of length 1 of the batch may have grown.

    Raises:
        InputError: The shapes do not broadcast.
    """
    lead = value.dim() - len(batch)
    if lead >= 0 and value.shape[lead:] == batch:
        return value
    try:
        return value.expand(np.broadcast_shapes(value.shape, batch))
    except ValueError:
        raise InputError(
            f"Expected a shape that broadcasts with the batch shape {tuple(batch)}; "
            f"got {tuple(value.shape)}. Put sample axes in front of the batch axes.{advice}"
        ) from None


def check_shares(shares: Tensor, what: str, advice: str) -> None:
    """Refuses what is not a probability.

    Args:
        shares: Any shape.
        what: Its name in the message.
        advice: What to do.

    Raises:
        InputError: An entry lies outside [0, 1] or is NaN.
    """
    good = (shares >= 0) & (shares <= 1)
    if not bool(good.all()):
        bad = float(shares[~good].flatten()[0])
        raise InputError(f"Expected {what} in [0, 1]; got {bad}. {advice}")


def check_levels(tau: Tensor) -> None:
    """Refuses what is no level.

    Raises:
        InputError: An entry lies outside [0, 1] or is NaN.
    """
    advice = "A level is a probability; use cdf to turn a value into one."
    check_shares(tau, "levels", advice)


def check_expands(old: Size, new: Size) -> None:
    """Refuses a batch shape to which the old one does not broadcast.

    Args:
        old: Present batch shape.
        new: Wanted batch shape.

    Raises:
        InputError: An axis would shrink or change its length.
    """
    tail = new[len(new) - len(old) :] if len(new) >= len(old) else ()
    if len(tail) != len(old) or any(o not in (n, 1) for o, n in zip(old, tail, strict=True)):
        raise InputError(
            f"Expected a shape to which {tuple(old)} expands; got {tuple(new)}. "
            "Keep the trailing axes, or make them from axes of length 1."
        )


def uniform(
    shape: Size,
    *,
    dtype: torch.dtype,
    device: torch.device,
    generator: torch.Generator | None,
) -> Tensor:
    """Uniform levels strictly inside (0, 1).

    Args:
        shape: Of the result.
        dtype: Of the result.
        device: Of the result and of the generator.
        generator: Source of the randomness.

    Returns:
        Levels. `torch.rand` draws multiples of eps / 2 in [0, 1); its 0, which would be an
        infinite draw in a tail, is moved up by half a step.

    Raises:
        InputError: The generator is none of torch.
    """
    if generator is not None:
        remedy = "Call torch.Generator().manual_seed(0)."
        instance("generator", generator, of=torch.Generator, remedy=remedy)
    u = torch.rand(shape, generator=generator, dtype=dtype, device=device)
    return u.clamp(min=torch.finfo(dtype).eps / 4)
