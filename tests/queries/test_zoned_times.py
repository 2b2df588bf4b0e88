"""A column with a time zone: what is answered can be given back, and asked about."""

import datetime as dt

import numpy as np
import pandas as pd
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
