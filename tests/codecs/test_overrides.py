"""What the user says of a column beforehand, against what the data say."""

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec
from qdist.data.frames import to_arrow
from qdist.errors import InputError, UnknownNameError

N = 400
RNG = np.random.default_rng(7)
DAYS = [dt.date(2020, 1, 1) + dt.timedelta(int(d)) for d in RNG.integers(0, 900, N)]


def test_levels_that_never_occur_are_not_coded_unless_declared():
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 9, categories=["a", "b", "z"])})
    assert TableCodec.fit(frame).coordinates[0].levels == 2
    declared = TableCodec.fit(frame, columns={"c": Column(categories=["z", "b", "a"])})
    assert declared.coordinates[0].levels == 3
    assert declared.encode(frame)[:2, 0].tolist() == [2, 1]
    assert declared.decode(torch.zeros(1, 1))["c"].tolist() == ["z"]


def test_categories_can_be_days_of_numpy():
    days = pd.DataFrame({"d": [dt.date(2020, 1, 1), dt.date(2020, 1, 2)] * 9})
    said = Column(categories=np.array(["2020-01-02", "2020-01-01"], "M8[D]"))
    codec = TableCodec.fit(days, columns={"d": said})
    assert codec.encode(days)[:2, 0].tolist() == [1, 0]


@pytest.mark.parametrize("ordered", [True, False, None])
@pytest.mark.parametrize(
    "levels", [["open", "closed"], [3, 1], [True, False], DAYS[:1], [Decimal("1.5")]], ids=str
)
def test_categories_are_all_that_is_known_of_a_column_without_values(levels, ordered):
    frame = {"status": [None] * 50, "x": RNG.normal(size=50)}
    said = Column(categories=levels, ordered=ordered)
    codec = TableCodec.fit(frame, columns={"status": said})
    codec = TableCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert codec.schema["status"].kind == ("ordered" if ordered else "nominal")
    assert codec.coordinates[0].levels == len(levels) + 1
    y = codec.encode(frame)
    assert (y[:, 0] == codec.column("status").missing_value).all()
    assert codec.decode(y)["status"] == frame["status"]
    y, visible = codec.encode_given({"status": levels[0]})
    assert (y[0, 0], visible[0, 0]) == (0, True)
    assert codec.decode(y)["status"] == levels[:1]


WITHOUT_A_TYPE = {
    "pandas": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.from_arrow,
    "pyarrow": lambda table: table,
}


@pytest.mark.parametrize("make", WITHOUT_A_TYPE.values(), ids=WITHOUT_A_TYPE)
def test_levels_of_a_column_without_a_type_are_of_their_own(make):
    frame = make(pa.table({"status": pa.nulls(30), "x": np.arange(30)}))
    codec = TableCodec.fit(frame, columns={"status": Column(categories=["open", "closed"])})
    drawn = codec.decode(torch.tensor([[1.0, 0.5], [2.0, 0.5]]))
    assert to_arrow(drawn)["status"].to_pylist() == ["closed", None]


def test_ordered_text_is_declared_by_its_categories():
    frame = {"size": ["S", "L", "M", "S"] * 5}
    column = Column(categories=["S", "M", "L"], ordered=True)
    codec = TableCodec.fit(frame, columns={"size": column})
    assert codec.coordinates[0].ordered
    assert codec.encode(frame)[:4, 0].tolist() == [0, 2, 1, 0]
    with pytest.raises(InputError, match="known level in column 'size': 'S', 'M'; got 'L'"):
        TableCodec.fit(frame, columns={"size": Column(categories=["S", "M"])})


def test_numbers_can_be_declared_nominal():
    frame = {"zip": [10, 20, 10, 30] * 30, "f": [0.5, 1.5] * 60}
    columns = {"zip": Column(kind="nominal"), "f": Column(kind="ordered")}
    codec = TableCodec.fit(frame, columns=columns)
    assert [c.ordered for c in codec.coordinates] == [False, True]
    assert codec.decode(codec.encode(frame)) == frame
    with pytest.raises(InputError, match="got 40"):
        codec.encode_given({"zip": 40})


@pytest.mark.parametrize("integer", [True, False])
def test_bounds_are_never_exceeded(integer):
    values = RNG.integers(3, 900, N).astype(float) if integer else RNG.exponential(size=N)
    column = Column(lower=0, upper=1000, integer=integer)
    codec = TableCodec.fit({"x": values}, columns={"x": column})
    x = codec.decode(torch.linspace(0, 1, 10_001)[:, None])["x"]
    assert x.min() >= 0
    assert x.max() <= 1000
    assert x.min() < values.min()
    assert x.max() > values.max()
    if integer:
        assert np.array_equal(x, np.rint(x))
    with pytest.raises(InputError, match=r"in \[0.0, 1000.0\], the declared bounds of column 'x'"):
        codec.encode({"x": np.array([-1.0])})


def test_bounds_of_dates_and_decimals():
    day = Column(lower="2019-12-31", upper=dt.date(2024, 1, 1))
    codec = TableCodec.fit({"d": DAYS}, columns={"d": day})
    drawn = codec.decode(torch.linspace(0, 1, 999)[:, None])["d"]
    assert min(drawn) >= dt.date(2019, 12, 31)
    assert max(drawn) <= dt.date(2024, 1, 1)
    price = [Decimal(f"{v:.2f}") for v in RNG.exponential(50, N)]
    codec = TableCodec.fit({"p": price}, columns={"p": Column(lower=0, upper="500.005")})
    drawn = codec.decode(torch.linspace(0, 1, 999)[:, None])["p"]
    assert min(drawn) >= 0
    assert max(drawn) <= Decimal("500.00")


