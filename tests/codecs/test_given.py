"""Conditions: what is known, what is refused, and that what was given comes back exactly."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from qdist.codecs.given import is_unknown, read_given
from qdist.codecs.schema import MISSING, Column
from qdist.codecs.table import TableCodec
from qdist.data.frames import to_arrow
from qdist.errors import InputError, UnknownNameError

N = 300
RNG = np.random.default_rng(3)


def make_frame():
    return pd.DataFrame(
        {
            "x": RNG.normal(size=N),
            "age": RNG.integers(18, 500, N),
            "gap": np.where(RNG.random(N) < 0.3, np.nan, RNG.normal(size=N)),
            "few": RNG.integers(0, 5, N),
            "colour": pd.Categorical(RNG.choice(["red", "blue"], N)),
            "day": pd.date_range("2020-01-01", periods=N, freq="h", tz="Europe/Paris"),
            "name": [f"person {i}" for i in range(N)],
            "same": 3,
        }
    )


FRAME = make_frame()
CODEC = TableCodec.fit(FRAME)


def test_a_dict_is_one_condition():
    y, visible = CODEC.encode_given({"age": 40, "colour": "red", "x": None, "gap": MISSING})
    assert y.shape == visible.shape == (1, 6)
    assert visible[0].tolist() == [False, True, True, False, True, False]
    assert y[0, 2] == CODEC.column("gap").missing_value
    assert y[0, 4] == CODEC.encode(FRAME)[FRAME["colour"] == "red"][0, 4]


def test_an_empty_dict_knows_nothing():
    _, visible = CODEC.encode_given({})
    assert visible.shape == (1, 6)
    assert not visible.any()


@pytest.mark.parametrize("masked", [np.ma.masked, np.ma.array([1, 0], mask=[1, 0])[0]])
def test_a_masked_value_is_unknown(masked):
    assert is_unknown(masked, "x")
    _, visible = CODEC.encode_given({"x": masked, "colour": masked})
    assert not visible.any()


def test_training_rows_encode_alike_as_conditions():
    known = FRAME.drop(columns=["name", "same"])
    y, visible = CODEC.encode_given(known, nan="value")
    assert visible.all()
    assert torch.equal(y, CODEC.encode(FRAME))


def test_missing_cells_of_a_frame_are_unknown_unless_told_otherwise():
    given = pd.DataFrame({"gap": [np.nan, 1.0], "age": [30, 40]})
    _, visible = CODEC.encode_given(given)
    assert visible[:, 2].tolist() == [False, True]
    y, visible = CODEC.encode_given(given, nan="value")
    assert visible[:, 2].tolist() == [True, True]
    assert y[0, 2] == CODEC.column("gap").missing_value
    with pytest.raises(InputError, match="each cell of column 'x'"):
        CODEC.encode_given(pd.DataFrame({"x": [np.nan]}), nan="value")


BAD = {
    "column": ({"colr": "red"}, UnknownNameError, "out of 'x', 'age'.*got 'colr'"),
    "level": ({"colour": "pink"}, InputError, "known level in column 'colour': 'blue', 'red'"),
    "text": ({"x": "tall"}, InputError, "type double in column 'x'; got 'tall'"),
    "fraction": ({"age": 40.5}, InputError, "type int64 in column 'age'; got 40.5"),
    "infinite": ({"x": float("inf")}, InputError, "got 1 infinite value"),
    "missing": ({"age": MISSING}, InputError, "column 'age'.*got 1 missing"),
    "object": ({"x": object()}, InputError, "1 of type object"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_conditions_are_refused(name):
    given, error, match = BAD[name]
    with pytest.raises(error, match=match):
        CODEC.encode_given(given)


def test_only_declared_bounds_are_refused():
    y, visible = CODEC.encode_given({"x": 1e30, "age": -5, "few": 99})
    assert visible.sum() == 3
    assert 0 < y[0, 0] < 1
    assert 0 < y[0, 1] < 1
    assert y[0, 3] == 4  # the nearest code
    bounded = TableCodec.fit(FRAME, columns={"age": Column(lower=0), "few": Column(upper=9)})
    bounded.encode_given({"age": 0, "few": 9})
    with pytest.raises(InputError, match="declared bounds of column 'age'"):
        bounded.encode_given({"age": -1})
    with pytest.raises(InputError, match="declared bounds of column 'few'"):
        bounded.encode_given({"few": 10})


def test_values_of_related_types_are_taken():
    stamp = pd.Timestamp("2020-01-02 05:00", tz="UTC")
    ways = [
        stamp,
        "2020-01-02T05:00:00Z",
        stamp.to_pydatetime(),
        dt.datetime(2020, 1, 2, 6),  # without a zone: that of the column, Paris
        np.datetime64("2020-01-02T05:00"),  # numpy has no zones: UTC
    ]
    codes = [CODEC.encode_given({"day": way})[0][0, 5] for way in ways]
    assert len(set(map(float, codes))) == 1
    assert CODEC.encode_given({"age": "40"})[0].equal(CODEC.encode_given({"age": 40.0})[0])
    assert CODEC.encode_given({"age": np.int8(40)})[1][0, 1]


@pytest.mark.parametrize("as_frame", ["pandas", "polars", "dict"])
def test_what_was_given_comes_back_exactly(as_frame):
    given = {
        "x": [0.1 + 0.2, 1e30, -7.0],
        "age": [10**9, 41, -3],
        "few": [77, 2, 3],
        "name": ["Ada", "Grace", "Emmy"],
        "same": [3, 4, 5],
        "colour": ["red", "blue", "red"],
    }
    made = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "dict": dict}[as_frame](given)
    y, visible = CODEC.encode_given(made)
    out = CODEC.decode(torch.where(visible, y, 0.5), given=made, visible=visible)
    for name, values in given.items():
        assert out[name].tolist() == values
    assert out.dtypes.equals(FRAME.dtypes)
    assert out.columns.equals(FRAME.columns)


def test_a_pandas_condition_lends_its_index():
    given = pd.DataFrame({"x": [1.0, np.nan]}, index=["p", "q"])
    y, visible = CODEC.encode_given(given)
    out = CODEC.decode(y + 0.5 * ~visible, given=given, visible=visible)
    assert out.index.tolist() == ["p", "q"]
    assert out["x"].iloc[0] == 1.0
    assert out["x"].iloc[1] != 1.0


def test_one_condition_serves_many_rows():
    _y, visible = CODEC.encode_given({"x": 1 / 3, "name": "Ada"})
    draws = torch.rand(5, 6)
    out = CODEC.decode(draws, given={"x": 1 / 3, "name": "Ada"})
    assert out["x"].tolist() == [1 / 3] * 5
    assert out["name"].tolist() == ["Ada"] * 5
    assert visible.sum() == 1
    with pytest.raises(InputError, match="one row or of 5; got 2"):
        CODEC.decode(draws, given=pd.DataFrame({"x": [1.0, 2.0]}))


def test_hidden_cells_are_not_overwritten():
    given = pd.DataFrame({"age": [30, 40]})
    visible = torch.zeros(2, 6, dtype=torch.bool)
    y = CODEC.encode(FRAME.iloc[:2])
    out = CODEC.decode(y, given=given, visible=visible)
    assert out["age"].tolist() == FRAME["age"].iloc[:2].tolist()


def test_dates_given_as_dates():
    frame = {"d": [dt.date(2020, 1, 1) + dt.timedelta(i) for i in range(100)]}
    codec = TableCodec.fit(frame)
    y, _ = codec.encode_given({"d": dt.date(2030, 5, 5)})
    assert codec.decode(y, given={"d": dt.date(2030, 5, 5)}) == {"d": [dt.date(2030, 5, 5)]}


def test_the_sentinel_prints_and_is_false():
    assert repr(MISSING) == "MISSING"
    assert not MISSING


def test_an_unknown_way_to_read_nan():
    with pytest.raises(InputError, match="'unknown' or 'value'; got 'keep'"):
        CODEC.encode_given({}, nan="keep")


def test_a_plain_number_beyond_63_bits_is_known_as_a_numpy_one_is():
    values = np.uint64(2**64 - 1) - np.arange(0, 9000, 3, dtype=np.uint64)
    codec = TableCodec.fit({"id": values, "x": np.arange(3000.0)})
    plain, typed = (codec.encode_condition({"id": v}) for v in (int(values[7]), values[7]))
    assert torch.equal(plain[0], typed[0])


def test_nanoseconds_of_a_condition_come_back():
    times = pd.Series(pd.date_range("2024-01-01", periods=300, freq="1234567891ns"))
    frame = pd.DataFrame({"t": times, "d": times - times[0], "x": np.arange(300.0)})
    for one in (frame, frame.assign(t=times.dt.tz_localize("Europe/Paris"))):
        codec = TableCodec.fit(one)
        given = {"t": one["t"].iloc[7], "d": one["d"].iloc[7]}
        drawn = codec.decode(codec.encode(one)[:2], given=given)
        assert drawn["t"].tolist() == [given["t"]] * 2
        assert drawn["d"].tolist() == [given["d"]] * 2


def test_two_names_that_are_one_as_text():
    codec = TableCodec.fit(RNG.normal(size=(50, 2)))
    with pytest.raises(InputError, match="Expected column names that differ; got 1, '1'"):
        codec.encode_condition({1: 1.0, "1": 2.0})


HALVES = {
    "pandas": pd.DataFrame,
    "pandas of Arrow": lambda v: pd.DataFrame({"v": pa.array(v["v"])}, dtype="halffloat[pyarrow]"),
    "Arrow": pa.table,
    "polars": lambda v: pl.from_arrow(pa.table(v)),
    "numpy": lambda v: v["v"].reshape(-1, 1),
    "big-endian": lambda v: {"v": v["v"].astype(">f2")},
}


def dtype_of(frame):
    """The dtype of the first column, of a frame of any make."""
    if isinstance(frame, pa.Table):
        return frame.schema.types[0]
    if isinstance(frame, pl.DataFrame | np.ndarray):
        return frame.dtypes[0] if isinstance(frame, pl.DataFrame) else frame.dtype
    return frame["v"].dtype


@pytest.mark.parametrize("make", HALVES.values(), ids=HALVES)
def test_half_precision_has_no_room_for_all_tails(make):
    """The codec works on longer floats, and the tail of values near the end goes beyond."""
    frame = make({"v": np.linspace(-65504, 65504, 3000).astype(np.float16)})
    codec = TableCodec.fit(frame)
    drawn = codec.decode(torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    ends = to_arrow(drawn).column(0).to_pylist()
    assert np.isfinite(ends).all()
    assert type(drawn) is type(frame)
    assert dtype_of(drawn) == dtype_of(frame)


@pytest.mark.parametrize("form", [lambda value: value, lambda value: [value]])
def test_values_that_arrow_cannot_read_are_told_in_words(form):
    with pytest.raises(InputError, match="finite numbers in column 'a'; got 1 infinite value"):
        read_given({"a": form(Decimal("inf"))}, {"a": pa.decimal128(5, 1)})
    with pytest.raises(InputError, match="text of valid Unicode in column 'a'"):
        read_given({"a": form("a\ud800")}, {"a": pa.large_string()})
