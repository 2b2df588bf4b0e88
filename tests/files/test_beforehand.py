"""Codecs of tables that no file could hold are told apart before anything is trained."""

import numpy as np
import pandas as pd
import pytest

from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.files import check_codec, description, parts, room

LONG = "x" * 100_001
WORLD = {"size": np.arange(60.0), "key": ["a", "b"] * 30}
BAD = {
    "a long level": ({**WORLD, "note": [LONG, "b"] * 30}, "note", "text of at most 100000"),
    "a long constant": ({**WORLD, "note": [LONG] * 60}, "note", "text of at most 100000"),
    "a long name": ({"n" * 10_001: [1, 2] * 30}, "nnnn", "Expected text of at most 10000"),
    "a long category": (
        pd.DataFrame(WORLD).assign(note=pd.Categorical(["b"] * 60, ["b", LONG])),
        "note",
        "frame.columns.2..categories.values.1. of the model's description; got 'xx",
    ),
}


@pytest.mark.parametrize(("frame", "name", "words"), BAD.values(), ids=BAD)
def test_a_column_that_no_file_holds_is_named(frame, name, words):
    with pytest.raises(InputError, match=rf"can hold; got '{name}.* \(.*{words}.*Shorten") as told:
        check_codec(TableCodec.fit(frame))
    assert "'size'" not in str(told.value)


def test_what_columns_share_is_told_of_the_frame():
    frame = pd.DataFrame(WORLD).rename_axis(LONG)
    with pytest.raises(
        InputError, match=r"got another \(.*codec.frame.index.names.0. of .*an index"
    ):
        check_codec(TableCodec.fit(frame))


@pytest.mark.parametrize("unit", ["bytes", "entries"])
def test_a_table_that_is_too_large_names_its_largest_column(monkeypatch, unit):
    codec = TableCodec.fit({**WORLD, "wide": np.random.default_rng(0).normal(size=60)})
    text = description.to_text(codec.to_json())
    if unit == "bytes":
        monkeypatch.setitem(parts.MOST_BYTES, parts.DESCRIPTION, len(text) - 1)
    else:
        monkeypatch.setattr(room, "MOST_ENTRIES", description.count_entries(text) - 1)
    with pytest.raises(InputError, match=rf"got a description of .* {unit}, .*all 'wide', or rar"):
        check_codec(codec)


def test_what_a_file_holds_passes():
    check_codec(TableCodec.fit(WORLD))
    check_codec(TableCodec.fit(pd.DataFrame(WORLD)))
