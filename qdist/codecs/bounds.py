"""Declared bounds of a column, and values that break them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdist.codecs.schema import ColumnSchema
from qdist.errors import InputError

__all__ = ["check_bounds"]


def check_bounds(schema: ColumnSchema, raw: NDArray[Any], there: NDArray[np.bool_]) -> None:
    """Raises where a present raw value, shape (N,), lies outside the declared bounds."""
    outside = np.zeros(len(raw), bool)
    if schema.lower is not None:
        outside |= raw < schema.lower
    if schema.upper is not None:
        outside |= raw > schema.upper
    outside &= there
    if outside.any():
        count = int(outside.sum())
        first = raw[outside][0]
        raise InputError(
            f"Expected values in [{schema.lower}, {schema.upper}], the declared bounds of column "
            f"{schema.name!r}; got {count} outside, the first {first}. Correct the values or "
            "the bounds."
        )
