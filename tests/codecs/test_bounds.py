"""Declared bounds and the one level of a constant, as they are read and as they are given."""

import numpy as np
import pandas as pd
import pytest

import qdist
from qdist import Column
from qdist.codecs.table import TableCodec
from qdist.errors import InputError


def codec(**columns):
    frame = {"x": np.arange(40.0) * 1.37, "c": ["red"] * 40, "k": [5] * 40, "b": [True] * 40}
    return TableCodec.fit(frame, columns=columns)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"c": "blue"}, "one known level of column 'c', 'red'; got 'blue'"),
        ({"b": False}, "one known level of column 'b', True; got False"),
        ({"k": 99}, r"\[0, 10\], the declared bounds of column 'k'; got 1 outside"),
        ({"k": qdist.MISSING}, "Expected a value in each cell of column 'k'"),
        (pd.DataFrame({"c": ["red", "blue"]}), "one known level of column 'c'"),
    ],
    ids=["a level", "a boolean", "a number", "missing", "a frame"],
)
def test_a_condition_on_a_constant_is_checked(given, words):
    with pytest.raises(InputError, match=words):
        codec(k=Column(lower=0, upper=10)).encode_given(given)


@pytest.mark.parametrize("given", [{"c": "red", "b": True}, {"k": 7}, {"k": None}], ids=str)
def test_what_a_constant_can_be_is_taken(given):
    _, visible = codec(k=Column(lower=0, upper=10)).encode_given(given)
    assert not visible.any()  # there is nothing to learn from it


def test_bounds_have_the_precision_of_their_column():
    values = np.tile(np.array([0.1, 0.05, 0.07], np.float32), 30)
    fitted = TableCodec.fit({"f": values}, columns={"f": Column(upper=0.1)})
    _, visible = fitted.encode_given({"f": 0.1})
    assert visible.all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bound", [1e30, 3e38, 1e300])
@pytest.mark.parametrize("rounded", [True, False])
def test_far_bounds_of_real_numbers_bound_nothing(dtype, bound, rounded):
    """On a grid too, where 1e30 is more steps than a whole number of 64 bits holds."""
    values = (np.arange(300) / 7).astype(dtype)
    values = values.round(2) if rounded else values
    fitted = TableCodec.fit({"f": values}, columns={"f": Column(lower=-bound, upper=bound)})
    back = fitted.decode(fitted.encode({"f": values}))["f"]
    np.testing.assert_allclose(back, values, rtol=1e-6, atol=1e-6)


def test_any_level_of_a_column_whose_levels_are_all_rare_is_taken():
    frame = {"x": np.arange(60.0), "c": [f"u{k // 2}" for k in range(60)]}
    model = qdist.TabularModel(max_steps=1, min_level_count=5, random_state=0).fit(frame)
    assert list(model.impute(frame)["c"]) == frame["c"]
    model.sample(1, given={"c": "never seen"})


@pytest.mark.parametrize(
    ("dtype", "column"),
    [(np.int64, Column(upper=1e30)), (np.uint64, Column(lower=-1)), (np.int8, Column(upper=1e9))],
    ids=["above int64", "below uint64", "above int8"],
)
def test_bounds_beyond_a_type_bound_nothing(dtype, column):
    values = (np.arange(300) % 97).astype(dtype)
    fitted = TableCodec.fit({"n": values}, columns={"n": column})
    assert fitted.decode(fitted.encode({"n": values}))["n"].tolist() == values.tolist()
