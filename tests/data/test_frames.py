"""Any frame in, the same type out: labels, dtypes, categories, zones, index, kind of missing."""

import datetime as dt
import json
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from qdist.data.frames import describe, n_rows, repeat_rows, restore, take_rows, to_arrow
from qdist.errors import InputError
from qdist.files.frames import check_frame

STAMPS = ["2024-02-29T23:59:59", "2024-07-01T12:00:00", None]

PANDAS_COLUMNS = {
    "float64": [1.5, None, -0.0],
    "float32": pd.Series([0.1, np.nan, 3], dtype="float32"),
    "int8": pd.Series([1, -2, 3], dtype="int8"),
    "uint64": pd.Series([1, 2**64 - 1, 3], dtype="uint64"),
    "bool": [True, False, True],
    "Int64": pd.array([1, None, 2**62], dtype="Int64"),
    "UInt8": pd.array([1, None, 255], dtype="UInt8"),
    "Float64": pd.array([1.5, None, 2], dtype="Float64"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "string": pd.array(["a", None, "c"], dtype="string"),
    "string[python]": pd.array(["a", None, "c"], dtype="string[python]"),
    "str": ["a", None, "c"],
    "object text": pd.Series(["a", None, "c"], dtype=object),
    "object nan": pd.Series(["a", np.nan, "c"], dtype=object),
    "object NA": pd.Series(["a", pd.NA, "c"], dtype=object),
    "object bool": pd.Series([True, None, False], dtype=object),
    "object date": pd.Series([dt.date(2024, 2, 29), None, dt.date(1969, 1, 1)], dtype=object),
    "object decimal": pd.Series([Decimal("1.10"), None, Decimal("-2.25")], dtype=object),
    "datetime64[ns]": pd.Series(pd.to_datetime(STAMPS)).astype("datetime64[ns]"),
    "datetime64[s]": pd.Series(pd.to_datetime(STAMPS)).astype("datetime64[s]"),
    "zone": pd.Series(pd.to_datetime(STAMPS)).dt.tz_localize("Europe/Paris"),
    "offset": pd.Series(pd.to_datetime(STAMPS)).dt.tz_localize("+05:30"),
    "timedelta": pd.Series(pd.to_timedelta(["1s", None, "-2D"])),
    "category": pd.Categorical(["x", None, "y"], categories=["y", "z", "x"]),
    "ordered": pd.Categorical(["lo", "hi", None], categories=["lo", "mid", "hi"], ordered=True),
    "big-endian": pd.Series(np.array([1.5, np.nan, 2], ">f8")),
    "sparse": pd.arrays.SparseArray([np.nan, 1.5, np.nan]),
    "sparse zeros": pd.arrays.SparseArray([0.0, 1.5, np.nan], fill_value=0.0),
    "sparse below zero": pd.arrays.SparseArray([-1, 2, -1], fill_value=-1),
    "sparse bool": pd.arrays.SparseArray([True, False, True], fill_value=True),
    "sparse times": pd.arrays.SparseArray(np.array(["NaT", "2024", "NaT"], "M8[us]")),
    "integer categories": pd.Categorical([3, 1, None], categories=[1, 2, 3]),
    "interval categories": pd.cut(pd.Series([0.5, 1.5, np.nan]), [0, 1, 2, 3]),
    "open intervals": pd.cut(pd.Series([-5, 0.5, np.nan]), [-np.inf, 0, 1, np.inf]),
    "date categories": pd.Categorical(pd.to_datetime(STAMPS)),
    "pyarrow int": pd.array([1, None, 3], dtype="int64[pyarrow]"),
    "pyarrow text": pd.array(["a", None, "c"], dtype=pd.ArrowDtype(pa.string())),
    "pyarrow stamp": pd.array(
        [dt.datetime(2024, 1, 1), None, dt.datetime(2025, 1, 1)],
        dtype=pd.ArrowDtype(pa.timestamp("us", "UTC")),
    ),
    "pyarrow decimal": pd.array(
        [Decimal("1.10"), None, Decimal("2.20")], dtype=pd.ArrowDtype(pa.decimal128(10, 2))
    ),
    "all missing": pd.Series([None, None, None], dtype=object),
}


def through(frame):
    note = json.loads(json.dumps(describe(frame), allow_nan=False))
    check_frame(note, "the note")  # it can be saved
    return restore(to_arrow(frame), note)


@pytest.mark.parametrize("name", PANDAS_COLUMNS)
def test_pandas_columns_come_back(name):
    frame = pd.DataFrame({"x": PANDAS_COLUMNS[name]})
    back = through(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    missing = frame["x"].isna()
    if missing.any() and frame["x"].dtype == np.dtype(object):
        assert type(back["x"][missing].iloc[0]) is type(frame["x"][missing].iloc[0])


INDEXES = {
    "range": pd.RangeIndex(3),
    "named range": pd.RangeIndex(3, name="row"),
    "integer": pd.Index([7, 8, 9], name="key"),
    "text": pd.Index(["a", "b", "c"]),
    "dates": pd.date_range("2024-01-01", periods=3, tz="Europe/Paris", name="day"),
    "deltas": pd.to_timedelta([1, 2, 3], unit="s"),
    "two levels": pd.MultiIndex.from_product([["a"], [1, 2, 3]], names=["l", "n"]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_pandas_index_keeps_its_kind_but_not_its_entries(name):
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=INDEXES[name])
    back = through(frame)
    assert type(back.index) is type(frame.index)
    assert back.index.names == frame.index.names
    if name != "two levels":
        assert back.index.dtype == frame.index.dtype
    assert len(back.index.unique()) == 3
    assert "2024" not in json.dumps(describe(frame))


def test_pandas_index_of_a_frame_alike_is_taken_over():
    frame = pd.DataFrame({"x": [1, 2]}, index=["p", "q"])
    back = restore(to_arrow(frame), describe(frame), like=frame)
    pd.testing.assert_frame_equal(back, frame)


def test_pandas_labels_may_be_whole_numbers():
    frame = pd.DataFrame(np.arange(6.0).reshape(3, 2)).rename(columns={1: "b"})
    pd.testing.assert_frame_equal(through(frame), frame)


POLARS_COLUMNS = {
    "Float64": pl.Series([1.5, None, 2.0]),
    "NaN": pl.Series([1.5, float("nan"), 2.0]),
    "Float32": pl.Series([1.5, None, 2.0], dtype=pl.Float32),
    "Int8": pl.Series([1, None, -2], dtype=pl.Int8),
    "UInt64": pl.Series([1, None, 2**64 - 1], dtype=pl.UInt64),
    "Boolean": pl.Series([True, None, False]),
    "String": pl.Series(["a", None, "c"]),
    "Categorical": pl.Series(["a", None, "c"], dtype=pl.Categorical),
    "Enum": pl.Series(["a", None, "c"], dtype=pl.Enum(["c", "b", "a"])),
    "Decimal": pl.Series([Decimal("1.10"), None, Decimal("-2.25")], dtype=pl.Decimal(10, 2)),
    "Datetime": pl.Series([dt.datetime(2024, 2, 29, 1), None, dt.datetime(1900, 1, 1)]),
    "zone": pl.Series([0, None, 1], dtype=pl.Int64).cast(pl.Datetime("ms", "Asia/Tokyo")),
    "Duration": pl.Series([dt.timedelta(seconds=1), None, dt.timedelta(days=-3)]),
    "Date": pl.Series([dt.date(2024, 2, 29), None, dt.date(1900, 1, 1)]),
    "Time": pl.Series([dt.time(1, 2, 3), None, dt.time(23, 59)]),
    "Null": pl.Series([None, None, None]),
}


@pytest.mark.parametrize("name", POLARS_COLUMNS)
def test_polars_columns_come_back(name):
    frame = pl.DataFrame({"x": POLARS_COLUMNS[name]})
    back = through(frame)
    assert back.schema == frame.schema
    assert_frame_equal(back, frame)
    assert back["x"].null_count() == frame["x"].null_count()


ARROW_COLUMNS = {
    "string": pa.array(["a", None]),
    "large_string": pa.array(["a", None], pa.large_string()),
    "string_view": pa.array(["a", None], pa.string_view()),
    "int16": pa.array([1, None], pa.int16()),
    "float16": pa.array(np.array([1.5, 2], np.float16)),
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), ["x", "y"]),
    "ordered": pa.DictionaryArray.from_arrays(
        pa.array([1, 0], pa.int16()), pa.array([10, 20, 30], pa.int32()), ordered=True
    ),
    "timestamp": pa.array([0, None], pa.timestamp("ns", "America/New_York")),
    "date32": pa.array([dt.date(2024, 1, 1), None]),
    "date64": pa.array([dt.date(2024, 1, 1), None], pa.date64()),
    "time32": pa.array([dt.time(1), None], pa.time32("s")),
    "duration": pa.array([5, None], pa.duration("ms")),
    "decimal": pa.array([Decimal("1.1"), None], pa.decimal128(5, 2)),
    "null": pa.nulls(2),
    "chunks": pa.chunked_array([["a"], ["b"]]),
}


@pytest.mark.parametrize("name", ARROW_COLUMNS)
def test_arrow_columns_come_back(name):
    table = pa.table({"x": ARROW_COLUMNS[name]})
    back = through(table)
    assert back.schema == table.schema
    assert back.equals(table)
    if name in {"dictionary", "ordered"}:
        assert back["x"].chunk(0).dictionary.equals(table["x"].chunk(0).dictionary)


NUMPY_ARRAYS = {
    "float64": np.array([[1.5, np.nan], [2, 3]]),
    "float32": np.array([[1.5, np.nan], [2, 3]], np.float32),
    "int32": np.array([[1, 2], [3, 4]], np.int32),
    "bool": np.array([[True, False], [False, True]]),
    "text": np.array([["ab", "c"], ["d", "e"]]),
    "object": np.array([["ab", 1.5], [None, 2.5]], object),
    "datetime": np.array([["2024-01-01", "NaT"], ["1960-01-01", "2000-01-01"]], "M8[D]"),
    "minutes": np.array([["2024-01-01T01:01"], ["NaT"]], "M8[m]"),
    "big-endian": np.array([[1.5, np.nan], [2, 3]], ">f8"),
    "big-endian halves": np.array([[1.5, np.nan], [2, 3]], ">f2"),
    "big-endian text": np.array([["ab", "c"], ["d", "e"]], ">U2"),
    "big-endian times": np.array([["2024-01-01"], ["NaT"]], ">M8[s]"),
}


@pytest.mark.parametrize("name", NUMPY_ARRAYS)
def test_numpy_arrays_come_back(name):
    array = NUMPY_ARRAYS[name]
    back = through(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_structured_arrays_come_back():
    kind = [("a", "f8"), ("b", "i2"), ("c", "U3"), ("d", "M8[s]"), ("e", "O")]
    array = np.array([(1.5, 2, "abc", "2024-01-01", "x"), (np.nan, 3, "", "NaT", None)], kind)
    back = through(array)
    assert back.dtype == array.dtype
    for name in array.dtype.names:
        np.testing.assert_array_equal(back[name], array[name])


def test_what_a_mask_hides_is_missing():
    times = np.array(["2020-01-01", "2021-01-01", "NaT"], "M8[h]")
    columns = {
        "whole": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        "real": np.ma.array([1.0, np.nan, 3.0], mask=[0, 0, 1]),
        "text": np.ma.array(["x", "y", "z"], mask=[1, 0, 0]),
        "bytes": np.ma.array([b"x", b"y", b"z"], mask=[1, 0, 0]),
        "time": np.ma.array(times, mask=[1, 0, 0]),
        "all": np.ma.array([1, 2, 3]),
    }
    table = to_arrow(columns)
    for name, missing in {
        "whole": [1],
        "real": [1, 2],
        "text": [0],
        "bytes": [0],
        "time": [0, 2],
        "all": [],
    }.items():
        holes = np.flatnonzero([cell is None for cell in table.column(name).to_pylist()])
        assert holes.tolist() == missing, name
    matrix = to_arrow(np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]]))
    assert matrix.to_pydict() == {"0": [1.0, 3.0], "1": [None, 4.0]}


