"""Scores of rows: by which orders they can be asked, and what they read."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import qdist
from qdist.data.frames import to_arrow
from qdist.errors import InputError, UnknownNameError


def quick(frame, **settings):
    small = {"width": 8, "blocks": 1}
    return qdist.TabularModel(max_steps=2, backbone_args=small, random_state=0, **settings).fit(
        frame
    )


STRANGE = {
    "a number": (3, "got 3"),
    "one name": ("number", "got 'number'"),
    "some names": (["number", "gap"], r"got \['number', 'gap'\]"),
    "numbers": (range(10), r"got range\(0, 10\)"),
}


@pytest.mark.parametrize(("order", "words"), STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("ask", ["score_samples", "rosenblatt"])
def test_an_order_names_each_column_once(model, frame, ask, order, words):
    expected = f"Expected order 'any' or each of the columns .* once; {words}"
    with pytest.raises(InputError, match=expected):
        getattr(model, ask)(frame.head(2), order=order)


def test_rows_known_in_part_leave_the_others_on_the_same_chain(model, frame):
    rows = frame.dropna().head(6).copy()
    whole = model.score_samples(rows)
    rows.loc[rows.index[-1], frame.columns[0]] = None
    found = model.score_samples(rows, nan="unknown")
    np.testing.assert_allclose(found[:-1], whole[:-1], atol=1e-4)


def test_any_order_is_the_models_own(model, frame):
    rows = frame.head(5)
    own = model.score_samples(rows)
    np.testing.assert_array_equal(model.score_samples(rows, order="any"), own)
    given = np.array(model.order_)  # an array of names is an order too
    np.testing.assert_allclose(model.score_samples(rows, order=given), own, atol=1e-4)


def test_a_model_of_one_order_has_no_other():
    rows = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7})
    model = quick(rows, order=["b", "a"])
    np.testing.assert_array_equal(
        model.score_samples(rows, order=("b", "a")), model.score_samples(rows)
    )
    for order in ("any", ["a", "b"]):
        with pytest.raises(InputError, match="the order that the model was trained for"):
            model.score_samples(rows, order=order)


@pytest.mark.parametrize("ask", ["score_samples", "explain_outliers"])
def test_a_mistyped_column_is_not_taken_for_unknown(model, frame, ask):
    rows = frame.head(4)
    named = rows.rename(columns={rows.columns[0]: "aa"})
    with pytest.raises(UnknownNameError, match="got 'aa'"):
        getattr(model, ask)(named, nan="unknown")
    getattr(model, ask)(rows.drop(columns=rows.columns[0]), nan="unknown")


@pytest.mark.parametrize("nan", ["value", "unknown"])
@pytest.mark.parametrize("ask", ["score_samples", "explain_outliers"])
def test_rows_are_read_once(model, frame, monkeypatch, ask, nan):
    rows, conversions = frame.head(4), []

    def counted(X):
        conversions.append(not isinstance(X, type(to_arrow(rows))))  # a table is read already
        return to_arrow(X)

    for module in ("codecs.given", "codecs.table", "codecs.conform"):
        monkeypatch.setattr(f"qdist.{module}.to_arrow", counted)
    getattr(model, ask)(rows, nan=nan)
    assert sum(conversions) == 1


def test_the_meaning_of_missing_cells_is_checked(model, frame):
    for strange in ("drop", ["value"]):
        with pytest.raises(InputError, match="nan to be 'unknown' or 'value'; got"):
            model.score_samples(frame.head(2), nan=strange)


ROWS = {
    "score_samples of the known": {"nan": "unknown"},
    "impute": {},
    "sample": {},
    "quantile": {"column": "number", "levels": 0.5},
}


@pytest.mark.parametrize(("ask", "more"), ROWS.items(), ids=ROWS)
def test_a_column_that_is_none_of_the_models_may_be_a_misspelt_one(model, frame, ask, more):
    name, rows = ask.split(" ", maxsplit=1)[0], frame.head(4).assign(coluor=1)
    given = {"given": rows} if name in {"sample", "quantile"} else {"X": rows}
    words = "Expected columns out of 'number', .*; got 'coluor'. Correct the name, or leave"
    with pytest.raises(UnknownNameError, match=words):
        getattr(model, name)(**given, **more)


@pytest.mark.parametrize("ask", ["score_samples", "explain_outliers", "rosenblatt", "encode"])
def test_columns_beside_whole_rows_are_left_out(model, frame, ask):
    """A misspelt one would be told of as lacking."""
    rows, more = frame.head(4), {"random_state": 0} if ask == "rosenblatt" else {}
    plain, beside = (getattr(model, ask)(X, **more) for X in (rows, rows.assign(fold=1)))
    if ask == "explain_outliers":
        assert_frame_equal(beside, plain)
    else:
        assert np.array_equal(np.asarray(beside), np.asarray(plain))
