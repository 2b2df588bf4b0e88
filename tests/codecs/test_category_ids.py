"""Nearly unique text is an id as categories too: it is not learnt, not stored, and not drawn."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from qdist import Column
from qdist.codecs.table import TableCodec

NAMES = [f"person {i}" for i in range(60)]
GAPS = [name if i % 5 else None for i, name in enumerate(NAMES)]
MAKES = {
    "pandas": lambda names: pd.DataFrame({"who": pd.Series(names, dtype="category")}),
    "polars": lambda names: pl.DataFrame({"who": pl.Series(names).cast(pl.Categorical)}),
    "pyarrow": lambda names: pa.table({"who": pa.array(names).dictionary_encode()}),
}


def cells(frame):
    column = frame["who"]
    values = column.to_pylist() if isinstance(frame, pa.Table) else list(column)
    return [None if value is None or value != value else value for value in values]


@pytest.mark.parametrize("names", [NAMES, GAPS], ids=["full", "gaps"])
@pytest.mark.parametrize("make", MAKES)
def test_names_are_made_up_and_not_stored(make, names):
    frame = MAKES[make](names)
    codec = TableCodec.fit(frame)
    assert codec.schema["who"].kind == "id"
    assert "person" not in json.dumps(codec.to_json())
    again = TableCodec.from_json(codec.to_json())
    drawn = again.decode(again.encode(frame))
    assert type(drawn) is type(frame)
    missing = [name is None for name in names]
    assert cells(drawn) == [None if m else f"who_{i + 1}" for i, m in enumerate(missing)]
    # What is given stays as it is.
    assert cells(codec.decode(codec.encode(frame), given=frame))[1:5] == names[1:5]


def test_pandas_gets_categories_back():
    codec = TableCodec.fit(MAKES["pandas"](NAMES))
    drawn = codec.decode(codec.encode(MAKES["pandas"](NAMES)))
    assert isinstance(drawn["who"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize(
    "column", [Column(kind="nominal"), Column(categories=NAMES), Column(ordered=True)]
)
def test_what_the_user_says_comes_first(column):
    frame = MAKES["pandas"](NAMES)
    assert TableCodec.fit(frame, columns={"who": column}).schema["who"].kind != "id"


def test_ordered_levels_and_numbers_are_no_names():
    ordered = pd.Series(pd.Categorical(NAMES, categories=NAMES, ordered=True))
    frame = pd.DataFrame({"who": ordered, "n": pd.Series(range(60), dtype="category")})
    enum = pl.DataFrame({"who": pl.Series(NAMES).cast(pl.Enum(NAMES))})  # a list that was stated
    assert TableCodec.fit(enum).schema["who"].kind == "ordered"
    kinds = {c.name: c.kind for c in TableCodec.fit(frame).schema}
    assert kinds == {"who": "ordered", "n": "nominal"}


def test_common_levels_are_no_names():
    frame = MAKES["pandas"](["a", "b"] * 30 + NAMES[:40])
    assert TableCodec.fit(frame).schema["who"].kind == "nominal"


RARE = ["a", "b", "c"] * 20 + ["once", "twice", "twice"]
KNOWN = {
    "pandas": pd.DataFrame({"who": pd.Series(RARE, dtype="category")}),
    "numbers": pd.DataFrame({"who": pd.Series([1, 2, 3] * 20 + [7, 8, 8], dtype="category")}),
    "pyarrow": pa.table({"who": pa.array(RARE).dictionary_encode()}),
}


@pytest.mark.parametrize("make", KNOWN)
def test_known_cells_of_rare_levels_stay(make):
    frame = KNOWN[make]
    codec = TableCodec.fit(frame, min_level_count=3)
    shown = codec.decode(codec.encode(frame), given=frame)
    assert cells(shown) == cells(frame)
    # Rows that are drawn have the kept levels, and no others.
    drawn = set(cells(codec.decode(codec.encode(frame))))
    assert not drawn & {"once", "twice", 7, 8}


def test_unused_levels_stay_where_they_are():
    kind = pd.CategoricalDtype(["b", "a", "unused"])
    frame = pd.DataFrame({"who": pd.Series(["a", "b"] * 9, dtype=kind)})
    codec = TableCodec.fit(frame)
    assert codec.decode(codec.encode(frame), given=frame)["who"].dtype == kind
    assert np.array_equal(codec.decode(codec.encode(frame))["who"], frame["who"])
