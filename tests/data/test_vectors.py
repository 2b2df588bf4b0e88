"""Columns of dicts and arrays: what a dtype has no room for, and values that Arrow misreads."""

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec
from qdist.data.frames import describe, restore, to_arrow
from qdist.files.frames import check_frame


def through(frame):
    note = json.loads(json.dumps(describe(frame), allow_nan=False))
    check_frame(note, "the note")
    return restore(to_arrow(frame), note)


MASKED = {
    "whole": [2**53 + 1, 5, 2**53 + 3],
    "unsigned": np.array([2**64 - 1, 5, 7], np.uint64),
    "big-endian": np.array([3, 5, 7], ">i2"),
    "bool": [True, True, False],
    "text": ["abc", "x", "y"],
    "bytes": np.array([b"abc", b"x", b"y"]),
    "real": [1.5, 2.5, 3.5],
    "time": np.array(["2024", "2025", "2026"], "M8[s]"),
}


@pytest.mark.parametrize("values", MASKED.values(), ids=MASKED)
def test_masked_arrays_come_back(values):
    array = np.ma.array(values, mask=[False, True, False])
    fields = np.ma.array(np.zeros(3, [("a", array.dtype), ("b", "f8")]))
    fields["a"] = array
    for back in (
        through({"a": array})["a"],
        through(array.reshape(-1, 1))[:, 0],
        through(fields)["a"],
    ):
        assert isinstance(back, np.ma.MaskedArray)
        assert back.dtype == array.dtype
        assert back.tolist() == array.tolist()
    whole = through({"a": np.ma.array(values), "b": np.array([1, 2, 3])})
    assert [isinstance(v, np.ma.MaskedArray) for v in whole.values()] == [True, False]


