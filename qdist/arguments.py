"""Checks of what users pass: at the edge, once, with words that help."""

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from qdist.errors import FileAccessError, InputError

__all__ = [
    "bins_of",
    "column_order",
    "file_path",
    "functions",
    "instance",
    "keywords",
    "known_rows",
    "level_range",
    "levels",
    "number",
    "place_to_write",
    "row_count",
    "row_weights",
    "rows_of",
    "seconds",
    "unmasked",
]

T = TypeVar("T")

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(duration: float | str) -> float:
    """Turn a duration into seconds.

    Args:
        duration: Seconds, or text such as "90", "90s", "5m", "1.5h".

    Returns:
        Seconds, above 0.

    Raises:
        InputError: If it is not a positive duration.

    Example:
        >>> seconds("5m")
        300.0
    """
    if isinstance(duration, str):
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", duration.lower())
        known = match is not None and match[2] in _UNITS
        value = float(match[1]) * _UNITS[match[2]] if match and known else math.nan
    elif isinstance(duration, bool) or not isinstance(duration, int | float | np.integer):
        value = math.nan
    else:
        value = float(duration)
    if not 0 < value < math.inf:
        raise InputError(
            f"Expected a duration above 0, in seconds or such as '90s', '5m', '2h'; "
            f"got {duration!r}."
        )
    return value