def test_dicts_of_columns_come_back():
    frame = {"a": [1, None], "b": np.array([1.5, 2.5], np.float32), "c": ["x", "y"]}
    back = through(frame)
    assert list(back) == list(frame)
    assert back["a"] == [1, None]
    assert back["b"].dtype == np.float32
    assert n_rows(frame) == 2


def test_rows_of_a_dict_keep_what_holds_each_column():
    frame = {
        "array": np.array([1, 2, 3], np.int16),
        "mask": np.ma.array([1.5, 2.5, 3.5], mask=[0, 1, 0]),
        "object": np.array(["x", None, 2], object),
        "list": ["x", None, "z"],
        "arrow": pa.chunked_array([[1], [None, 3]]),
        "series": pd.Series([7, 8, 9], index=[2, 1, 0], dtype="uint8"),
    }
    some = take_rows(frame, np.array([2, 1]))
    assert some["array"].dtype == np.int16
    assert some["mask"].mask.tolist() == [False, True]
    assert some["object"].tolist() == [2, None]
    lists = {"list": ["z", None], "arrow": [3, None]}
    assert {name: some[name] for name in lists} == lists
    assert (some["series"].tolist(), some["series"].dtype) == ([9, 8], np.uint8)
    twice = repeat_rows({"array": frame["array"]}, 2)["array"]
    assert (twice.dtype, twice.tolist()) == (np.int16, [1, 1, 2, 2, 3, 3])