ZONED = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=N, freq="h", tz="Asia/Tokyo")})
LAST = ZONED["t"].iloc[-1]


@pytest.mark.parametrize(
    "bound",
    [
        LAST,
        LAST.to_datetime64(),
        np.datetime64(LAST.tz_convert("UTC").tz_localize(None), "h"),
        LAST.tz_localize(None).to_pydatetime(),  # in the zone of the column
        LAST.tz_localize(None).isoformat(),
    ],
    ids=["pandas", "numpy", "hours of numpy", "local", "local text"],
)
def test_bounds_of_a_column_with_a_zone(bound):
    codec = TableCodec.fit(ZONED, columns={"t": Column(upper=bound)})
    drawn = codec.decode(torch.linspace(0, 1, 999)[:, None])["t"]
    assert drawn.max() == LAST


def test_days_of_numpy_begin_in_greenwich():
    day = np.datetime64("2023-12-31", "D")
    codec = TableCodec.fit(ZONED, columns={"t": Column(lower=day)})
    drawn = codec.decode(torch.linspace(0, 1, 999)[:, None])["t"]
    assert drawn.min() == pd.Timestamp("2023-12-31 09:00", tz="Asia/Tokyo")
    levels = Column(categories=[day, np.datetime64("2024-01-01", "D")])
    days = pd.DataFrame({"t": pd.DatetimeIndex(["2023-12-31", "2024-01-01"] * 9, tz="UTC")})
    days["t"] = days["t"].dt.tz_convert("Asia/Tokyo")
    codec = TableCodec.fit(days, columns={"t": levels})
    assert codec.encode(days)[:2, 0].tolist() == [0, 1]


def test_a_real_view_of_whole_floats():
    values = np.rint(RNG.normal(size=N) * 1000)
    codec = TableCodec.fit({"x": values}, columns={"x": Column(integer=False)})
    x = codec.decode(torch.rand(100, 1))["x"]
    assert not np.array_equal(x, np.rint(x))
    with pytest.raises(InputError, match="declared as integer; got"):
        TableCodec.fit({"x": values + 0.5}, columns={"x": Column(integer=True)})


LONG = 1e14 * RNG.random(N)  # more than the 2^44 steps of a grid


@pytest.mark.parametrize("single", [False, True])
def test_whole_numbers_are_drawn_whole_however_far_they_span(single):
    values = np.rint(LONG).astype("float32" if single else "float64")
    values[:50] = np.arange(50)
    column = Column(integer=True, lower=-0.5, upper=1e14 + 1.5)
    codec = TableCodec.fit({"x": values}, columns={"x": column})
    x = codec.decode(torch.linspace(0, 1, 10_001)[:, None])["x"]
    assert np.array_equal(x, np.rint(x))
    assert x.min() == 0
    np.testing.assert_array_equal(codec.decode(codec.encode({"x": values}))["x"], values)


def test_whole_decimals_are_drawn_whole():
    values = [Decimal(f"{v:.0f}.00") for v in LONG]
    codec = TableCodec.fit({"x": values}, columns={"x": Column(integer=True, lower="-0.5")})
    x = codec.decode(torch.linspace(0, 1, 999)[:, None])["x"]
    assert all(v == int(v) for v in x)
    assert min(x) >= 0
    with pytest.raises(InputError, match=r"declared as integer; got 1.25 and 0 other"):
        TableCodec.fit({"x": [*values, Decimal("1.25")]}, columns={"x": Column(integer=True)})


BAD_COLUMNS = {
    "unknown": ({"z": Column()}, UnknownNameError, "out of .*; got 'z'"),
    "text as number": ({"c": Column(kind="number")}, InputError, "looks like 'nominal'"),
    "number as date": ({"x": Column(kind="date")}, InputError, "looks like 'number'"),
    "bound": ({"x": Column(lower="low")}, InputError, "bound of column 'x'"),
    "infinite bound": ({"x": Column(lower=float("-inf"))}, InputError, "finite bound"),
    "categories of two types": (
        {"c": Column(categories=["a", 1])},
        InputError,
        "one type .* in column 'c'; got 1 of type str, 1 of type int",
    ),
    "one value twice": (
        {"n": Column(categories=["1", "01", "2"])},
        InputError,
        r"different values of column .n., of type int64; got .'1', '01', '2'., of which some",
    ),
    "text for numbers that are all missing": (
        {"gap": Column(categories=["open", "closed"])},
        InputError,
        "of type double in column .gap.; got 'open'",
    ),
    "text for a number that is missing": (
        {"x": Column(categories=["0", "nan"])},
        InputError,
        "of which some are the same or missing. Name each once",
    ),
    "no time for a bound": (
        {"t": Column(lower=np.datetime64("NaT", "s"))},
        InputError,
        "bound of column .t. of its own type",
    ),
    "outside": ({"x": Column(lower=10)}, InputError, "got 20 outside, the first"),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_contradicting_overrides_are_refused(name):
    columns, error, match = BAD_COLUMNS[name]
    frame = {
        "x": np.linspace(0, 1, 20),
        "c": ["a", "b"] * 10,
        "n": [1, 2] * 10,
        "t": DAYS[:20],
        "gap": np.full(20, np.nan),
    }
    with pytest.raises(error, match=match):
        TableCodec.fit(frame, columns=columns)
