"""Two frames of any make, lined up column by column."""

import datetime as dt
import itertools
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from qdist.data.pairs import pair_columns
from qdist.errors import InputError

ZONED = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

COLUMNS = {
    "x": [1.5, None, 3.0],
    "n": [1, 2, None],
    "b": [True, None, False],
    "s": ["u", "v", None],
    "t": [dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 3)],
}
KINDS = {"x": "number", "n": "number", "b": "category", "s": "category", "t": "time"}
MAKES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "dict": dict,
}


@pytest.mark.parametrize("first", MAKES.values(), ids=MAKES.keys())
@pytest.mark.parametrize("second", MAKES.values(), ids=MAKES.keys())
def test_any_make_against_any_other(first, second):
    for pair in pair_columns(first(COLUMNS), second(COLUMNS), first(COLUMNS)):
        assert pair.kind == KINDS[pair.name]
        np.testing.assert_array_equal(pair.real, pair.synthetic)
        np.testing.assert_array_equal(pair.real, pair.train)
        np.testing.assert_array_equal(pair.missing[0], [v is None for v in COLUMNS[pair.name]])


def test_numpy_arrays():
    (a, b) = pair_columns(np.array([[1.0, np.nan]]), np.array([[2.0, 3.0], [4.0, 5.0]]))
    assert [a.name, b.name] == ["0", "1"]
    assert np.isnan(b.real).tolist() == [True]
    assert b.synthetic.tolist() == [3.0, 5.0]


def test_the_order_of_columns_is_that_of_the_real_frame():
    pairs = pair_columns({"a": [1], "b": [2]}, {"b": [20], "a": [10]})
    assert [(p.name, p.real[0], p.synthetic[0]) for p in pairs] == [("a", 1, 10), ("b", 2, 20)]


@pytest.mark.parametrize(
    "other",
    [
        pd.DataFrame({"a": ["y", "x"]}),
        pd.DataFrame({"a": pd.Categorical(["y", "x"], categories=["z", "y", "x"])}),
        pl.DataFrame({"a": pl.Series(["y", "x"], dtype=pl.Enum(["y", "x"]))}),
        pa.table({"a": pa.array(["y", "x"]).dictionary_encode()}),
    ],
)
def test_levels_are_shared_whatever_holds_them(other):
    (pair,) = pair_columns({"a": ["x", "y", "w"]}, other)
    assert [pair.levels[k] for k in pair.real] == ["x", "y", "w"]
    assert [pair.levels[k] for k in pair.synthetic] == ["y", "x"]


def test_categories_of_numbers_meet_plain_numbers():
    coded = pd.DataFrame({"a": pd.Categorical([3, 1, None])})
    (pair,) = pair_columns(coded, pd.DataFrame({"a": [1, 1, 3]}))
    assert pair.levels == ("1", "3")
    assert (pair.real.tolist(), pair.synthetic.tolist()) == ([1, 0, 2], [0, 0, 1])


def test_units_and_types_of_numbers_do_not_matter():
    real = pa.table(
        {
            "t": pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("ns")),
            "d": pa.array([Decimal("1.50")]),
            "l": pa.array([dt.timedelta(seconds=2)], pa.duration("s")),
            "h": pa.array([dt.time(1)], pa.time32("s")),
        }
    )
    other = pa.table(
        {
            "t": pa.array([dt.date(2020, 1, 1)]),
            "d": pa.array([1.5]),
            "l": pa.array([dt.timedelta(seconds=2)], pa.duration("ns")),
            "h": pa.array([dt.time(1)], pa.time64("ns")),
        }
    )
    pairs = pair_columns(real, other)
    assert [p.kind for p in pairs] == ["time", "number", "number", "number"]
    for pair in pairs:
        np.testing.assert_array_equal(pair.real, pair.synthetic)


def test_times_of_any_two_zones_are_the_same_moments():
    tokyo = ZONED.astimezone(dt.timezone(dt.timedelta(hours=9)))
    (pair,) = pair_columns({"a": [ZONED]}, {"a": [tokyo]})
    assert pair.kind == "time"
    np.testing.assert_array_equal(pair.real, pair.synthetic)


def test_a_column_that_says_nothing_takes_the_other_ones_kind():
    (pair,) = pair_columns({"a": ["x", "y"]}, {"a": [None, None]})
    assert pair.kind == "category"
    assert pair.missing[1].all()
    (pair,) = pair_columns({"a": [None]}, {"a": [None]})
    assert pair.missing[0].all()


def test_text_that_names_rows_is_not_compared_by_spelling():
    names = [f"row {k}" for k in range(40)]
    (pair,) = pair_columns({"a": [*names, "twice", "twice", None]}, {"a": ["new", "newer"]})
    assert pair.kind == "id"
    assert np.bincount(pair.real).tolist() == [40, 2, 1]
    assert pair.synthetic.tolist() == [0, 0]
    # Names that come as categories are names, as the model takes them; numbers are not.
    (pair,) = pair_columns(pd.DataFrame({"a": pd.Categorical(names)}), {"a": ["new"]})
    assert pair.kind == "id"
    (pair,) = pair_columns(pd.DataFrame({"a": pd.Categorical(range(40))}), {"a": [3]})
    assert pair.kind == "category"


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (({"a": [1]}, {"b": [1]}), r"the synthetic frame lacks \['a'\] and adds \['b'\]"),
        (({"a": [1]}, {"a": []}), r"got a synthetic frame of shape \(0, 1\)"),
        (({"a": [1]}, {"a": [1]}, {"a": [1], "b": [1]}), r"the train frame .* adds \['b'\]"),
        (({"a": [1]}, {"a": ["1"]}), "Expected column 'a' to be of one kind.*got int64 and large"),
        (({"a": [True]}, {"a": [1.0]}), "Expected column 'a' to be of one kind"),
        *(
            (({"a": [one]}, {"a": [other]}), "'a' to be of one kind in every frame; got .* and ")
            for one, other in itertools.permutations(
                [1, dt.timedelta(1), dt.time(1), dt.datetime(2020, 1, 1), ZONED], 2
            )
        ),
        (({"a": [[1], [1, 2]]}, {"a": [[1]]}), "one value in each cell of column 'a'; got .*list"),
    ],
)
def test_frames_that_cannot_be_compared(frames, text):
    with pytest.raises(InputError, match=text):
        pair_columns(*frames)