def file_path(path: Any, *, what: str = "path") -> Path:
    """A path.

    Raises:
        InputError: If it is no text and no path, or empty.

    Example:
        >>> file_path("a/b").name
        'b'
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise InputError(f"Expected a {what} as text or a Path; got {path!r:.80}.")
    if not os.fspath(path):  # to pathlib it is the working directory
        raise InputError(f"Expected a {what}; got empty text. Name it; '.' is this folder.")
    return Path(path)


def place_to_write(path: Any) -> Path:
    """A path whose folder is there and can be written to: better known before hours of work.

    Raises:
        InputError: If it is no text and no path.
        FileAccessError: If there is no such folder, or it is read-only.

    Example:
        >>> place_to_write("model.qdist").name
        'model.qdist'
    """
    found = file_path(path)
    if not found.parent.is_dir():
        raise FileAccessError(
            f"Expected a folder for {str(found)!r}; got {str(found.parent)!r}, which is none. "
            "Make it first, or choose another place."
        )
    if not os.access(found.parent, os.W_OK):
        raise FileAccessError(
            f"Expected a folder that can be written to for {str(found)!r}; got one that is "
            "read-only. Choose another place."
        )
    return found


def bins_of(name: str, values: Any) -> tuple[tuple[float, float], ...]:
    """Bins (left, right) of a coordinate, none of which begins before the last one's end.

    Raises:
        InputError: If they are no pairs of finite numbers, or not sorted.

    Example:
        >>> bins_of("age", [(0, 1), (1, 1)])
        ((0.0, 1.0), (1.0, 1.0))
    """
    try:
        bins = tuple((float(left), float(right)) for left, right in values)
    except (TypeError, ValueError):  # no pairs, or not of numbers
        bins = ((math.nan, math.nan),)
    ends = [end for pair in bins for end in pair]
    if not all(map(math.isfinite, ends)) or ends != sorted(ends):
        raise InputError(
            f"Expected bins of {name!r} that are pairs (left, right) of finite numbers, in order; "
            f"got {values!r:.80}. Sort them."
        )
    return bins


def column_order(order: Any, names: Sequence[str]) -> list[int] | None:
    """The column numbers of an order given by names; None for "any".

    Raises:
        InputError: If it does not name each column once.

    Example:
        >>> column_order(["b", "c", "a"], ["a", "b", "c"])
        [1, 2, 0]
    """
    if isinstance(order, str) and order == "any":
        return None
    named = [str(name) for name in order] if np.iterable(order) else []
    if isinstance(order, str) or sorted(named) != sorted(names):
        raise InputError(
            f"Expected order 'any' or each of the columns {list(names)} once; got {order!r}. "
            "Name the modelled columns in the order to draw them."
        )
    return [list(names).index(name) for name in named]


def functions(name: str, values: Any) -> list[Callable[..., Any]]:
    """A sequence of functions.

    Raises:
        InputError: If it is none, or one of them cannot be called.
    """
    if not np.iterable(values) or isinstance(values, str):
        raise InputError(f"Expected {name} to be a list of functions; got {values!r}.")
    for value in values:
        if not callable(value):
            raise InputError(f"Expected {name} to be functions; got {value!r}.")
    return list(values)


def instance(name: str, value: Any, *, of: type[T], remedy: str) -> T:
    """An object of a class.

    Args:
        name: What it is, for the message.
        value: What the user gave.
        of: The class.
        remedy: What to do where it is something else, a sentence.

    Raises:
        InputError: If it is no such object.

    Example:
        >>> instance("the frame", 3, of=dict, remedy="Give columns by name.")
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected the frame to be of class dict; got int. Give columns by
        name.
    """
    if isinstance(value, of):
        return value
    got = value.__name__ if isinstance(value, type) else type(value).__name__
    what = f"the class {got}" if isinstance(value, type) else got
    raise InputError(f"Expected {name} to be of class {of.__name__}; got {what}. {remedy}")


def keywords(name: str, values: Any, *, of: Callable[..., Any] | None = None) -> dict[str, Any]:
    """Arguments by name, out of a dict or None.

    Args:
        name: The name of the parameter that holds them, for messages.
        values: What the user gave.
        of: The function that shall take them, if it is known by now.

    Raises:
        InputError: If it is no such dict, or holds a name that the function does not know.

    Example:
        >>> keywords("head_args", None), keywords("head_args", {"waves": 8})
        ({}, {'waves': 8})
    """
    if values is not None and not isinstance(values, Mapping):
        raise InputError(f"Expected {name} to be a dict of arguments by name; got {values!r}.")
    arguments = dict(values or {})
    if of is not None:
        known = [k for k, p in signature(of).parameters.items() if p.kind is p.KEYWORD_ONLY]
        if not set(arguments) <= set(known):
            raise InputError(
                f"Expected arguments out of {', '.join(known)}; got {arguments}. Correct {name}."
            )
    return arguments


def number(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    whole: bool = False,
    optional: bool = False,
) -> Any:
    """Check a parameter that is a number.

    Args:
        name: Its name, for the message.
        value: What the user gave.
        above: It must be greater than this.
        least: It must be at least this.
        below: It must be less than this.
        whole: Whether it must be whole.
        optional: Whether None is fine too.

    Returns:
        The value as an int or a float, or None.

    Raises:
        InputError: If it is not such a number.

    Example:
        >>> number("batch_size", 0, least=1, whole=True)
        Traceback (most recent call last):
        ...
        qdist.errors.InputError: Expected batch_size to be a whole number >= 1; got 0.
    """
    if value is None and optional:
        return None
    kinds = int | np.integer if whole else int | float | np.integer | np.floating
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if fits and above < value < below and value >= least:
        return int(value) if whole else float(value)
    bounds = ((">", above), (">=", least), ("<", below))
    words = " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound))
    what = ("a whole number" if whole else "a number") + (f" {words}" if words else "")
    other = " or None" if optional else ""
    raise InputError(f"Expected {name} to be {what}{other}; got {value!r}.")


def rows_of(
    name: str, value: Any, *, width: int, like: Tensor | None = None, mask: bool = False
) -> Tensor:
    """Rows of a tensor that a network or a codec reads.

    Args:
        name: What they are, for the message.
        value: What the user gave.
        width: How many numbers a row has.
        like: Rows of which there must be as many; by default any number will do.
        mask: Whether they say what is known, and must be bool.

    Returns:
        The same, shape (N, width).

    Raises:
        InputError: If it is no tensor, or of another shape or dtype.

    Example:
        >>> rows_of("y", torch.zeros(2, 3), width=3).shape
        torch.Size([2, 3])
    """
    n = "rows" if like is None else len(like)
    if not isinstance(value, Tensor):
        raise InputError(
            f"Expected {name} to be a tensor of shape ({n}, {width}); got "
            f"{type(value).__name__}. Encode frames and images; turn arrays into tensors."
        )
    shape = (len(value) if like is None else len(like), width) if value.dim() else ()
    if value.dim() != 2 or tuple(value.shape) != shape:
        raise InputError(
            f"Expected {name} of shape ({n}, {width}); got {tuple(value.shape)}. "
            "Give one row each, with a number for each coordinate."
        )
    if mask and value.dtype != torch.bool:
        raise InputError(
            f"Expected {name} of dtype bool; got {value.dtype}. Compare, or call `.bool()`."
        )
    return value


def row_weights(sample_weight: Any, n: int, *, name: str = "sample_weight") -> Tensor:
    """Weights (n,) of mean 1 out of a user's sample_weight; ones for None."""
    if sample_weight is None:
        return torch.ones(n)
    try:
        weight = np.asarray(unmasked(sample_weight), dtype=float)
    except (TypeError, ValueError) as error:  # text, or rows of different lengths
        raise InputError(
            f"Expected {name} of {n} numbers; got {sample_weight!r:.80}. Give one weight a row."
        ) from error
    if weight.shape != (n,):
        raise InputError(
            f"Expected {name} of shape ({n},); got shape {weight.shape}. Give one weight a row."
        )
    wrong = weight[~(np.isfinite(weight) & (weight >= 0))]
    if len(wrong):
        raise InputError(
            f"Expected {name} finite and not negative; got {wrong[0]:g}. Give 0 to a row that "
            "is not to count."
        )
    if not weight.any():
        raise InputError(f"Expected a {name} above 0 in some row; got zeros only.")
    # Of weights near 1e308 the mean is no float; a power of two leaves all digits as they are.
    weight = np.ldexp(weight, -np.frexp(weight.max())[1])
    return torch.as_tensor(weight / weight.mean()).to(torch.get_default_dtype())


