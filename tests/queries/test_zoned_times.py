"""A column with a time zone: what is answered can be given back, and asked about."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import qdist

START = pd.Timestamp("2020-01-01", tz="America/New_York")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model():
    seconds = pd.to_timedelta(RNG.integers(0, 10**7, 400), unit="s")
    waits = pd.to_timedelta(RNG.integers(0, 5000, 400), unit="s")
    frame = pd.DataFrame({"when": START + seconds, "wait": waits, "z": RNG.normal(size=400)})
    return qdist.TabularModel(max_steps=2, random_state=0).fit(frame)


def same(drawn, moment):
    return (drawn["when"] == pd.Timestamp(moment).tz_localize("UTC")).all()


def test_a_quantile_given_back_is_that_moment(model):
    (moment,) = model.quantile("when", 0.5)  # numpy's, in UTC
    assert same(model.sample(2, given={"when": moment}, random_state=0), moment)
    assert same(model.sample(given={"when": np.array([moment] * 3)}, random_state=0), moment)
    assert same(model.sample(2, given={"when": np.array([moment] * 3)}, random_state=0), moment)
    ranged = {"when": moment, "z": qdist.Range(0, None)}
    assert same(model.sample(2, given=ranged, random_state=0), moment)


def test_conditions_and_probabilities_read_times_alike(model):
    for day in (dt.date(2020, 2, 1), dt.datetime(2020, 2, 1), "2020-02-01"):
        drawn = model.sample(1, given={"when": day}, random_state=0)["when"][0]
        assert drawn == pd.Timestamp("2020-02-01", tz="America/New_York")
        assert model.cdf("when", day) == model.cdf("when", drawn)


def test_the_ends_of_times_can_be_asked_about(model):
    ends = model.quantile("wait", [0, 1])
    assert not np.isnat(ends).any()
    np.testing.assert_array_equal(model.cdf("wait", ends[0]), [[0, 1]])


def test_times_of_numpy_are_in_utc_in_every_question():
    seconds = RNG.integers(0, 10**5, 300)
    zoned = pa.array(seconds, pa.timestamp("s", "Asia/Tokyo"))
    numbers = RNG.normal(size=300)
    model = qdist.TabularModel(max_steps=5, random_state=0).fit({"when": zoned, "f": numbers})
    plain = np.array([0, 40_000], "datetime64[s]")
    moments = pa.array(plain).cast(pa.timestamp("s", "UTC"))
    frames = [{"when": when, "f": [0.0, 0.0]} for when in (plain, list(plain), moments)]
    asked = {
        "score_samples": lambda frame: model.score_samples(frame),
        "of what is known": lambda frame: model.score_samples(frame, nan="unknown"),
        "rosenblatt": lambda frame: model.rosenblatt(frame, random_state=0),
        "outliers": lambda frame: list(
            model.explain_outliers(frame, threshold=1.1)["probability"]
        ),
    }
    for name, ask in asked.items():
        first, second, third = map(ask, frames)
        assert list(map(str, first)) == list(map(str, third)), name
        assert list(map(str, second)) == list(map(str, third)), name


def test_features_and_rows_to_validate_by_are_in_utc_too():
    seconds = np.arange(0, 86_400, 400)
    zoned = pa.array(seconds, pa.timestamp("s", "Asia/Tokyo"))
    plain = seconds.astype("datetime64[s]")
    small = {
        "network_args": {"width": 8, "members": 2},
        "trees": 5,
        "forest": 0,
        "max_steps": 10,
        "copies": 1,
    }
    fits = [
        qdist.DistributionRegressor(random_state=0, **small).fit(
            {"when": zoned}, seconds / 1e4, X_val={"when": when}, y_val=seconds / 1e4
        )
        for when in (plain, zoned)
    ]
    assert fits[0].history_[0]["validation_loss"] == fits[1].history_[0]["validation_loss"]
    assert np.array_equal(fits[0].predict({"when": plain}), fits[1].predict({"when": zoned}))
    tables = [
        qdist.TabularModel(max_steps=5, random_state=0).fit(
            {"when": zoned, "f": seconds / 1e4}, X_val={"when": when, "f": seconds / 1e4}
        )
        for when in (plain, zoned)
    ]
    losses = [table.history_[0]["validation_loss"] for table in tables]
    assert losses[0] == losses[1]


def test_nanoseconds_are_asked_about_to_the_last_one():
    """Of few times each is a point mass, so that a time just before one is below it."""
    times = pd.Series(pd.to_datetime(np.arange(1, 4) * 1001, unit="ns").tz_localize("Asia/Tokyo"))
    frame = pd.DataFrame({"when": times.repeat(20), "z": RNG.normal(size=60)})
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    upto = model.cdf("when", times)
    assert upto[0, 2] == 1
    assert np.array_equal(upto, model.cdf("when", times.tolist()))
