"""Small checkers for what JSON holds: each says what it expected, and where.

A checker takes a value and its place, and raises
[`FileFormatError`][qdist.errors.FileFormatError] unless the value is what it stands for.
"""

import math
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from types import NoneType
from typing import Any

from qdist.errors import FileFormatError

__all__ = [
    "Checker", "are_numbers", "flag", "items", "maybe", "named", "number", "one_of", "plain",
    "record", "refuse", "text", "whole",
]  # fmt: skip

Checker = Callable[[Any, str], None]

_MOST_TEXT = 100_000  # letters: a level may be a long note
_MOST_ITEMS = 2_000_000
_GREATEST = sys.float_info.max


def refuse(what: str, where: str, value: Any) -> FileFormatError:
    """The error of a value that is not what it should be."""
    return FileFormatError(
        f"Expected {what} at {where} of the model's description; got {value!r:.60}. The file was "
        "not written by qdist, or has been changed. Save the model again."
    )


def number(least: float = -math.inf, most: float = math.inf, *, above: float | None = None) -> Any:
    """A finite number within bounds.

    Example:
        >>> number(0, 1)(2.0, "share")
        Traceback (most recent call last):
        ...
        qdist.errors.FileFormatError: Expected a finite number in [0, 1] at share of ...
    """

    def check(value: Any, where: str) -> None:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        # Whole numbers of JSON know no end; those beyond float64 are no numbers here.
        fits = fits and -_GREATEST <= value <= _GREATEST
        if not fits or not least <= value <= most or (above is not None and value <= above):
            raise refuse(f"a finite number in [{least}, {most}]", where, value)

    return check


def whole(least: int = -(2**64), most: int = 2**64) -> Checker:
    """A whole number within bounds."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise refuse(f"a whole number in [{least}, {most}]", where, value)

    return check


def text(most: int = _MOST_TEXT) -> Checker:
    """Text that can be written as UTF-8."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or len(value) > most:
            raise refuse(f"text of at most {most} letters", where, value)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise refuse("text", where, value) from error

    return check


def flag(value: Any, where: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise refuse("true or false", where, value)


def one_of(*values: Any) -> Checker:
    """One of a few values."""

    def check(value: Any, where: str) -> None:
        if not any(type(value) is type(v) and value == v for v in values):
            raise refuse(f"one of {', '.join(map(repr, values))}", where, value)

    return check


def maybe(inner: Checker) -> Checker:
    """Null, or something."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            inner(value, where)

    return check


def items(
    inner: Checker,
    *,
    least: int = 0,
    most: int = _MOST_ITEMS,
    sure: Callable[[list[Any]], bool] = lambda _: False,
) -> Checker:
    """A list of things of one kind; where all are `sure` to be, none is looked at by itself."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise refuse(f"a list of {least} to {most} entries", where, value)
        if sure(value):
            return
        for k, entry in enumerate(value):
            inner(entry, f"{where}[{k}]")

    return check


def are_numbers(
    *kinds: type, least: float = -_GREATEST, most: float = _GREATEST, width: int | None = None
) -> Callable[[list[Any]], bool]:
    """Tells of a whole list at once, as there are some with thousands of numbers in a file.

    Args:
        kinds: The types that an entry can have; `NoneType` stands for no number.
        least: The least number.
        most: The greatest number.
        width: How many numbers each entry is a list of; by default it is one itself.

    Example:
        >>> test = are_numbers(int, float, least=0, most=1, width=2)
        >>> test([[0, 0.5], [0.5, 1]]), test([[0, 0.5], [0.5, 2]]), test([[0], [0.5, 1]])
        (True, False, False)
    """
    allowed = set(kinds)

    def test(values: list[Any]) -> bool:
        if width is not None:
            if set(map(type, values)) != {list} or set(map(len, values)) != {width}:
                return False
            values = list(chain.from_iterable(values))
        found = set(map(type, values))
        if not found <= allowed:
            return False
        if NoneType in found:
            values = [value for value in values if value is not None]
        if not values or not (least <= min(values) and max(values) <= most):
            return False
        return all(map(math.isfinite, values))  # NaN is neither least nor greatest

    return test


def named(inner: Checker, *, most: int = 10_000) -> Checker:
    """Things of one kind, by any names."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict) or len(value) > most:
            raise refuse(f"at most {most} entries by name", where, value)
        for key, entry in value.items():
            text(1000)(key, where)
            inner(entry, f"{where}.{key[:40]}")

    return check


def record(fields: dict[str, Checker], *, may: Sequence[str] = ()) -> Checker:
    """Exactly these entries by name; those in `may` can be absent."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise refuse(f"entries {', '.join(fields)}", where, value)
        absent = [key for key in fields if key not in value and key not in may]
        unknown = [key[:40] for key in value if key not in fields]
        if absent or unknown:
            raise refuse(f"entries {', '.join(fields)}", where, absent or unknown)
        for key, entry in value.items():
            fields[key](entry, f"{where}.{key}")

    return check


def plain(depth: int = 6) -> Checker:
    """Anything that JSON holds, up to a depth; numbers are finite."""

    def check(value: Any, where: str) -> None:
        if value is None or isinstance(value, bool):
            return
        if isinstance(value, str):
            text()(value, where)
        elif isinstance(value, int | float):
            number()(value, where)
        elif depth == 0:
            raise refuse("less depth", where, value)
        elif isinstance(value, list):
            items(plain(depth - 1))(value, where)
        else:
            named(plain(depth - 1))(value, where)

    return check
