"""Numbers, times and whole numbers, as users write them and as they come back."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import qdist


def test_times_and_ends(model):
    low, high = model.quantile("day", [0.0, 1.0])[0]
    assert low.astype("datetime64[Y]").astype(int) == 1 - 1970
    assert high.astype("datetime64[Y]").astype(int) == 9999 - 1970
    middle = model.quantile("day", 0.5)
    assert middle.dtype.kind == "M"
    assert model.cdf("day", middle[0]) >= 0.5
    assert model.cdf("day", pd.Timestamp("1999-01-01")) < 0.05
    assert model.quantile("number", [0.0, 1.0]).tolist() == [[-np.inf, np.inf]]


@pytest.mark.parametrize("few", [True, False], ids=["few values", "many values"])
def test_a_number_of_single_precision_is_the_one_that_is_meant(few):
    """0.1 in single precision is above the double 0.1, which a user types."""
    numbers = [0.1, 0.2, 0.3] if few else np.round(np.arange(300) * 0.01, 2)
    frame = pd.DataFrame({"f": np.tile(np.array(numbers, np.float32), 20)})
    model = qdist.TabularModel(max_steps=1, random_state=0).fit(frame)
    upto = model.cdf("f", [0.1, 0.2, 0.29])[0]
    assert (upto > 0).all()
    exact = model.cdf("f", np.array([0.1, 0.2, 0.29], np.float32).astype(float))[0]
    np.testing.assert_array_equal(upto, exact)
    held = model.quantile("f", [0.0, 1.0], given={"f": qdist.Range(0.1, 0.2)})[0]
    np.testing.assert_allclose(held, [0.1, 0.2], rtol=1e-6)


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_whole_numbers_that_no_float_holds_are_themselves(kind):
    # 2^60 + 1 and 2^60 + 2 are one and the same float.
    first = 2**60
    few = [first + 1, first + 2] * 20
    frame = pd.DataFrame({"few": np.array(few, kind), "other": range(40)})
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    below, one, both = model.cdf("few", [first, first + 1, first + 2])[0]
    assert below == 0
    assert one == pytest.approx(0.5, abs=0.2)
    assert both == 1
    drawn = model.sample(5, given={"few": qdist.Range(first + 2)}, random_state=0)
    assert drawn["few"].tolist() == [first + 2] * 5


RNG = np.random.default_rng(0)
NEAR = {
    # Values, the ends of their type on their grid, and beyond them.
    "grey": (np.clip(RNG.normal(128, 90, 500).round(), 1, 254).astype(np.uint8), 0, 255, 256),
    "threes": (
        (3 * np.clip(RNG.normal(0, 20, 500).round(), -42, 41)).astype(np.int8),  # -126 to 123
        -126,  # -129 and 129 are no int8
        126,
        128,
    ),
    "few days": (RNG.integers(-20_000, 20_000, 500).astype(np.int16), -(2**15), 2**15 - 1, 2**15),
}


@pytest.mark.parametrize("name", NEAR)
def test_numbers_end_where_their_type_does(name):
    values, low, high, beyond = NEAR[name]
    frame = pd.DataFrame({"x": values, "other": np.random.default_rng(1).normal(size=500)})
    frame["x"] = frame["x"].where(frame["x"] != 0, frame["x"].iloc[0])  # no value is frequent
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    rows = {"other": [0.0, 1.0]}
    law = model.predict_dist("x", given=rows)
    ends = torch.tensor([0.0, 1.0])[:, None]
    assert law.icdf(ends).T.tolist() == [[low, high]] * 2
    assert model.quantile("x", [0.0, 1.0], given=rows).tolist() == [[low, high]] * 2
    assert model.cdf("x", [low - 1, high, beyond], given=rows).tolist() == [[0.0, 1.0, 1.0]] * 2
    assert law.cdf(torch.tensor([[low - 1.0], [high]])).T.tolist() == [[0.0, 1.0]] * 2
    assert (model.cdf("x", [low, high - 1], given=rows) > 0).all()
    # However far out a level is, what is drawn lies on the grid and within the type.
    step = 3 if name == "threes" else 1
    for side in ((0.0, 1e-9), (1 - 1e-9, 1.0)):
        drawn = model.sample(20, tau_range=side, random_state=0)["x"].to_numpy().astype(int)
        assert ((drawn - int(values[0])) % step == 0).all()
        assert ((drawn >= low) & (drawn <= high)).all()


def test_no_quantile_of_unsigned_numbers_is_below_nought():
    counts = (
        np.random.default_rng(0).poisson(5000, 500).astype(np.uint16)
    )  # within a twentieth of their size
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(pd.DataFrame({"n": counts}))
    assert model.quantile("n", [0.0, 1.0]).tolist() == [[0.0, np.inf]]
    assert 4000 < model.quantile("n", 1e-4)[0] < 5000


def test_times_of_day_end_at_midnight():
    seconds = np.random.default_rng(0).integers(61, 86_011, 500)
    times = pa.array(seconds * 10**6, pa.int64()).cast(pa.time64("us"))
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(pa.table({"at": times}))
    assert model.quantile("at", 1.0)[0] == dt.time(23, 59, 59)
    assert model.cdf("at", dt.time(23, 59, 59)) == 1
    assert model.predict_dist("at").icdf(1.0).tolist() == [86_399.0]
    drawn = model.sample(50, tau_range=(1 - 1e-6, 1.0), random_state=0)["at"]
    assert all(time.as_py().microsecond == 0 for time in drawn)


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
def test_durations_of_numpy_are_in_their_own_unit(unit):
    rng = np.random.default_rng(0)
    waits = pd.to_timedelta(rng.exponential(size=300) * 5e3, unit="s").round("s")
    frame = pd.DataFrame({"wait": waits.astype(f"m8[{unit}]"), "x": rng.normal(size=300)})
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    levels = [0.1, 0.5, 0.9]
    answer = model.quantile("wait", levels)[0]
    found = model.cdf("wait", answer)[0]
    np.testing.assert_allclose(found, levels, atol=2 / 300)
    for same in (pd.Series(answer), list(answer), pd.to_timedelta(answer), answer.tolist()):
        if not isinstance(same, list) or not isinstance(same[0], int):  # tolist of ns: numbers
            np.testing.assert_array_equal(model.cdf("wait", same)[0], found)
    assert model.cdf("wait", answer[1])[0] == found[1]
    drawn = model.sample(20, given={"wait": qdist.Range(answer[0], answer[1])}, random_state=0)
    assert drawn["wait"].between(answer[0], answer[1]).all()


def test_a_range_of_zoned_times_is_kept_to():
    hours = pd.date_range("2024-05-01", periods=400, freq="37min", tz="Asia/Tokyo")
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(pd.DataFrame({"at": hours}))
    first, last = hours[100], hours[120]
    drawn = model.sample(20, given={"at": qdist.Range(first, last)}, random_state=0)["at"]
    assert drawn.between(first, last).all()
    assert drawn.dtype == hours.dtype


def test_zoned_times_come_in_utc_from_numpy_and_else_in_their_zone():
    hours = pd.date_range("2024-05-01", periods=400, freq="37min", tz="Asia/Tokyo")
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(pd.DataFrame({"at": hours}))
    levels = [0.25, 0.5, 0.9]
    times = model.quantile("at", levels)
    # One of 400 points of the grid has up to some 1/400; nine hours are 15 of them.
    np.testing.assert_allclose(model.cdf("at", times)[0], levels, atol=2 / 400)
    local = pd.DatetimeIndex(times[0], tz="UTC").tz_convert("Asia/Tokyo")
    np.testing.assert_array_equal(model.cdf("at", local), model.cdf("at", times))
    for series in (pl.Series, pa.array, pd.Series):
        np.testing.assert_array_equal(model.cdf("at", series(local)), model.cdf("at", times))
    assert model.cdf("at", pa.array(local)[0]) == model.cdf("at", times)[0, 0]
    plain = local.tz_localize(None).to_pydatetime().tolist()
    np.testing.assert_array_equal(model.cdf("at", plain), model.cdf("at", times))
