"""Reads conditions: a dict of single values, or a frame with some of the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qdist.codecs.conform import check_names, conform, in_utc, present
from qdist.codecs.schema import MISSING
from qdist.data.frames import canonical, to_arrow
from qdist.data.makes.vectors import from_values, from_vector
from qdist.errors import InputError

__all__ = ["Given", "check_nan", "is_condition", "is_unknown", "read_given", "single_cell"]

Mask = NDArray[np.bool_]


@final
@dataclass(frozen=True)
class Given:
    """Conditions, N rows of them.

    Args:
        arrays: The given columns by name, each N cells of the type of the column's values.
        present: Where each holds a value, shape (N,).
        missing: Where each says that the value is missing (a dict only), shape (N,).
        n_rows: N.
        single: Whether it was one condition, given as a dict of single values.
    """

    arrays: dict[str, pa.Array]
    present: dict[str, Mask]
    missing: dict[str, Mask]
    n_rows: int
    single: bool


def _is_column(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return True
    return hasattr(value, "__array__") and np.ndim(value) > 0


def check_nan(nan: Any) -> None:
    """Raises where what a missing cell means is none of "unknown" and "value"."""
    if nan not in ("unknown", "value"):
        raise InputError(
            f"Expected nan to be 'unknown' or 'value'; got {nan!r}. Say what a missing cell means."
        )


def is_unknown(value: Any, name: str) -> bool:
    """Whether a single value says that nothing is known: None, NaN, pandas' NA or NaT.

    Example:
        >>> is_unknown(float("nan"), "age"), is_unknown(MISSING, "age"), is_unknown(0, "age")
        (True, False, False)
    """
    return value is not MISSING and not bool(present(single_cell(value, name))[0])


def is_condition(given: Any) -> bool:
    """Whether it is one condition, a dict of single values, and not a frame of conditions.

    Example:
        >>> is_condition({"age": 40}), is_condition({"age": [40, 50]})
        (True, False)
    """
    return isinstance(given, dict) and not any(_is_column(v) for v in given.values())


def read_given(given: Any, kinds: Mapping[str, pa.DataType]) -> Given:
    """Reads conditions.

    Args:
        given: A dict of single values, or a frame of any make.
        kinds: The Arrow types of the known columns by name.

    Returns:
        The conditions with values of the columns' types.

    Raises:
        UnknownNameError: If a column is not known.
        InputError: If a value is of a wrong type.

    Example:
        >>> read_given({"age": 40}, {"age": pa.int64()}).present["age"]
        array([ True])
    """
    single = is_condition(given)
    if not single and not (table := to_arrow(given)).num_columns:
        raise InputError(
            "Expected conditions with a column at least; got a frame that has none. "
            "Give None, and the number of rows to draw."
        )
    if single:
        columns = {str(name): single_cell(value, str(name)) for name, value in given.items()}
        if len(columns) < len(given):
            raise InputError(
                f"Expected column names that differ; got {', '.join(map(repr, given))}, of which "
                "two are the same text. Give each column once."
            )
        n_rows = 1
    else:
        columns = dict(zip(table.schema.names, map(canonical, table.columns), strict=True))
        n_rows = table.num_rows
    check_names(columns, kinds)
    if isinstance(given, Mapping):
        for name, value in given.items():
            columns[str(name)] = in_utc(value, columns[str(name)], kinds[str(name)])
    arrays = {name: conform(array, kinds[name], name) for name, array in columns.items()}
    gone = [single and given[name] is MISSING for name in (given if single else columns)]
    return Given(
        arrays=arrays,
        present={name: present(array) for name, array in arrays.items()},
        missing={name: np.full(n_rows, flag) for name, flag in zip(arrays, gone, strict=True)},
        n_rows=n_rows,
        single=single,
    )


def single_cell(value: Any, name: str) -> pa.Array:
    """A single value as an array of one cell, null where nothing is known or it is missing.

    Example:
        >>> single_cell(np.datetime64("2020-02-01T12"), "day").type
        TimestampType(timestamp[s])
    """
    masked = isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).all()
    if value is MISSING or value is None or masked:
        return pa.nulls(1)
    if isinstance(value, np.generic) or hasattr(value, "__array__"):
        return from_vector(np.asarray(value).reshape(1), name)
    return from_values([value], name)
