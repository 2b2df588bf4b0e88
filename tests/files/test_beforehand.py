"""Codecs of tables that no file could hold are told apart before anything is trained."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.files import check_codec, check_regression, description, parts, room
from qdist.regression.features import FeatureCodec

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


FEATURES = {
    "a long level": ({**WORLD, "note": [LONG, "b"] * 30}, "'note' .*text of at most 100000"),
    "a long name": ({**WORLD, "n" * 10_001: [1, 2] * 30}, "'nnnn.*text of at most 10000"),
    "a long name of a constant": ({**WORLD, "n" * 10_001: [1] * 60}, "'nnnn.*of at most 10000"),
}


@pytest.mark.parametrize(("table", "words"), FEATURES.values(), ids=FEATURES)
def test_a_feature_that_no_file_holds_is_named(table, words):
    with pytest.raises(InputError, match=rf"Expected features .* can hold; got {words}.*Short"):
        check_regression(FeatureCodec.fit(pa.table(table)))
    check_regression(FeatureCodec.fit(pa.table(WORLD)))


def test_features_that_are_too_large_together(monkeypatch):
    codec = FeatureCodec.fit(pa.table(WORLD))
    size = len(description.to_text(codec.to_json()))
    monkeypatch.setitem(parts.MOST_BYTES, parts.DESCRIPTION, size - 1)
    with pytest.raises(InputError, match=r"Expected features .* got a description of .*Drop some"):
        check_regression(codec)


def test_what_a_file_holds_passes():
    check_codec(TableCodec.fit(WORLD))
    check_codec(TableCodec.fit(pd.DataFrame(WORLD)))
