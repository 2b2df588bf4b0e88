"""Frames for rivals that take no missing cells, and the way back.

A missing number becomes the median, and a column of "yes" and "no" beside it says so: the rival
models the flag with all else, and where it draws "yes" the cell is missing again. A missing level
is one more level. Drawn numbers are rounded to the decimals of the training rows and kept within
their range, which their authors' front ends do as well. Where decimals are too many to round to, a
number within a millionth of a training number is that number: some rivals compute in single
precision, and 0.2 would come back beside every 0.2 of the real rows.
"""

import numpy as np
import pandas as pd

from benchmarks.c2st import is_number, levels_of, numbers_of

__all__ = ["with_gaps", "without_gaps"]

MISSING = "<missing>"
DECIMALS = 6
CLOSE = 1e-6


def _flag(name: object) -> str:
    return f"{name} is missing"


def without_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers as integers, other numbers as floats, all else as text; no missing cells."""
    columns: dict[str, np.ndarray] = {}
    for name, column in frame.items():
        if not is_number(column):
            columns[str(name)] = levels_of(column)
            continue
        values = numbers_of(column)
        gaps = np.isnan(values)
        if gaps.any():
            columns[_flag(name)] = np.where(gaps, "yes", "no").astype(object)
            values = np.where(gaps, np.nanquantile(values, 0.5, method="lower"), values)
        columns[str(name)] = values.astype(np.int64) if _decimals(values) == 0 else values
    return pd.DataFrame(columns)


def with_gaps(rows: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """The way back: rows drawn of `without_gaps(like)` as rows with the columns of `like`."""
    columns: dict[str, np.ndarray] = {}
    for name, column in like.items():
        if not is_number(column):
            text = rows[str(name)].astype(str).to_numpy(dtype=object)
            columns[str(name)] = np.where(text == MISSING, None, text)
            continue
        known = numbers_of(column)
        known = known[~np.isnan(known)]
        values = rows[str(name)].to_numpy(dtype=float)
        decimals = _decimals(known)
        values = _snap(values, known) if decimals is None else np.round(values, decimals)
        values = np.clip(values, known.min(), known.max())
        if _flag(name) in rows:
            values = np.where(rows[_flag(name)].astype(str) == "yes", np.nan, values)
        columns[str(name)] = values
    return pd.DataFrame(columns)


def _decimals(values: np.ndarray) -> int | None:
    """How many decimals numbers have, None if more than six."""
    fits = (d for d in range(DECIMALS + 1) if np.array_equal(np.round(values, d), values))
    return next(fits, None)


def _snap(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    known = np.unique(known)
    after = np.clip(np.searchsorted(known, values), 1, max(len(known) - 1, 1))
    below, above = known[after - 1], known[np.minimum(after, len(known) - 1)]
    near = np.where(values - below <= above - values, below, above)
    return np.where(np.abs(values - near) <= CLOSE * np.abs(near), near, values)
