"""Numbers and local times given for columns of times: in the units that laws have."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import qdist
from qdist.codecs.conform import conform
from qdist.errors import InputError

SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("numbers", "kind", "expected"),
    [
        ([90, None], pa.duration("us"), [90 * SECOND, None]),
        ([1.5], pa.duration("ms"), [1.5 * SECOND]),
        ([-2], pa.duration("s"), [-2 * SECOND]),
        ([43_200], pa.time64("us"), [dt.time(12)]),
        ([43_200], pa.time32("s"), [dt.time(12)]),
        ([86_400.25], pa.timestamp("us"), [dt.datetime(1970, 1, 2, 0, 0, 0, 250_000)]),
        ([3], pa.date32(), [dt.date(1970, 1, 4)]),
        ([3], pa.date64(), [dt.date(1970, 1, 4)]),
    ],
    ids=str,
)
def test_numbers_are_seconds_and_days(numbers, kind, expected):
    assert conform(pa.array(numbers), kind, "t").to_pylist() == expected


def test_short_integers_have_room():
    found = conform(pa.array([100], pa.int8()), pa.timestamp("ns"), "t")
    assert found.to_pylist()[0] == pd.Timestamp("1970-01-01 00:01:40")


@pytest.mark.parametrize("number", [2**62, 1e300, np.inf], ids=str)
def test_what_has_no_place_is_refused(number):
    with pytest.raises(InputError, match="Expected values of type duration"):
        conform(pa.array([number]), pa.duration("us"), "wait")


def test_a_local_time_is_one_of_the_columns_zone():
    kind = pa.timestamp("us", tz="America/New_York")
    found = conform(pa.array([dt.datetime(2024, 6, 10)]), kind, "t")
    assert found.to_pylist()[0].isoformat() == "2024-06-10T00:00:00-04:00"
    # In the hour that there was twice, the first; in the one that there was not, its end.
    twice = conform(pa.array([dt.datetime(2024, 11, 3, 1, 30)]), kind, "t")
    assert twice.to_pylist()[0].utcoffset() == dt.timedelta(hours=-4)
    conform(pa.array([dt.datetime(2024, 3, 10, 2, 30)]), kind, "t")


def test_two_routes_to_the_probability_of_an_hour(tmp_path):
    rng = np.random.default_rng(0)
    wait = pd.to_timedelta(rng.exponential(3600, 200).round(), unit="s")
    model = qdist.TabularModel(
        max_steps=3, members=1, backbone_args={"width": 8, "blocks": 1}, random_state=0
    ).fit(pd.DataFrame({"wait": wait, "x": rng.normal(size=200)}))
    hour = float(model.predict_dist("wait").cdf(3600.0))
    assert model.cdf("wait", 3600)[0] == pytest.approx(hour, abs=1e-6)
    assert model.cdf("wait", pd.Timedelta("1h"))[0] == pytest.approx(hour, abs=1e-6)
    given = model.sample(2, given={"wait": 90}, random_state=0)
    assert (given["wait"] == pd.Timedelta("90s")).all()
    late = model.sample(50, given={"wait": qdist.Range(3600, None)}, random_state=0)
    assert (late["wait"] >= pd.Timedelta("1h")).all()


ZONED = pa.timestamp("us", "America/New_York")


@pytest.mark.parametrize(
    "value",
    [dt.date(2020, 2, 1), dt.datetime(2020, 2, 1), "2020-02-01", "2020-02-01T05:00:00Z"],
    ids=["day", "local time", "text", "text with its zone"],
)
def test_days_and_text_are_of_the_columns_zone_too(value):
    # Midnight in New York is five hours after that of Greenwich, in winter.
    (found,) = conform(pa.array([value]), ZONED, "when").cast(pa.timestamp("us", "UTC"))
    assert found.as_py() == dt.datetime(2020, 2, 1, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize("number", [2, -3, 0.5])
def test_a_boolean_is_no_other_number(number):
    assert conform(pa.array([1, 0, None]), pa.bool_(), "b").to_pylist() == [True, False, None]
    with pytest.raises(InputError, match=rf"True or False, 1 or 0, in column 'b'; got {number}"):
        conform(pa.array([number]), pa.bool_(), "b")
