"""Data that make no table, and odd tables that do."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

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


@pytest.mark.parametrize(("call", "error", "words"), DATA.values(), ids=DATA)
def test_a_mistake_ends_in_words_that_help(refused, call, error, words):
    refused(call, error, words)


# Odd, but tables: each is fitted, and gives rows like its own.
ODD = {
    "one row": pd.DataFrame({"a": [1.5], "b": ["x"]}),
    "two rows": pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}),
    "one column": pd.DataFrame({"a": np.arange(30.0)}),
    "one column of levels": pd.DataFrame({"a": ["x", "y"] * 15}),
    "one cell": pd.DataFrame({"a": [1]}),
    "a column that is all missing": pd.DataFrame({"a": np.arange(30.0), "gone": [np.nan] * 30}),
    "objects that are all missing": pd.DataFrame({"a": np.arange(30.0), "gone": [None] * 30}),
    "nothing but missing": pd.DataFrame({"gone": [np.nan] * 3}),
    "a constant column": pd.DataFrame({"a": np.arange(30.0), "same": 3}),
    "constants only": pd.DataFrame({"same": [3] * 5, "text": ["x"] * 5}),
    "a constant or missing": pd.DataFrame({"a": [3.0, np.nan] * 15}),
    "one value that differs": pd.DataFrame({"a": [3.0] * 29 + [4.0]}),
    "enormous numbers": pd.DataFrame({"a": [1e300, -1e300, 1e-300, 0.0] * 10}),
    "a name like an option": pd.DataFrame({"": np.arange(30.0), "given": ["x", "y"] * 15}),
    "an odd index": pd.DataFrame({"a": np.arange(30.0)}, index=[7] * 30),
    "rows beyond single precision": pd.DataFrame({"a": 1e9 + np.arange(30.0) / 1024}),
}


@pytest.mark.parametrize("frame", ODD.values(), ids=ODD)
def test_an_odd_table_is_a_table(world, frame):
    model = world.fit(frame)
    drawn = model.sample(20, random_state=0)
    assert drawn.shape == (20, frame.shape[1])
    assert list(drawn.dtypes) == list(frame.dtypes)
    for name in frame:
        assert not (drawn[name].isna().any() and frame[name].notna().all())
        if frame[name].nunique() <= 1 and frame[name].notna().all():
            assert set(drawn[name]) == set(frame[name])
    again = model.sample(given=frame, nan="value")
    pd.testing.assert_frame_equal(again, frame)


def test_beyond_the_training_range_no_infinity_is_drawn(world):
    drawn = world.fit(pd.DataFrame({"a": [1e308, -1e308, 5e307] * 20})).sample(200)
    assert np.isfinite(drawn["a"]).all()
