"""Dates asked about in the types in which they are answered."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import qdist

FIRST = dt.date(2020, 1, 1)


@pytest.fixture(scope="module")
def dated() -> qdist.TabularModel:
    days = [FIRST + dt.timedelta(days=k) for k in range(40)]
    frame = pl.DataFrame({"day": days, "x": np.arange(40.0)})
    return qdist.TabularModel(max_steps=2, random_state=0).fit(frame)


def test_quantiles_of_a_date_can_be_asked_about(dated):
    middle = dated.quantile("day", 0.5)
    assert middle.dtype == np.dtype("M8[D]")
    plain = dated.cdf("day", middle[0].item())
    for same in (middle, middle[0], list(middle), middle[0].astype("M8[s]"), str(middle[0])):
        assert dated.cdf("day", same) == plain
    assert plain >= 0.5


def test_a_range_of_dates_takes_them_too(dated):
    drawn = dated.sample(9, given={"day": qdist.Range(np.datetime64("2020-01-10"), None)})
    assert drawn["day"].min() >= dt.date(2020, 1, 10)


@pytest.mark.parametrize("unit", ["D", "h", "m", "s"])
def test_a_day_of_numpy_stands_beside_a_range(dated, unit):
    day = np.datetime64("2020-01-10", unit)
    drawn = dated.sample(3, given={"day": day, "x": qdist.Range(5.0, None)})
    assert drawn["day"].to_list() == [dt.date(2020, 1, 10)] * 3
    assert drawn["x"].min() >= 5.0


def test_columns_named_by_numbers_stand_beside_a_range():
    frame = pd.DataFrame({0: pd.date_range("2020-01-01", periods=40), 1: np.arange(40.0)})
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    day = np.datetime64("2020-01-10", "s")
    drawn = model.sample(3, given={0: day, 1: qdist.Range(5.0, None)})
    assert (drawn[0] == day).all()
    assert (drawn[1] >= 5.0).all()


def test_dates_beside_times_keep_their_own_range():
    """As nanoseconds the ends of dates would lie outside of 64 bits."""
    stamps = pd.date_range("2020-01-01", periods=40).as_unit("ns").to_numpy()
    frame = pl.DataFrame({"day": stamps.astype("M8[D]"), "at": stamps})
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    both = model.quantile(["day", "at"], [0.0, 1.0])
    assert both[0, 0].tolist() == model.quantile("day", [0.0, 1.0])[0].tolist()
    assert both[0, 0, 1] > np.datetime64("2262-12-31")
