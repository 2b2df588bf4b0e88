"""A condition that only says between which ends a value lies."""

from dataclasses import dataclass
from typing import Any, final

from qdist.codecs.given import is_condition
from qdist.errors import InputError, UnsupportedError

__all__ = ["Range", "split_range"]


@final
@dataclass(frozen=True)
class Range:
    """Stands for "between these ends, both included" in a condition given as a dict.

    A range in one column is exact: that column is drawn first, from its law given the other
    conditions, at levels cut to the range; all else follows.

    Args:
        lower: The lower end: a number, a date, or a level of an ordered column; None for no end.
        upper: The upper end, likewise.

    Raises:
        InputError: If there is neither end.

    Example:
        >>> Range(40)
        Range(lower=40, upper=None)
    """

    lower: Any = None
    upper: Any = None

    def __post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise InputError("Expected a lower or an upper end of the range; got neither.")


def split_range(given: Any) -> tuple[Any, tuple[str, Range] | None]:
    """Takes the ranged column out of a condition.

    Args:
        given: What the user gave.

    Returns:
        What is given besides, and the name of the ranged column with its range, if there is one.

    Raises:
        UnsupportedError: If more than one column has a range, or a frame holds one.

    Example:
        >>> split_range({"age": Range(40), "sex": "male"})
        ({'sex': 'male'}, ('age', Range(lower=40, upper=None)))
    """
    if _in_column(given):
        raise UnsupportedError(
            "Expected a range as a single value of a dict; got one in a column of values. Ask for "
            'one condition at a time, such as given={"age": Range(40, 50)}.'
        )
    if not isinstance(given, dict):
        return given, None
    named = [name for name, value in given.items() if isinstance(value, Range)]
    if not named:
        return given, None
    if len(named) > 1:
        raise UnsupportedError(
            f"Expected a range for one column at most; got {', '.join(map(repr, named))}. Levels "
            "can be cut for the first column drawn only: sample under one range and keep the rows "
            "that are in the others."
        )
    rest = {name: value for name, value in given.items() if name != named[0]}
    if not is_condition(rest):
        raise UnsupportedError(
            f"Expected a range beside single values; got one for {named[0]!r} beside columns of "
            "values. Ask for one condition at a time."
        )
    return rest, (str(named[0]), given[named[0]])


def _in_column(given: Any) -> bool:
    """Whether a list, an array or a column of a frame holds a range."""
    if isinstance(given, dict):
        columns = list(given.values())
    # pandas or polars: others hold no objects, and a Series of pandas has dtypes but no columns.
    elif hasattr(given, "dtypes") and hasattr(given, "columns"):
        columns = [given[name] for name in given.columns]
    else:
        return False
    return any(
        isinstance(value, Range)
        for column in columns
        if isinstance(column, list | tuple)
        or str(getattr(column, "dtype", "")).lower() == "object"
        for value in column
    )
