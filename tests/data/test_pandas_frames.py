"""Frames of pandas whose dtypes pandas itself cannot read back from their names."""

import datetime as dt
import json
import time

import numpy as np
import pandas as pd
import pytest
import torch
from dateutil import tz

from qdist.codecs.table import TableCodec
from qdist.data.frames import describe, restore, to_arrow
from qdist.data.makes.pandas_index import describe_index, restore_index
from qdist.errors import InputError
from qdist.files.frames import check_frame

ZONES = {
    "utc": tz.tzutc(),
    "file": tz.gettz("Europe/Paris"),
    "offset": tz.tzoffset(None, 3600),
}


@pytest.mark.parametrize("zone", ZONES.values(), ids=ZONES)
def test_zones_of_dateutil_come_back_under_their_names(zone):
    times = pd.date_range("2024-03-30", periods=3, tz=zone)
    frame = pd.DataFrame({"t": times, "c": pd.Categorical(times)}, index=times)
    note = json.loads(json.dumps(describe(frame)))
    check_frame(note, "the note")
    back = restore(to_arrow(frame), note)
    for name in frame:
        assert [str(t) for t in back[name]] == [str(t) for t in frame[name]]
    assert back.index.dtype == back["t"].dtype


@pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ns]"])
def test_an_index_of_times_has_room_for_many_rows(kind):
    """Of days there are 106,751 from 1970 on that nanoseconds can count."""
    index = pd.Index(np.arange(3), dtype="int64").astype(kind)
    two = pd.MultiIndex.from_arrays([[1, 2, 3], index])
    for one in (index, two):
        many = restore_index(describe_index(one), 150_000)
        assert many.is_unique
        assert many.get_level_values(-1).dtype == kind


def test_a_level_without_end_is_drawn():
    x = np.random.default_rng(0).normal(size=90)
    frame = pd.DataFrame({"x": x, "band": pd.cut(x, [-np.inf, 0, 1, np.inf])})
    codec = TableCodec.fit(frame)
    codec = TableCodec.from_json(json.loads(json.dumps(codec.to_json(), allow_nan=False)))
    drawn = codec.decode(torch.tensor([[0.5, 0.0], [0.5, 2.0]], dtype=torch.float64))
    assert drawn["band"].dtype == frame["band"].dtype
    assert drawn["band"].tolist() == [pd.Interval(-np.inf, 0), pd.Interval(1, np.inf)]


NAMELESS = {
    "no zone": tz.tzoffset("GMT+1", 3600),
    "another zone": tz.tzoffset("CET", 3600),  # that of the name has summer time
    "seconds": dt.timezone(dt.timedelta(seconds=3601)),
}


@pytest.mark.parametrize("zone", NAMELESS.values(), ids=NAMELESS)
def test_a_zone_that_no_name_leads_to_is_refused(zone):
    times = pd.date_range("2024-03-30", periods=3, tz=zone)
    with pytest.raises(
        InputError, match=f"known by its name.* in column 't'; got {repr(zone)[:5]}"
    ):
        describe(pd.DataFrame({"t": times}))
    with pytest.raises(InputError, match=r"known by its name.* in column 'index'"):
        describe(pd.DataFrame({"x": [1, 2, 3]}, index=times))
    with pytest.raises(InputError, match=r"known by its name.* in column 't'"):
        to_arrow(pd.DataFrame({"t": times}))


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of the machine cannot be set")
def test_the_zone_of_the_machine_is_refused_where_it_has_no_name(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Paris")
        time.tzset()
        times = pd.date_range("2024-03-30", periods=3, tz=tz.tzlocal())
    try:
        for frame in (pd.DataFrame({"t": times}), pd.DataFrame({"x": [1, 2, 3]}, index=times)):
            with pytest.raises(InputError, match=r"known by its name.*; got tzlocal\(\)"):
                TableCodec.fit(frame)
    finally:
        time.tzset()
