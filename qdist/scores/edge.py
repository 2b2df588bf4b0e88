"""What scores take: numbers without holes, of shapes that fit."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from qdist.arguments import unmasked
from qdist.errors import InputError

__all__ = ["ArrayLike", "Floats", "check_batch", "floats", "together"]

Floats = npt.NDArray[np.float64]
ArrayLike = Tensor | npt.ArrayLike


def floats(x: ArrayLike, name: str, *, finite: bool = False) -> Floats:
    """Numbers as float64; with `finite`, none infinite, as a score would be inf - inf.

    Raises:
        InputError: If something is no number, NaN or masked, or infinite where it must not be, or
            the lists are ragged.
    """
    if isinstance(x, Tensor):
        x = x.detach().cpu().double().numpy()
    try:
        array = np.asarray(unmasked(x), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected {name} as an array of numbers; got {x!r:.80}. Convert them, and give lists "
            "of one length."
        ) from error
    holes = int(np.isnan(array).sum())
    if holes:
        raise InputError(
            f"Expected {name} without NaN; got {holes} of {array.size}. Drop those rows from the "
            "observations and the forecasts alike, or score missingness as an event of its own."
        )
    if finite and not np.isfinite(array).all():
        raise InputError(
            f"Expected {name} without infinity; got {int(np.isinf(array).sum())} of {array.size}. "
            "Clip them, or draw from a law whose tails end."
        )
    return array


def together(**parts: Floats) -> list[Floats]:
    """Arrays of one shape, to which they broadcast.

    Raises:
        InputError: If they do not, or nothing is left.
    """
    try:
        found = list(np.broadcast_arrays(*parts.values()))
    except ValueError:
        found = []
    own = parts.get("observations", np.empty(())).shape  # (N,) beside (N, 1): N x N pairs
    if not found or not found[0].size or (own and found[0].shape != own):
        shapes = ", ".join(f"{name} {part.shape}" for name, part in parts.items())
        raise InputError(
            "Expected arrays that broadcast to one shape, that of the observations, not empty; "
            f"got {shapes}. Give one interval for each observation."
        )
    return found


def check_batch(y: Floats, forecast: Floats, *, name: str, trailing: int) -> None:
    """Refuse forecasts of another shape than that of the observations and `trailing` axes.

    Raises:
        InputError: If they have one.
    """
    if forecast.ndim < trailing or forecast.shape[: forecast.ndim - trailing] != y.shape:
        axes = ", S, D)" if trailing == 2 else ", number of levels or draws)"
        raise InputError(
            f"Expected {name} of shape ({', '.join(map(str, y.shape))}{axes} for observations of "
            f"shape {y.shape}; got {forecast.shape}. Move the levels or draws to the last axes."
        )
