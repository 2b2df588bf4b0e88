"""Lengths of time as people write them."""

import math
import re

from qdist.errors import InputError

__all__ = ["seconds"]

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
        if match and match[2] in _UNITS:
            value = float(match[1]) * _UNITS[match[2]]
        else:
            value = math.nan
    elif isinstance(duration, bool) or not isinstance(duration, int | float):
        value = math.nan
    else:
        value = float(duration)
    if not 0 < value < math.inf:
        raise InputError(
            f"Expected a duration above 0, in seconds or such as '90s', '5m', '2h'; "
            f"got {duration!r}."
        )
    return value
