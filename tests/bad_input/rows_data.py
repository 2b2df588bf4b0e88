"""Data that make no table."""

import numpy as np
import pandas as pd
import polars as pl

import qdist
from qdist.errors import InputError


def fit(*data, **params):
    """A call that fits."""
    return lambda world: world.fit(*data, **params)


twice = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])

DATA = {
    "an empty dict": (fit({}), InputError, "rows and columns; got 0 rows and 0 colum"),
    "a frame without rows": (
        fit(pd.DataFrame({"a": [], "b": []})),
        InputError,
        r"Expected a frame with rows and columns; got 0 rows and 2 columns\. Give at least one",
    ),
    "a frame without columns": (
        fit(pd.DataFrame(index=range(3))),
        InputError,
        "Expected a frame with rows and columns; got . rows and 0 columns",
    ),
    "None": (
        lambda world: qdist.TabularModel().fit(None),
        InputError,
        "Expected a pandas or polars DataFrame.*NoneType",
    ),
    "a level that no file holds": (
        fit({"a": [1, 2] * 9, "note": ["short", "x" * 100_001] * 9}),
        InputError,
        r"that the file of a model can hold; got .note. \(Expected text of at most 100000 letters",
    ),
    "a list": (fit([1, 2]), InputError, "got list. Convert it to one of these"),
    "a path": (fit("data.csv"), InputError, "got str. Convert it to one of these"),
    "a vector": (
        fit(np.arange(3.0)),
        InputError,
        r"Expected an array of shape \(rows, columns\); got shape \(3,\)\. Reshape it",
    ),
    "a lazy frame": (
        fit(pl.LazyFrame({"a": [1]})),
        InputError,
        r"got a polars LazyFrame\. Call its collect\(\) first",
    ),
    "duplicated column names": (
        fit(twice),
        InputError,
        "Expected column names that differ; got 'a' more than once. Rename or drop",
    ),
    "names equal as text": (
        fit(pd.DataFrame([[1, 2]], columns=[1, "1"])),
        InputError,
        "Expected column names that differ; got '1' more than once",
    ),
    "a name that is no text": (
        fit(pd.DataFrame([[1, 2]], columns=[("a", 1), "b"])),
        InputError,
        "Expected column names that are text or whole numbers; got",
    ),
    "infinity in the data": (
        fit({"a": [1.0, np.inf, 2.0]}),
        InputError,
        "Expected finite numbers in column 'a'; got 1 infinite",
    ),
    "minus infinity in a frame": (
        fit(pd.DataFrame({"a": [1.0, -np.inf]})),
        InputError,
        "Expected finite numbers in column 'a'",
    ),
    "mixed types": (
        fit({"a": [1, "x", 2]}),
        InputError,
        r"values of one type .* in column 'a'; got 2 of type int, 1 of type str\. Convert",
    ),
    "mixed types in a frame": (
        fit(pd.DataFrame({"a": [1.5, "x", None]})),
        InputError,
        "values of one type .* in column 'a'; got 1 of type float, 1 of type str",
    ),
    "lists in a column": (
        fit({"a": [[1], [2]]}),
        InputError,
        "column 'a'; got values of Arrow type list.*Split, convert or drop the column",
    ),
    "complex numbers": (
        fit({"a": np.array([1j, 2.0])}),
        InputError,
        "in column 'a'; got numpy dtype complex128. Split or drop",
    ),
    "columns of several lengths": (
        fit({"a": [1, 2], "b": [1]}),
        InputError,
        "Expected columns of one length; got lengths 1, 2",
    ),
    "single values": (
        fit({"a": 1}),
        InputError,
        "Expected a list or an array for column 'a'; got 1. Put single values into lists",
    ),
}

ROWS = (DATA,)
