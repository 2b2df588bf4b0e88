"""Frames of pandas whose dtypes pandas itself cannot read back from their names."""

import json

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


def test_a_zone_that_no_name_leads_to_is_refused():
    times = pd.date_range("2024-03-30", periods=3, tz=tz.tzoffset("GMT+1", 3600))
    with pytest.raises(InputError, match=r"known by its name.* in column 't'; got tzoffset\('GMT"):
        describe(pd.DataFrame({"t": times}))
