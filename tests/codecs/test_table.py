"""A whole table: kinds, identity of decode(encode), what is stored, bad input."""

import datetime as dt
import json
import time
import tracemalloc
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from polars.testing import assert_frame_equal

from qdist.codecs.schema import Column, Schema
from qdist.codecs.table import TableCodec
from qdist.data.datasets import load_penguins
from qdist.data.frames import to_arrow
from qdist.errors import FileFormatError, InputError, UnknownNameError

N = 400
RNG = np.random.default_rng(7)
GAPS = RNG.random(N) < 0.2


def gaps(values):
    return [None if gap else v for v, gap in zip(values, GAPS, strict=True)]


DAYS = [dt.date(2020, 1, 1) + dt.timedelta(int(d)) for d in RNG.integers(0, 900, N)]
STAMPS = [
    dt.datetime(2020, 1, 1) + dt.timedelta(seconds=int(s)) for s in RNG.integers(0, 10**8, N)
]
WORDS = RNG.choice(["red", "green", "blue"], N).tolist()


def mixed_columns():
    """Columns of every kind, as lists."""
    return {
        "real": RNG.normal(size=N).tolist(),
        "real gaps": gaps(RNG.normal(size=N).tolist()),
        "whole": RNG.integers(0, 10**6, N).tolist(),
        "whole gaps": gaps(RNG.integers(0, 1000, N).tolist()),
        "few": RNG.integers(0, 6, N).tolist(),
        "cents": np.round(RNG.exponential(30, N), 2).tolist(),
        "zeros": np.where(RNG.random(N) < 0.9, 0.0, RNG.normal(size=N)).tolist(),
        "bool": (RNG.random(N) < 0.3).tolist(),
        "bool gaps": gaps((RNG.random(N) < 0.3).tolist()),
        "text": WORDS,
        "text gaps": gaps(WORDS),
        "day": DAYS,
        "day gaps": gaps(DAYS),
        "stamp": STAMPS,
        "stamp gaps": gaps(STAMPS),
        "delta": [dt.timedelta(seconds=int(s)) for s in RNG.integers(-999, 10**6, N)],
        "constant": [3] * N,
        "constant text": ["only"] * N,
        "constant gaps": gaps([1.5] * N),
        "nothing": [None] * N,
    }


MIXED = mixed_columns()


def pandas_frame():
    frame = pd.DataFrame(MIXED)
    frame["zone"] = pd.Series(STAMPS).dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")
    frame["Int64"] = pd.array(MIXED["whole gaps"], dtype="Int64")
    frame["boolean"] = pd.array(MIXED["bool gaps"], dtype="boolean")
    frame["float32"] = np.round(RNG.normal(size=N), 1).astype("float32")
    frame["int8"] = RNG.integers(-100, 100, N).astype("int8")
    frame["category"] = pd.Categorical(
        MIXED["text gaps"], categories=["x", "red", "green", "blue"]
    )
    frame["ordered"] = pd.Categorical(WORDS, categories=["blue", "green", "red"], ordered=True)
    frame["bands"] = pd.cut(frame["real"], [-9, -1, 0, 1, 9])
    frame["pyarrow"] = pd.array(MIXED["text gaps"], dtype=pd.ArrowDtype(pa.string()))
    frame["decimal"] = pd.Series([Decimal(f"{v:.2f}") for v in MIXED["cents"]], dtype=object)
    return frame


def polars_frame():
    frame = pl.DataFrame(MIXED)
    return frame.with_columns(
        pl.Series("Categorical", MIXED["text gaps"], dtype=pl.Categorical),
        pl.Series("Enum", WORDS, dtype=pl.Enum(["blue", "white", "green", "red"])),
        pl.Series("zone", STAMPS).dt.replace_time_zone("Asia/Tokyo"),
        pl.Series("Decimal", [f"{v:.2f}" for v in MIXED["cents"]]).cast(pl.Decimal(12, 2)),
        pl.Series("Time", [s.time() for s in STAMPS]),
        pl.Series("UInt8", RNG.integers(0, 255, N), dtype=pl.UInt8),
        pl.Series("NaN", [float("nan") if g else 1.5 * i for i, g in enumerate(GAPS)]),
    )


