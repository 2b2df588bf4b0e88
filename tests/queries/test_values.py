"""Numbers, times and whole numbers, as users write them and as they come back."""

import numpy as np
import pandas as pd
import pytest

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


def test_small_whole_numbers_end_where_their_type_does():
    rng = np.random.default_rng(0)
    grey = np.clip(rng.normal(128, 90, 500).round(), 1, 254).astype(np.uint8)
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(pd.DataFrame({"grey": grey}))
    assert model.quantile("grey", [0.0, 1.0]).tolist() == [[0.0, 255.0]]
    assert model.cdf("grey", [-1, 255, 300]).tolist() == [[0.0, 1.0, 1.0]]
    assert 0 < model.cdf("grey", 0)[0] < model.cdf("grey", 254)[0] < 1
    rows = {"other": [None, None]}
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(
        pd.DataFrame({"grey": grey, "other": rng.normal(size=500)})
    )
    each = model.cdf("grey", [[-1, 100], [254, 255]], given=rows)
    assert each[:, 0].tolist()[0] == 0
    assert each[1, 1] == 1
    assert 0 < each[0, 1] < each[1, 0] < 1


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
    plain = local.tz_localize(None).to_pydatetime().tolist()
    np.testing.assert_array_equal(model.cdf("at", plain), model.cdf("at", times))
