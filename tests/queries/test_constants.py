"""Columns that no network models: one value, none, or an id in each row."""

import datetime

import numpy as np
import pandas as pd
import pytest
import torch

import qdist
from qdist.errors import InputError, UnsupportedError
from qdist.quantile import Categorical

ROWS = 30


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": np.arange(ROWS) / 7,
            "rate": 3.5,
            "word": "a",
            "yes": True,
            "size": pd.Categorical(["S"] * ROWS, ["S", "M"], ordered=True),
            "day": pd.Timestamp("2024-05-01"),
            "gone": [None] * ROWS,
            "key": [f"u{k}" for k in range(ROWS)],
        }
    )


@pytest.fixture(scope="module", params=["beside a number", "alone"])
def constants(request) -> qdist.TabularModel:
    frame = table() if request.param == "beside a number" else table().drop(columns="x")
    return qdist.TabularModel(max_steps=2, random_state=0).fit(frame)


def test_the_law_of_a_constant_is_its_value(constants):
    assert constants.quantile("rate", [0.0, 0.3, 1.0]).tolist() == [[3.5, 3.5, 3.5]]
    assert constants.cdf("rate", [3.4, 3.5, 9.0]).tolist() == [[0.0, 1.0, 1.0]]
    law = constants.predict_dist("rate")
    assert isinstance(law, Categorical)
    assert law.mean.item() == 3.5
    # The energy form of a point mass: |4 - 3.5|.
    assert law.crps(torch.tensor(4.0, dtype=torch.float64)).item() == pytest.approx(0.5)
    assert constants.quantile("size", 0.5).tolist() == ["S"]
    assert constants.quantile("day", 0.5)[0] == np.datetime64("2024-05-01")
    assert constants.predict_dist("word").names == ("a",)
    assert constants.predict_dist("word").prob("a").item() == 1
    yes = constants.predict_dist("yes")
    assert yes.mean.item() == yes.prob(True).item() == 1
    assert constants.prob_missing("rate").tolist() == [0.0]


def test_each_condition_has_its_answer(constants):
    known = pd.DataFrame({"word": ["a"] * 4})
    assert constants.quantile("rate", 0.5, given=known).tolist() == [3.5] * 4
    assert constants.prob_missing("gone", given=known).tolist() == [1.0] * 4
    assert constants.prob_missing("key", given=known).tolist() == [0.0] * 4
    assert constants.predict_dist("day", given=known).batch_shape == (4,)


def test_a_range_either_holds_the_constant_or_nothing(constants):
    held = {"rate": qdist.Range(3, 4)}
    assert constants.quantile("rate", 0.5, given=held).tolist() == [3.5]
    assert constants.sample(3, given=held, random_state=0)["rate"].tolist() == [3.5] * 3
    with pytest.raises(InputError, match="holds some probability"):
        constants.sample(3, given={"rate": qdist.Range(4, 5)})


def test_a_constant_that_is_given_is_not_asked_for(constants):
    given = {"rate": 9.9}
    for ask in (constants.predict_dist, constants.prob_missing):
        with pytest.raises(InputError, match="leave 'rate' open"):
            ask("rate", given=given)
    with pytest.raises(InputError, match="leave 'rate' open"):
        constants.quantile("rate", 0.5, given=given)
    with pytest.raises(InputError, match="leave 'rate' open"):
        constants.cdf("rate", 1.0, given=given)
    assert constants.quantile("rate", 0.5, given={"rate": None}).tolist() == [3.5]
    rows = pd.DataFrame({"rate": [3.5, 9.9]})  # of which it is left out
    assert constants.quantile("rate", 0.5, given=rows).tolist() == [3.5, 3.5]


def test_what_was_always_missing_has_no_law(constants):
    for ask in (
        lambda: constants.quantile("gone", 0.5),
        lambda: constants.cdf("gone", 1),
        lambda: constants.predict_dist("gone"),
        lambda: constants.sample(2, given={"gone": qdist.Range(1, 2)}),
    ):
        with pytest.raises(InputError, match=r"'gone' was missing in all training rows"):
            ask()


def test_an_id_has_no_law(constants):
    for ask in (
        lambda: constants.quantile("key", 0.5),
        lambda: constants.cdf("key", "u1"),
        lambda: constants.predict_dist("key"),
    ):
        with pytest.raises(UnsupportedError, match="Of an id only prob_missing is known"):
            ask()


def test_columns_of_several_types_are_asked_together(constants):
    found = constants.quantile(["rate", "day", "size"], [0.1, 0.9])
    assert found.shape == (1, 3, 2)
    assert found.dtype == object
    assert found[0, 0].tolist() == [3.5, 3.5]
    assert found[0, 1, 0] == np.datetime64("2024-05-01")
    assert pd.Timestamp(found[0, 1, 1]).to_pydatetime() == datetime.datetime(2024, 5, 1)
    assert found[0, 2].tolist() == ["S", "S"]
    assert constants.quantile(["rate", "rate"], 0.5).dtype == np.float64


def test_a_condition_is_read_once(constants, monkeypatch):
    reads = []
    read = constants._codec._read
    monkeypatch.setattr(constants._codec, "_read", lambda given: reads.append(0) or read(given))
    constants.quantile("rate", 0.5, given={"word": "a"})
    assert len(reads) == 1


@pytest.fixture(scope="module")
def beside() -> qdist.TabularModel:
    return qdist.TabularModel(max_steps=2, random_state=0).fit(table())


def test_what_differs_from_a_constant_is_odd_and_costs_its_distance(beside):
    frame = table().head(4)
    changed = frame.copy()
    changed.loc[1, "rate"] = 10.5
    changed.loc[2, "day"] = pd.Timestamp("2024-04-01")
    changed["gone"] = [None, None, None, "here"]
    odd = beside.explain_outliers(changed, threshold=1e-9)
    assert sorted(zip(odd["row"], odd["column"], odd["tail"], strict=True)) == [
        (1, "rate", "upper"),
        (2, "day", "lower"),
        (3, "gone", "present"),
    ]
    assert odd["probability"].tolist() == [0.0] * 3
    assert odd.set_index("column")["expected"]["rate"] == "3.5"
    # |10.5 - 3.5| / 3.5; 30 of the 19,844 days since 1970; of the last nothing is known.
    lost = beside.score_samples(frame) - beside.score_samples(changed)
    np.testing.assert_allclose(lost, [0, 2, 30 / 19844, 0], atol=1e-9)
    changed = changed.drop(columns=["rate", "day", "gone"])
    assert len(beside.explain_outliers(changed, threshold=1e-9, nan="unknown")) == 0


@pytest.mark.parametrize("ask", ["encode", "rosenblatt"])
def test_another_level_than_the_only_one_is_refused(beside, ask):
    frame = table().head(2)
    frame["word"] = ["a", "b"]
    with pytest.raises(InputError, match="one known level of column 'word'"):
        getattr(beside, ask)(frame)


def test_missing_constants_are_unknown_or_refused(beside):
    frame = table().head(2)
    frame["rate"] = [3.5, None]
    assert len(beside.explain_outliers(frame, threshold=1e-9, nan="unknown")) == 0
    assert np.isfinite(beside.score_samples(frame, nan="unknown")).all()
    with pytest.raises(InputError, match="'rate'"):
        beside.score_samples(frame)