def test_a_list_of_a_dict_is_looked_at_once(monkeypatch):
    """Not made an array first: numpy has none of lists of different lengths."""
    lists = {"a": [[1], [1, 2]], "b": range(2), "c": ("x", "y")}
    monkeypatch.setattr(np, "ndim", lambda _: pytest.fail("it was made an array"))
    assert to_arrow(lists).to_pydict() == {"a": [[1], [1, 2]], "b": [0, 1], "c": ["x", "y"]}


DAY, TIME = dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 13, 30)

BAD = {
    "list": ([1, 2], "got list"),
    "lazy": (pl.LazyFrame({"a": [1]}), "collect"),
    "one dimension": (np.arange(3), r"got shape \(3,\)"),
    "complex": (np.ones((2, 1), complex), "complex128"),
    "twice": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' more than once"),
    "twice as text": (pd.DataFrame([[1, 2]], columns=["1", 1]), "'1' more than once"),
    "label": (pd.DataFrame([[1]], columns=[(1, 2)]), "column names that are text"),
    "mixed": (
        pd.DataFrame({"a": ["x", 1, 2, None]}, dtype=object),
        "2 of type int, 1 of type str",
    ),
    "mixed list": ({"a": ["x", 1]}, "one type"),
    "period": (pd.DataFrame({"a": pd.period_range("2024", periods=2, freq="M")}), "to_timestamp"),
    "periods as categories": (
        pd.DataFrame({"a": pd.Categorical(pd.period_range("2024", periods=2, freq="M"))}),
        r"as categories in column 'a'; got period\[M\]\. Convert it, for example by \.astype\(str",
    ),
    "categories of several types": (
        pd.DataFrame({"a": pd.Categorical([1, "1"] * 9)}),
        "one type .* in column 'a'; got 1 of type int, 1 of type str",
    ),
    "tuples as categories": (
        pd.DataFrame({"a": pd.Categorical([(1, 2), (3, 4)])}),
        "text, numbers, dates or intervals of numbers as categories in column 'a'; got list",
    ),
    "UUIDs as categories": (
        pd.DataFrame({"a": pd.Categorical([uuid.UUID(int=1), uuid.UUID(int=2)])}),
        "in column 'a'; got .*(uuid|UUID)",
    ),
    "intervals of dates": (
        pd.DataFrame({"a": pd.cut(pd.date_range("2024", periods=9), 3)}),
        r"intervals of numbers as categories in column 'a'; got interval\[datetime64.*astype\(str",
    ),
    "128 bits": (
        pl.DataFrame({"a": pl.Series([1, 2], dtype=pl.Int128)}),
        r"types that Arrow has; got Int128.*64 bits",
    ),
    "scalar": ({"a": 1}, "Put single values into lists"),
    "scalar array": ({"a": np.array(1)}, "Put single values into lists"),
    "bytes": ({"a": b"xy"}, "Put single values into lists"),
    "set": ({"a": {1, 2}}, "Put single values into lists"),
    "matrix": ({"a": np.ones((2, 1))}, r"one dimension for column 'a'; got shape \(2, 1\)"),
    "frame": (
        {"a": pd.DataFrame({"b": [1]})},
        r"one dimension for column 'a'; got shape \(1, 1\)",
    ),
    "arrays in a list": ({"a": [np.ones(2), 3]}, "1 of type ndarray, 1 of type int"),
    "infinite decimal": (
        {"a": [Decimal("inf"), Decimal(1)]},
        r"finite numbers in column 'a'; got 1 infinite value\. Replace them by missing",
    ),
    "infinite decimals in a frame": (
        pd.DataFrame({"a": [Decimal("inf"), Decimal("-inf")]}),
        "finite numbers in column 'a'; got 2 infinite values",
    ),
    "surrogate": ({"a": ["a\ud800", "b"]}, r"valid Unicode in column 'a'; got 'a\\ud800'"),
    "surrogate in an array": ({"a": np.array(["a\ud800"])}, "valid Unicode in column 'a'; got"),
    "surrogate in a frame": (
        pd.DataFrame({"a": ["a\ud800"]}, dtype=object),
        r"valid Unicode in column 'a'; got 'a\\ud800'",
    ),
    "surrogate in a level": (
        pd.DataFrame({"a": pd.Categorical.from_codes([0], pd.Index(["a\ud800"], dtype=object))}),
        "valid Unicode in column 'a'; got",
    ),
    "surrogate in a name": (
        {"a\ud800": [1]},
        r"names that are text of valid Unicode; got 'a\\ud8",
    ),
    "bytes that are no text": ({"a": np.array([b"\xff"])}, "valid Unicode in column 'a'; got b"),
    "times of which one has a zone": (
        {"a": [TIME, TIME.replace(tzinfo=dt.UTC), TIME]},
        "all have a time zone, or none, in column 'a'; got 1 with a zone and 2 without",
    ),
    "zoned times in a frame": (
        pd.DataFrame({"a": pd.Series([TIME.replace(tzinfo=dt.UTC), None, TIME], dtype=object)}),
        "got 1 with a zone and 1 without",
    ),
    "more than 64 bits": ({"a": [2**64, 5]}, "at most 64 bits for column 'a'.*; got 1844"),
    "64 bits beside a sign": (
        {"a": [2**63, -1]},
        "64 bits for column 'a', or of 63 where others are negative; got 9223",
    ),
    "wide numbers beside text": ({"a": [2**63, "x"]}, "1 of type int, 1 of type str"),
    "ragged": ({"a": [1], "b": [1, 2]}, "lengths 1, 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_frames_are_refused(name):
    frame, match = BAD[name]
    with pytest.raises(InputError, match=match):
        to_arrow(frame)


@pytest.mark.parametrize("time", [TIME, pd.Timestamp(TIME), np.datetime64(TIME)], ids=type)
@pytest.mark.parametrize("make", [list, lambda values: np.array(values, object)])
def test_a_day_among_times_is_refused_in_either_order(make, time):
    """And no time loses its hour, which Arrow drops without a word where the day comes first."""
    for values in ([DAY, time], [time, DAY], [None, DAY, time]):
        with pytest.raises(InputError, match="1 of type date"):
            to_arrow({"a": make(values)})
    with pytest.raises(InputError, match="1 of type date"):
        to_arrow(pd.DataFrame({"a": pd.Series([DAY, time], dtype=object)}))


def test_days_with_holes_are_days():
    for hole in (None, float("nan"), pd.NaT):
        assert to_arrow({"a": [DAY, hole]})["a"].to_pylist() == [DAY, None]
        frame = pd.DataFrame({"a": pd.Series([hole, DAY], dtype=object)})
        assert to_arrow(frame)["a"].to_pylist() == [None, DAY]
    masked = np.ma.MaskedArray(np.array([DAY, TIME], object), [False, True])
    assert to_arrow({"a": masked})["a"].to_pylist() == [DAY, None]


@pytest.mark.parametrize("unit", ["ps", "500ms", "250us", "ms", "500000ns"])
def test_no_unit_of_numpy_loses_parts_of_a_second(unit):
    half = np.array(["1970-01-01T00:00:00.5"], f"datetime64[{unit}]")
    assert str(to_arrow({"a": half})["a"][0].as_py())[10:21] == " 00:00:00.5"
    span = to_arrow({"a": half - np.datetime64(0, "s")})["a"]
    assert span.cast(pa.duration("ms"), safe=False)[0].as_py() == dt.timedelta(seconds=0.5)
