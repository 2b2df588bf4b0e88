"""Conditions through the whole model: what was given comes back exactly, in the right rows."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

import qdist
from qdist.codecs.schema import MISSING


def test_a_dict_holds_for_every_row(model):
    rows = model.sample(7, given={"a": 0.123456789, "colour": "blue"}, random_state=0)
    assert (rows["a"] == 0.123456789).all()
    assert (rows["colour"] == "blue").all()
    assert rows["b"].nunique() == 7


def test_what_lies_beyond_the_training_range_is_accepted(model):
    rows = model.sample(3, given={"a": 1e6, "age": -5}, random_state=0)
    assert (rows["a"] == 1e6).all()
    assert (rows["age"] == -5).all()
    assert np.isfinite(rows["b"]).all()


def test_missing_can_be_the_condition(model):
    assert model.sample(9, given={"gap": MISSING})["gap"].isna().all()
    assert MISSING is qdist.MISSING


def test_none_and_an_empty_dict_know_nothing(model):
    free = model.sample(5, random_state=0)
    for given in ({}, {"a": None}):
        assert_frame_equal(model.sample(5, given=given, random_state=0), free)


def test_a_frame_comes_back_cell_for_cell(model, frame):
    known = frame[["a", "colour", "day"]].sample(20, random_state=1)
    rows = model.sample(given=known, random_state=0)
    assert rows.index.equals(known.index)
    for name in known:
        assert_series_equal(rows[name], known[name])


def test_draws_of_a_row_are_adjacent_and_its_index_is_repeated(model, frame):
    known = frame[["a"]][:4].set_index(pd.Index(["i", "j", "k", "l"], name="key"))
    rows = model.sample(3, given=known, random_state=0)
    assert rows.index.tolist() == [key for key in "ijkl" for _ in range(3)]
    assert rows.index.name == "key"
    assert rows["a"].tolist() == np.repeat(known["a"], 3).tolist()
    assert rows["b"].nunique() == 12


def test_each_row_knows_what_it_knows(model, frame):
    known = frame[["a", "gap"]][:40].copy()
    known.loc[::2, "a"] = np.nan
    rows = model.sample(given=known, random_state=0)
    there = known["a"].notna()
    assert (rows["a"][there] == known["a"][there]).all()
    assert rows["a"].notna().all()  # a has no missing cells in the data: it is drawn
    # A missing gap is unknown by default and a value if we say so.
    gone = known["gap"].isna()
    assert not rows["gap"][gone].isna().all()
    rows = model.sample(given=known[["gap"]], nan="value", random_state=0)
    assert rows["gap"].isna().equals(gone)


MAKES = {
    "polars": lambda table: pl.from_pandas(table),
    "pyarrow": lambda table: pa.Table.from_pandas(table, preserve_index=False),
    "a dict of columns": lambda table: {name: table[name].tolist() for name in table},
    "named fields": lambda table: table.to_records(index=False).view(np.ndarray),
}


@pytest.mark.parametrize("convert", MAKES.values(), ids=MAKES)
def test_a_frame_of_another_make_is_a_condition_too(model, frame, convert):
    known = frame[["a", "age"]][:6]
    rows = model.sample(2, given=convert(known), random_state=0)
    assert isinstance(rows, pd.DataFrame)
    assert rows["a"].tolist() == np.repeat(known["a"], 2).tolist()
    expected = model.sample(2, given=known, random_state=0)
    assert_frame_equal(rows, expected.reset_index(drop=True))


def test_columns_of_a_matrix_go_by_their_number(small):
    a = np.random.default_rng(0).normal(size=(80, 3))
    model = small(max_steps=3).fit(a)
    rows = model.sample(4, given={"1": 0.5}, random_state=0)
    assert rows.shape == (4, 3)
    assert (rows[:, 1] == 0.5).all()
    assert np.array_equal(model.sample(given=a[:5, :2], random_state=0)[:, :2], a[:5, :2])


def test_ids_and_constants_can_be_given(small):
    table = {
        "name": [f"person {i}" for i in range(50)],
        "same": [3] * 50,
        "x": np.random.default_rng(0).normal(size=50),
    }
    model = small(max_steps=3).fit(table)
    rows = model.sample(2, given={"name": "somebody", "same": 3}, random_state=0)
    assert rows["name"] == ["somebody"] * 2
    assert rows["same"] == [3] * 2


def test_everything_can_be_given(model, frame):
    rows = model.sample(given=frame, nan="value", random_state=0)
    assert_frame_equal(rows, frame)


def test_a_row_is_drawn_alike_alone_and_among_others(model, frame):
    """What one row is given does not reach the next."""
    known = frame[["a"]][:10]
    together = model.sample(given=known, random_state=0)
    other = known.copy()
    other.iloc[1:] = 0.0
    assert_frame_equal(
        model.sample(given=other, random_state=0)[:1].drop(columns="day"),
        together[:1].drop(columns="day"),
        rtol=1e-4,
    )


@pytest.mark.parametrize("gone", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_a_cell_that_says_nothing_says_nothing_beside_a_range_too(model, gone):
    free = model.sample(40, given={"a": qdist.Range(0.0)}, random_state=0)
    assert 0 < free["gap"].isna().sum() < 40
    given = {"a": qdist.Range(0.0), "gap": gone}
    assert_frame_equal(model.sample(40, given=given, random_state=0), free)
    known = model.sample(40, given={**given, "gap": MISSING}, random_state=0)
    assert known["gap"].isna().all()


@pytest.mark.parametrize(
    "make", [list, tuple, np.array, pd.Series, pd.Index, pd.Categorical, pa.array, pl.Series]
)
def test_a_dict_of_columns_of_any_make_is_a_frame(model, make):
    colours = ["blue", "red", "blue"]
    expected = model.sample(2, given=pd.DataFrame({"colour": colours}), random_state=0)
    drawn = model.sample(2, given={"colour": make(colours)}, random_state=0)
    assert_frame_equal(drawn.reset_index(drop=True), expected.reset_index(drop=True))


def test_an_array_without_axes_is_a_value(model):
    drawn = model.sample(2, given={"a": np.array(0.5), "colour": np.array("blue")})
    assert drawn["a"].tolist() == [0.5, 0.5]


def test_columns_named_by_numbers_are_asked_by_numbers():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((40, 2)))
    columns = {0: qdist.Column(lower=-3)}
    model = qdist.TabularModel(max_steps=2, columns=columns, random_state=0).fit(frame)
    assert model.quantile(0, 0.0) == model.quantile("0", 0.0) == -3
    assert model.cdf(1, 0.5) == model.cdf("1", 0.5)
    assert list(model.sample(2)) == [0, 1]


def test_no_conditions_have_no_answers(model):
    none = pd.DataFrame({"colour": pd.Series([], dtype=object)})
    for column in ("a", "age", "day", "gap"):
        law = model.predict_dist(column, given=none)
        assert law.batch_shape == (0,)
        assert law.quantiles([0.1, 0.5]).shape == (0, 2)
        assert law.icdf(0.5).shape == (0,)
    assert model.cdf("a", np.zeros((0, 3)), given=none).shape == (0, 3)
    assert model.cdf("a", [1.0, 2.0], given=none).shape == (0, 2)
    assert model.quantile("a", [0.1, 0.2], given=none).shape == (0, 2)