def row_count(n: int | None) -> int:
    """A number of rows to draw; 1 for None."""
    if n is None:
        return 1
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise InputError(f"Expected n to be a whole number or None; got {n!r}.")
    if n < 0:
        raise InputError(f"Expected n >= 0; got {n}.")
    return int(n)


def known_rows(y: Any, visible: Any, *, width: int) -> None:
    """Rows, shape (N, width), and what of them is known, bool of the same shape.

    Raises:
        InputError: If they are no such tensors.
    """
    rows_of("visible", visible, width=width, like=rows_of("y", y, width=width), mask=True)


def level_range(tau_range: tuple[float, float]) -> tuple[float, float]:
    """A range of levels: 0 <= low < high <= 1."""
    try:
        low, high = map(float, tau_range)
    except (TypeError, ValueError):  # not a pair, or not of numbers
        low = high = math.nan
    if not 0 <= low < high <= 1:
        raise InputError(
            f"Expected 0 <= low < high <= 1 in tau_range; got {tau_range!r}. "
            "Give a pair such as (0.05, 0.95)."
        )
    return low, high


def levels(name: str, values: Any) -> Tensor:
    """Levels in [0, 1]: one, shape (), or several, shape (T,), float64.

    Raises:
        InputError: If they are none.

    Example:
        >>> levels("levels", [0.1, 0.9]).shape
        torch.Size([2])
    """
    try:
        found = torch.tensor(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):  # text, or lists of different lengths
        found = torch.tensor(math.nan)
    if found.dim() > 1 or not found.numel() or not bool(((found >= 0) & (found <= 1)).all()):
        raise InputError(
            f"Expected {name} in [0, 1], a number or a list of numbers; got {values!r:.80}. "
            "A level is a share: give 0.9 for 90 %."
        )
    return found


def unmasked(values: Any) -> Any:
    """Numbers with NaN where a mask of numpy hides them; what has no mask stays as it is."""
    masked = isinstance(values, np.ma.MaskedArray)
    return values.astype(np.float64).filled(np.nan) if masked else values