def assert_same(back, frame):
    assert type(back) is type(frame)
    if isinstance(frame, pd.DataFrame):
        pd.testing.assert_frame_equal(back, frame, rtol=1e-9, atol=1e-12)
    elif isinstance(frame, pl.DataFrame):
        assert back.schema == frame.schema
        assert_frame_equal(back, frame, rel_tol=1e-9, abs_tol=1e-12)
    else:
        assert back.schema == frame.schema
        for name in frame.schema.names:
            if pa.types.is_floating(frame.schema.field(name).type):
                a, b = back[name].to_pandas(), frame[name].to_pandas()
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
            else:
                assert back[name].equals(frame[name]), name


FRAMES = {
    "pandas": pandas_frame,
    "polars": polars_frame,
    "pyarrow": lambda: pa.table(MIXED),
    "penguins pandas": lambda: load_penguins(as_frame="pandas"),
    "penguins polars": lambda: load_penguins(as_frame="polars"),
    "penguins pyarrow": lambda: load_penguins(as_frame="pyarrow"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_decoding_undoes_encoding(name):
    frame = FRAMES[name]()
    codec = TableCodec.fit(frame)
    y = codec.encode(frame)
    assert y.dtype == torch.float64
    assert y.shape == (len(frame), len(codec.coordinates))
    assert_same(codec.decode(y), frame)
    assert torch.isfinite(codec.log_jacobian(y)).all()


@pytest.mark.parametrize("name", FRAMES)
def test_json_rebuilds_the_codec(name):
    frame = FRAMES[name]()
    codec = TableCodec.fit(frame)
    text = json.dumps(codec.to_json(), allow_nan=False)
    again = TableCodec.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert again.coordinates == codec.coordinates
    assert again.schema == codec.schema
    assert torch.equal(again.encode(frame), codec.encode(frame))
    assert_same(again.decode(codec.encode(frame)), frame)


@pytest.mark.parametrize("name", FRAMES)
def test_any_point_decodes(name):
    codec = TableCodec.fit(FRAMES[name]())
    draws = torch.rand(200, len(codec.coordinates))
    for i, coordinate in enumerate(codec.coordinates):
        if coordinate.levels is not None:
            draws[:, i] = torch.floor(draws[:, i] * coordinate.levels)
    frame = codec.decode(draws.float())
    again = codec.decode(codec.encode(frame))
    assert_same(again, frame)


def test_numpy_arrays_keep_their_dtype():
    array = RNG.normal(size=(50, 3)).astype(np.float32)
    codec = TableCodec.fit(array)
    back = codec.decode(codec.encode(array))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, array, rtol=1e-6)
    assert codec.names == ("0", "1", "2")


def test_another_make_of_frame_encodes_alike():
    codec = TableCodec.fit(load_penguins())
    y = codec.encode(load_penguins())
    assert torch.equal(codec.encode(load_penguins(as_frame="polars")), y)
    assert torch.equal(codec.encode(load_penguins()[list(reversed(codec.schema.names))]), y)


def test_kinds_are_inferred():
    kinds = {c.name: c for c in TableCodec.fit(pandas_frame()).schema}
    expected = {
        "real": "number", "text": "nominal", "ordered": "ordered", "bands": "ordered",
        "bool": "boolean", "day": "date", "zone": "datetime", "delta": "timedelta",
        "decimal": "number", "pyarrow": "nominal",
    }  # fmt: skip
    assert {name: kinds[name].kind for name in expected} == expected
    assert kinds["cents"].step == 0.01
    assert kinds["whole"].integer
    assert kinds["few"].levels == 6
    assert kinds["few"].ordered
    assert kinds["zeros"].atoms == 1
    assert not kinds["constant"].modelled
    assert not kinds["nothing"].modelled
    assert kinds["constant gaps"].modelled


def test_ids_are_made_up_and_never_stored():
    names = [f"Passenger {i:05d} of Southampton" for i in range(N)]
    frame = pd.DataFrame({"name": names, "code": gaps(names), "x": range(N)})
    codec = TableCodec.fit(frame)
    assert codec.schema["name"].kind == "id"
    assert codec.names == ("code", "x")
    text = json.dumps(codec.to_json())
    assert "Southampton" not in text
    back = codec.decode(codec.encode(frame))
    assert back["name"].tolist()[:2] == ["name_1", "name_2"]
    assert back["name"].is_unique
    assert back["code"].isna().tolist() == GAPS.tolist()
    assert back.dtypes.equals(frame.dtypes)


def test_rows_of_a_real_column_are_not_stored():
    values = RNG.normal(size=2000)
    text = json.dumps(TableCodec.fit({"x": values}).to_json())
    stored = sum(repr(float(v)) in text for v in values)
    assert stored <= 2  # the two ends of the range


def test_integer_ids_can_be_declared():
    frame = pd.DataFrame({"key": RNG.permutation(N), "x": RNG.normal(size=N)})
    codec = TableCodec.fit(frame, columns={"key": Column(kind="id")})
    assert codec.names == ("x",)
    back = codec.decode(codec.encode(frame))
    assert back["key"].tolist() == list(range(1, N + 1))
    assert back["key"].dtype == frame["key"].dtype


WIDE = {
    "int64 beyond 2^53": np.array([2**62, 2**62 + 1, 2**62 + 3] * 4 + [2**62 + 9]),
    "uint64": np.array([2**64 - 1, 2**64 - 7, 2**64 - 100, 2**64 - 5], np.uint64),
    "ends of int64": np.array([-(2**63), 2**63 - 1, 0, 1, 17]),
    "ends of uint64": np.array([0, 2**64 - 1, 5, 12345], np.uint64),
    "hashes": RNG.integers(-(2**63), 2**63 - 1, 500),
    "nanoseconds": RNG.integers(0, 2**61, 500).astype("M8[ns]"),
    "near nanoseconds": (1_700_000_000_123_456_789 + RNG.integers(0, 10**9, 500)).astype("M8[ns]"),
}


@pytest.mark.parametrize("name", WIDE)
def test_wide_integers(name):
    values = WIDE[name]
    frame = {"x": values}
    codec = TableCodec.fit(frame)
    back = codec.decode(codec.encode(frame))["x"]
    assert back.dtype == values.dtype
    whole, again = (v.astype("int64") if v.dtype.kind == "M" else v for v in (values, back))
    span = int(whole.max()) - int(whole.min())
    error = max(abs(int(a) - int(b)) for a, b in zip(whole, again, strict=True))
    # Exact while the span is below 2^44 steps; else what float64 leaves of a level.
    assert error == 0 if span < 2**44 else error <= span * 1e-12
    drawn = codec.decode(torch.rand(300, len(codec.coordinates)))["x"]
    assert drawn.dtype == values.dtype


def test_ten_thousand_levels_in_bounded_memory():
    levels = np.array([f"level {i}" for i in range(10_000)], object)
    frame = pd.DataFrame({"c": pd.Categorical(levels[RNG.integers(0, 10_000, 50_000)])})
    tracemalloc.start()
    codec = TableCodec.fit(frame)
    y = codec.encode(frame)
    codec.decode(y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codec.coordinates[0].levels == frame["c"].nunique()
    assert peak < 30e6  # the table of one-hot codes would take 4 GB


def test_decoding_is_fast():
    frame = pandas_frame()
    codec = TableCodec.fit(frame)
    y = codec.encode(frame)
    y = y.repeat(25, 1)
    start = time.perf_counter()
    codec.decode(y)
    # 10,000 rows of 30 columns, on a machine that may be busy.
    assert time.perf_counter() - start < 1.5


def test_one_row_and_one_column():
    codec = TableCodec.fit({"x": [1.5], "c": ["a"]})
    assert codec.coordinates == ()
    assert codec.decode(torch.zeros(3, 0)) == {"x": [1.5] * 3, "c": ["a"] * 3}
    assert codec.encode({"x": [1.5], "c": ["a"]}).shape == (1, 0)


HUNDREDS = pa.array([100 * Decimal(v) for v in range(-60, 60)], pa.decimal128(5, -2))


@pytest.mark.parametrize("column", [None, Column(integer=True), Column(kind="nominal")])
@pytest.mark.parametrize("cells", [HUNDREDS, HUNDREDS[:1]], ids=["many", "one"])
def test_decimals_can_count_hundreds(cells, column):
    frame = pa.table({"x": cells, "y": RNG.normal(size=len(cells))})
    codec = TableCodec.fit(frame, columns={} if column is None else {"x": column})
    codec = TableCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert_same(codec.decode(codec.encode(frame)), frame)


def test_few_distinct_rows_are_not_taken_for_codes():
    codec = TableCodec.fit({"x": RNG.normal(size=30)})
    assert codec.coordinates[0].levels is None


BAD = {
    "empty": ({"x": []}, "Expected a frame with rows and columns; got 0 rows"),
    "no columns": (pd.DataFrame(index=range(3)), "got .* 0 columns"),
    "infinite": (
        {"x": [1.0, float("inf"), float("-inf")]},
        "finite numbers in column 'x'; got 2 infinite values. Replace",
    ),
    "lists": ({"x": [[1], [2]]}, "in column 'x'; got values of Arrow type list"),
    "bytes": ({"x": [b"a", b"b"]}, "Arrow type binary"),
    "long decimals": ({"x": [Decimal(10**20), Decimal(1)]}, "at most 18 digits"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused(name):
    frame, match = BAD[name]
    with pytest.raises(InputError, match=match):
        TableCodec.fit(frame)


def test_new_rows_must_fit_the_codec():
    codec = TableCodec.fit({"x": np.linspace(0, 1, 90), "c": ["a", "b"] * 45})
    with pytest.raises(UnknownNameError, match="'c' is lacking"):
        codec.encode({"x": [0.5]})
    with pytest.raises(InputError, match="known level in column 'c': 'a', 'b'; got 'q'"):
        codec.encode({"x": [0.5], "c": ["q"]})
    with pytest.raises(InputError, match=r"each cell of column 'x'.*got 1 missing"):
        codec.encode({"x": [None], "c": ["a"]})
    with pytest.raises(InputError, match=r"Expected y of shape \(rows, 2\); got \(3, 1\)"):
        codec.decode(torch.zeros(3, 1))
    with pytest.raises(InputError, match="got NaN"):
        codec.decode(torch.full((1, 2), torch.nan))
    with pytest.raises(FileFormatError, match="version 1"):
        TableCodec.from_json({"codec": "table", "version": 99})


def test_the_schema_prints_what_was_inferred():
    codec = TableCodec.fit(load_penguins())
    assert "body_mass_g        number, whole, step 25, 4 atoms, 0.581 % missing" in repr(codec)
    with pytest.raises(UnknownNameError, match=r"'species'.*got 'wings'"):
        codec.schema["wings"]
    with pytest.raises(UnknownNameError, match="modelled columns"):
        codec.index("wings")


def test_columns_are_found_without_a_search(monkeypatch):
    """What many columns would make slow: their bins are checked, and their names listed, once."""
    codec = TableCodec.fit(MIXED)
    for i, name in enumerate(codec.names):
        assert codec.index(name) == i
        assert codec.column(name).schema.name == name
        assert codec.column(name).coordinate == codec.coordinates[i]
    assert codec.column("constant").coordinate is None

    def again(*_):
        raise AssertionError("it was worked out, or looked for, again")

    for column in {type(column) for column in codec.columns}:
        monkeypatch.setattr(column, "coordinate", property(again))
    monkeypatch.setattr(Schema, "__getitem__", again)
    assert codec.coordinates is codec.coordinates
    assert codec.names is codec.names
    codec.encode_given({"real": 0.5, "constant": 3})
    for name in (0, ["real"], None):
        with pytest.raises(UnknownNameError, match="modelled columns"):
            codec.index(name)
    monkeypatch.undo()
    for name in (0, ["real"], None, "wings"):
        with pytest.raises(UnknownNameError, match=r"columns 'real', .*; got"):
            codec.column(name)


def test_missing_has_a_value_of_its_own():
    codec = TableCodec.fit(load_penguins())
    frame = to_arrow(load_penguins())
    y = codec.encode(load_penguins())
    for i, name in enumerate(codec.names):
        value = codec.column(name).missing_value
        gone = frame[name].is_null().to_numpy()
        if value is None:
            assert not gone.any()
        else:
            assert ((y[:, i] == value).numpy() == gone).all()
            assert ((y[:, i].float() == value).numpy() == gone).all()
