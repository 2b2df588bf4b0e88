"""Names are ids whether they come as text or as categories: neither stored nor drawn."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qdist
from qdist.codecs.schema import Column
from qdist.codecs.table import TableCodec

NAMES = [f"Guest {k} of honour" for k in range(90)]
X = np.linspace(0, 1, 90)


def arrow_levels(values: list) -> pa.DictionaryArray:
    known = pa.array(list(dict.fromkeys(values)))
    codes = [list(known.to_pylist()).index(v) for v in values]
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), known)


MAKES = {
    "pandas": lambda v: pd.DataFrame({"n": pd.Categorical(v), "x": X}),
    "pandas of arrow": lambda v: pd.DataFrame(
        {"n": pd.arrays.ArrowExtensionArray(pa.chunked_array([arrow_levels(v)])), "x": X}
    ),
    "polars": lambda v: pl.DataFrame({"n": pl.Series(v, dtype=pl.Categorical), "x": X}),
    "pyarrow": lambda v: pa.table({"n": arrow_levels(v), "x": X}),
}


def cells(frame) -> list:
    return pa.array(frame["n"]).to_pylist() if isinstance(frame, pa.Table) else list(frame["n"])


@pytest.mark.parametrize("make", MAKES)
def test_categories_of_names_are_ids(make, tmp_path):
    frame = MAKES[make](NAMES)
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    assert model.schema_["n"].kind == "id"
    model.save(tmp_path / "m.qdist")
    assert b"honour" not in (tmp_path / "m.qdist").read_bytes()
    model = qdist.load(tmp_path / "m.qdist")
    # More rows than indices of 8 bits can tell apart.
    drawn = model.sample(300, random_state=0)
    assert cells(drawn) == [f"n_{k}" for k in range(1, 301)]
    assert type(drawn) is type(frame)
    small = model.sample(5, random_state=0)
    if isinstance(frame, pa.Table):
        assert small.schema == frame.schema
        assert pa.types.is_dictionary(drawn.schema.field("n").type)
    elif isinstance(frame, pl.DataFrame):
        assert small["n"].dtype.base_type() == frame["n"].dtype.base_type()
    else:
        assert type(small["n"].dtype) is type(frame["n"].dtype)
    # Known names come back, and new ones are no error.
    known = MAKES[make]([*NAMES[1:], "Someone new"])
    assert cells(model.impute(known)) == cells(known)
    assert cells(model.sample(2, given={"n": "Someone else"})) == ["Someone else"] * 2


def test_missing_categories_of_an_id_are_modelled():
    frame = pd.DataFrame({"n": pd.Categorical([*NAMES[:80], *[None] * 10]), "x": X})
    codec = TableCodec.fit(frame)
    assert codec.names == ("n", "x")
    assert codec.decode(codec.encode(frame))["n"].isna().tolist() == [False] * 80 + [True] * 10


STATED = {
    "nominal": (Column(kind="nominal"), "nominal"),
    "ordered": (Column(kind="ordered"), "ordered"),
    "with an order": (Column(ordered=True), "ordered"),
    "without one": (Column(ordered=False), "nominal"),
    "by categories": (Column(categories=NAMES), "nominal"),
    "an id": (Column(kind="id"), "id"),
}


@pytest.mark.parametrize(("column", "kind"), STATED.values(), ids=STATED)
@pytest.mark.parametrize("make", ["pandas", "polars"])
def test_what_is_said_counts(make, column, kind):
    codec = TableCodec.fit(MAKES[make](NAMES), columns={"n": column})
    assert codec.schema["n"].kind == kind
    assert ("honour" in json.dumps(codec.to_json())) == (kind != "id")


def test_categories_can_be_declared_ids():
    frame = pd.DataFrame({"n": pd.Categorical([7, 8, 9] * 30), "x": X})
    codec = TableCodec.fit(frame, columns={"n": Column(kind="id")})
    assert codec.decode(codec.encode(frame))["n"].tolist() == list(range(1, 91))
    assert codec.decode(codec.encode(frame))["n"].cat.categories.dtype == np.int64


NO_NAMES = {
    "levels that are met again": (pd.Categorical(NAMES[:45] * 2), "nominal"),
    "ordered": (pd.Categorical(NAMES, ordered=True), "ordered"),
    "few": (pd.Categorical(["a"] * 80 + list("bcdefghijk")), "nominal"),
    "numbers": (pd.Categorical(range(90)), "nominal"),
    "intervals": (pd.cut(X, np.linspace(-0.1, 1.1, 300)), "ordered"),
    "intervals, unordered": (
        pd.Categorical(pd.IntervalIndex.from_breaks(range(91)), ordered=False),
        "nominal",
    ),
}


@pytest.mark.parametrize(("values", "kind"), NO_NAMES.values(), ids=NO_NAMES)
def test_other_categories_are_levels(values, kind):
    frame = pd.DataFrame({"n": values, "x": X})
    codec = TableCodec.fit(frame)
    assert codec.schema["n"].kind == kind
    pd.testing.assert_series_equal(codec.decode(codec.encode(frame))["n"], frame["n"])


def test_an_enum_is_a_list_that_was_stated_unless_it_is_said_to_be_names():
    frame = pl.DataFrame({"n": pl.Series(NAMES, dtype=pl.Enum(NAMES)), "x": X})
    assert TableCodec.fit(frame).schema["n"].kind == "ordered"
    codec = TableCodec.fit(frame, columns={"n": Column(kind="id")})
    assert "honour" not in json.dumps(codec.to_json())
    back = codec.decode(codec.encode(frame))["n"]
    assert back.dtype == pl.Enum
    assert back.to_list() == [f"n_{k}" for k in range(1, 91)]


ROW_NUMBERS = {
    "from 0": (np.arange(30), Column(), True),
    "in any order": (np.random.default_rng(0).permutation(30) + 7, Column(), True),
    "some missing": (pd.array([None, *range(30)], "Int64"), Column(), True),
    "whole floats": (np.arange(30.0), Column(integer=True), True),
    "declared": (np.arange(30), Column(kind="number"), False),
    "ids": (np.arange(30), Column(kind="id"), False),
    "few": (np.arange(20), Column(), False),
    "with a gap": (np.r_[np.arange(29), 30], Column(), False),
    "far apart": (np.r_[-(2**63), np.arange(29), 2**63 - 1], Column(), False),
    "one twice": (np.r_[np.arange(29), 28], Column(), False),
    "days": (pd.date_range("2024-01-01", periods=30).date, Column(), False),
}


@pytest.mark.parametrize(("cells", "said", "warned"), ROW_NUMBERS.values(), ids=ROW_NUMBERS)
def test_row_numbers_are_pointed_out(cells, said, warned, caplog):
    codec = TableCodec.fit(pd.DataFrame({"n": cells}), columns={"n": said})
    assert ("'n' looks like row numbers: declare Column(kind='id')" in caplog.text) == warned
    assert codec.schema["n"].kind == "number" or not warned  # it is for the user to say
