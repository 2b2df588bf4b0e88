"""The levels of rows, there and back."""

import numpy as np
import pandas as pd
from scipy import stats

import qdist


def test_rows_come_back_from_their_levels(model, frame):
    levels = model.rosenblatt(frame, random_state=0)
    assert levels.shape == (400, 10)
    assert ((levels >= 0) & (levels <= 1)).all()
    back = model.inverse_rosenblatt(levels)
    for name in frame:
        if name in {"number", "rain", "gap"}:
            np.testing.assert_allclose(back[name], frame[name], rtol=2e-3, atol=2e-3)
        else:  # single precision cannot tell all cents apart
            same = back[name].eq(frame[name]) | (back[name].isna() & frame[name].isna())
            assert same.mean() >= (0.95 if name == "cents" else 1), name


def test_a_value_at_its_bound_does_not_come_back_as_missing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=400), "x": 3 + rng.random(400)})
    frame.loc[:99, "x"] = np.nan
    frame.loc[100:105, "x"] = 3.0
    frame.loc[106:111, "x"] = 4.0
    model = qdist.TabularModel(
        columns={"x": qdist.Column(lower=3, upper=4)},
        max_steps=5, backbone_args={"width": 8, "blocks": 1}, random_state=0,
    ).fit(frame)  # fmt: skip
    back = model.inverse_rosenblatt(model.rosenblatt(frame, random_state=0))
    np.testing.assert_allclose(back["x"], frame["x"], atol=1e-4)


def test_levels_of_the_models_own_rows_are_uniform_and_independent(model):
    rng = np.random.default_rng(1)
    rows = model.inverse_rosenblatt(rng.random((3000, 10)))
    levels = model.rosenblatt(rows, random_state=2)
    for column in levels.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    # 45 pairs; the rank correlation of independent columns has deviation 1 / sqrt(n - 1).
    correlation = stats.spearmanr(levels).statistic
    assert np.abs(correlation[np.triu_indices(10, 1)]).max() < 4.2 / 2999**0.5


def test_levels_come_back_where_there_are_no_atoms(model):
    order = ["number", *[n for n in model.feature_names_in_ if n != "number"]]
    levels = np.random.default_rng(0).random((50, 10))
    rows = model.inverse_rosenblatt(levels, order=order)
    again = model.rosenblatt(rows, order=order, random_state=0)
    np.testing.assert_allclose(again[:, 0], levels[:, 0], atol=1e-5)


def test_the_same_seed_gives_the_same_levels(model, frame, untouched_rng):
    first = model.rosenblatt(frame, random_state=0)
    assert np.array_equal(first, model.rosenblatt(frame, random_state=0))
    assert not np.array_equal(first, model.rosenblatt(frame, random_state=1))
