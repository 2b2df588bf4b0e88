"""What the user says of a column beforehand, against what the data say."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec
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


def test_a_real_view_of_whole_floats():
    values = np.rint(RNG.normal(size=N) * 1000)
    codec = TableCodec.fit({"x": values}, columns={"x": Column(integer=False)})
    x = codec.decode(torch.rand(100, 1))["x"]
    assert not np.array_equal(x, np.rint(x))
    with pytest.raises(InputError, match="declared as integer; got"):
        TableCodec.fit({"x": values + 0.5}, columns={"x": Column(integer=True)})


BAD_COLUMNS = {
    "unknown": ({"z": Column()}, UnknownNameError, "out of 'x', 'c'; got 'z'"),
    "text as number": ({"c": Column(kind="number")}, InputError, "looks like 'nominal'"),
    "number as date": ({"x": Column(kind="date")}, InputError, "looks like 'number'"),
    "bound": ({"x": Column(lower="low")}, InputError, "bound of column 'x'"),
    "infinite bound": ({"x": Column(lower=float("-inf"))}, InputError, "finite bound"),
    "categories of two types": (
        {"c": Column(categories=["a", 1])},
        InputError,
        "one type .* in column 'c'; got 1 of type str, 1 of type int",
    ),
    "outside": ({"x": Column(lower=10)}, InputError, "got 20 outside, the first"),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_contradicting_overrides_are_refused(name):
    columns, error, match = BAD_COLUMNS[name]
    frame = {"x": np.linspace(0, 1, 20), "c": ["a", "b"] * 10}
    with pytest.raises(error, match=match):
        TableCodec.fit(frame, columns=columns)