@pytest.mark.parametrize(
    ("levels", "dtype"),
    [
        (np.array([2**53 + 1, 4]), "Int64"),
        (np.array([250, 4], np.uint8), "UInt8"),
        (np.array([250, 4], ">i4"), "Int32"),
        (np.array([True, False]), "boolean"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_rare_levels_are_missing_and_no_other_value(levels, dtype):
    values = np.repeat(levels, [40, 2])

    def drawn(frame):
        nominal = {str(name): Column(kind="nominal") for name in to_arrow(frame).schema.names}
        codec = TableCodec.fit(frame, columns=nominal, min_level_count=5)
        y = torch.zeros((2, len(codec.names)), dtype=torch.float64)
        y[1] = 1  # the code of what is missing
        return codec.decode(y), codec.decode(y[:1])

    gaps, full = drawn(pd.DataFrame({"a": values}))
    assert gaps["a"].tolist() == [levels[0], pd.NA]
    assert gaps["a"].dtype == dtype
    assert full["a"].dtype == levels.dtype
    if levels.dtype.isnative:
        sparse, full = drawn(pd.DataFrame({"a": pd.arrays.SparseArray(values)}))
        assert sparse["a"].tolist() == [levels[0], pd.NA]
        assert full["a"].dtype == pd.SparseDtype(levels.dtype)
    for frame in ({"a": values}, values.reshape(-1, 1), values.view([("a", values.dtype)])):
        gaps, full = drawn(frame)
        gaps, full = ((v.ravel() if v.dtype.names is None else v["a"]) if isinstance(v, np.ndarray)
                      else v["a"] for v in (gaps, full))  # fmt: skip
        assert gaps.tolist() == [levels[0], None]
        assert gaps.dtype == full.dtype == levels.dtype
        assert not isinstance(full, np.ma.MaskedArray)


@pytest.mark.parametrize("kind", ["U", "S", ">U"])
def test_text_of_numpy_is_as_long_as_it_has_to_be(kind):
    names = np.array([f"G{k:02d}" for k in range(99)], kind)
    ends = ["größe_1", "größe_2"]
    if kind == "S":
        ends = [end.encode() for end in ends]
    given = {"größe": "Ångström"}
    codec = TableCodec.fit({"größe": names})
    drawn = codec.decode(torch.zeros((2, 0), dtype=torch.float64))["größe"]
    assert drawn.tolist() == ends
    assert drawn.dtype.str[:-1] == names.dtype.str[:-1]
    known = codec.decode(torch.zeros((2, 0), dtype=torch.float64), given=given)["größe"]
    assert known.tolist() == ["Ångström".encode() if kind == "S" else "Ångström"] * 2
    matrix = np.stack([names, np.repeat(names[:3], 33)], axis=1)
    drawn = TableCodec.fit(matrix).decode(torch.zeros((100, 1), dtype=torch.float64))
    assert drawn[99, 0] == ("0_100" if kind != "S" else b"0_100")
    assert drawn[99, 1] == names[0]
    fields = TableCodec.fit(names.view([("name", names.dtype)]))
    drawn = fields.decode(torch.zeros((1, 0), dtype=torch.float64))
    assert drawn["name"][0] == ("name_1" if kind != "S" else b"name_1")


TIMES = pd.Series(pd.to_datetime([1, 1_700_000_000_123_456_789, None], unit="ns"))


@pytest.mark.parametrize("times", [TIMES, TIMES.dt.tz_localize("Asia/Tokyo"), TIMES - TIMES[0]])
def test_no_nanosecond_is_lost(times):
    """Arrow takes the items of such a column for microseconds."""
    columns = {
        "series": times,
        "polars": pl.Series(times),
        "list": times.tolist(),
        "objects": times.to_numpy(object),
        "index": pd.Index(times),
        "categories": times.astype("category"),
    }
    whole = to_arrow(pd.DataFrame({"t": times}))["t"]
    read = to_arrow(columns)
    for name in columns:
        assert read[name].equals(whole), name
    back = through(columns)
    assert all(back[name][:2] == times.tolist()[:2] for name in columns if name != "objects")


def test_series_of_a_dict_are_read_by_their_dtype():
    columns = {
        "whole": pd.Series([2**63 + 1, 5], dtype="uint64", index=[7, 3]),
        "nullable": pd.Series([2**53 + 1, None], dtype="Int64"),
        "levels": pd.Series(["b", "a"], dtype="category"),
        "sparse": pd.Series(pd.arrays.SparseArray([0, 3])),
        "polars": pl.Series([2**63 + 1, None], dtype=pl.UInt64),
        "enum": pl.Series(["b", "a"], dtype=pl.Enum(["b", "a"])),
        "gap": pl.Series([timedelta(seconds=1), None]),
        "days": pd.Series([np.datetime64("2024-02-29"), None], dtype=object),
    }
    lists = {name: [None if pd.isna(v) else v for v in values] for name, values in columns.items()}
    lists["days"] = [date(2024, 2, 29), None]
    assert to_arrow(columns).to_pydict() == lists
    assert through(columns) == lists


WIDE = {
    "list": list,
    "pandas": pd.Series,
    "polars": lambda values: pl.Series(values, dtype=pl.UInt64),
    "objects": lambda values: np.array(values, object),
}


@pytest.mark.parametrize("make", WIDE.values(), ids=WIDE)
def test_whole_numbers_of_64_bits(make):
    ids = [2**63 + 1, 5, 2**64 - 1]
    assert to_arrow({"id": make(ids)})["id"].to_pylist() == ids
    assert to_arrow({"id": [*ids, None]})["id"].to_pylist() == [*ids, None]
    few = TableCodec.fit({"id": make(ids * 9)}, columns={"id": Column(categories=[*ids, 6])})
    assert few.columns[0].levels.to_pylist() == [*ids, 6]
    codec = TableCodec.fit({"id": make([2**63 + k for k in range(900)])})
    y, _ = codec.encode_given({"id": 2**63 + 7})
    assert codec.decode(y, given={"id": 2**63 + 7})["id"][0] == 2**63 + 7
