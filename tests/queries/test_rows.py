"""Whole rows: densities by a second route, missing cells, odd cells."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from pandas.testing import assert_frame_equal
from scipy import stats

import qdist
from qdist.codecs.curved import CurvedColumn
from qdist.errors import InputError, UnknownNameError
from qdist.orders import random_order
from qdist.quantile import Categorical, PiecewiseLinear
from qdist.queries.drawing import PresentOnly


def chain(model, row, order, *, unknown=()):
    """The log density of a row, column by column, from the laws on the data's own scale."""
    total, known = 0.0, {}
    for name in order:
        value = row[name]
        if name in unknown:
            continue
        gone = model.prob_missing(name, given=known)[0]
        if pd.isna(value):
            total += np.log(gone)
            known[name] = qdist.MISSING
            continue
        law = model.predict_dist(name, given=known)
        if law_names := getattr(law, "names", None):
            number = float(law_names.index(value))
        elif isinstance(value, pd.Timestamp):
            number = value.timestamp()
        else:
            number = float(value)
        term = law.log_prob(number).item()
        step = model.schema_[name].step
        if step is not None and not is_atom(model, name, value):
            per_second = {"us": 1e6, "ns": 1e9}.get(model.schema_[name].dtype[-3:-1], 1.0)
            term -= np.log(step / per_second)  # the density on a grid is against length
        total += term + np.log1p(-gone)
        known[name] = value
    return total


def is_atom(model, name, value):
    column = model._codec.column(name)
    if isinstance(value, pd.Timestamp):  # all different in this table
        return False
    return not isinstance(column, CurvedColumn) or float(value) in column.axis.value(
        column.curve.atoms
    ).astype(float)


def test_scores_are_sums_along_the_chain(model, frame):
    rows = frame.head(25)
    expected = [chain(model, row, model.order_) for _, row in rows.iterrows()]
    np.testing.assert_allclose(model.score_samples(rows), expected, atol=2e-3)


def test_scores_along_another_order(model, frame):
    order = [*frame.columns[3:], *frame.columns[:3]]
    expected = [chain(model, row, order) for _, row in frame.head(5).iterrows()]
    found = model.score_samples(frame.head(5), order=order)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert not np.allclose(found, model.score_samples(frame.head(5)), atol=1e-3)


def test_several_orders_are_averaged_as_densities(model, frame):
    rows = frame.head(6)
    generator = torch.Generator().manual_seed(4)
    each = []
    for _ in range(3):
        order = random_order(10, generator=generator).tolist()
        each.append(model.score_samples(rows, order=[frame.columns[i] for i in order]))
    expected = np.log(np.exp(np.array(each) - np.max(each)).mean(0)) + np.max(each)
    found = model.score_samples(rows, n_orders=3, random_state=4)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_is_unknown_is_left_out(model, frame):
    rows = frame.head(12).copy()
    complete = rows.dropna()
    np.testing.assert_allclose(
        model.score_samples(complete, nan="unknown"), model.score_samples(complete), atol=1e-4
    )
    rows["number"] = np.nan  # a column in which no training cell was missing
    rows.loc[::2, "day"] = pd.NaT
    found = model.score_samples(rows, nan="unknown")
    for k, (_, row) in enumerate(rows.iterrows()):
        gaps = [name for name in rows if pd.isna(row[name])]
        expected = chain(model, row, model.order_, unknown=gaps)
        assert found[k] == pytest.approx(expected, abs=2e-3)


def test_a_row_far_out_has_a_finite_score(model, frame):
    odd = frame.head(2).assign(number=[1e4, 0.0], whole=[1000, 10**9])
    scores = model.score_samples(odd)
    assert np.isfinite(scores).all()
    assert (scores < model.score_samples(frame.head(2))).all()


# Missing cells


@pytest.fixture(scope="module")
def holes(frame):
    rng = np.random.default_rng(5)
    return frame.mask(rng.random(frame.shape) < 0.3)


def test_known_cells_stay_and_missing_ones_are_filled(model, frame, holes, untouched_rng):
    filled = model.impute(holes, random_state=0)
    assert not filled.isna().any().any()
    assert filled.index.equals(holes.index)
    assert filled.dtypes.to_dict() == frame.dtypes.to_dict()
    for name in frame:
        known = holes[name].notna()
        assert filled[name][known].tolist() == frame[name][known].tolist()
    assert_frame_equal(filled, model.impute(holes, random_state=0))


def test_several_draws_are_several_frames(model, holes):
    draws = model.impute(holes, n_draws=3, random_state=0)
    assert_frame_equal(draws[0], model.impute(holes, random_state=0))
    gaps = holes["whole"].isna()
    assert (draws[0]["whole"][gaps] != draws[1]["whole"][gaps]).mean() > 0.5


def test_draws_follow_the_law_given_the_known_cells(model, frame):
    row = frame.dropna().head(1)
    many = pd.concat([row.assign(gap=np.nan, whole=np.nan)] * 2000, ignore_index=True)
    filled = model.impute(many, random_state=0)
    # whole is drawn first, given all but gap
    known = {n: row[n].iloc[0] for n in row if n not in {"gap", "whole"}}
    points = np.unique(filled["whole"])
    upto = np.searchsorted(np.sort(filled["whole"]), points, side="right") / 2000
    law = model.cdf("whole", points, given=known)[0]
    assert np.abs(law - upto).max() < 1.95 / 2000**0.5
    # then gap, given presence: its levels given that row's whole are uniform
    given = filled.drop(columns="gap")
    levels = np.diag(model.cdf("gap", filled["gap"].to_numpy()[:300], given=given.head(300)))
    assert stats.kstest(levels, "uniform").pvalue > 1e-4


def test_what_is_never_present_is_drawn_from_the_marginal(model):
    codec = model._codec
    draw = PresentOnly(codec)
    tau = torch.tensor([0.0, 0.3, 0.999])
    i = codec.index("gap")
    curve = codec.column("gap").curve
    gone = curve.missing_level
    only_missing = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([gone, gone]))
    assert (draw(i, only_missing.expand([3]), tau) >= curve.missing).all()
    i = codec.index("colour")
    law = Categorical(torch.tensor([-torch.inf, -torch.inf, 0.0]))
    assert (draw(i, law.expand([3]), tau) < codec.column("colour").missing_value).all()


def test_makes_and_empty_frames(model, frame, holes):
    table = pl.from_pandas(frame)
    fitted = qdist.TabularModel(
        max_steps=2, backbone_args={"width": 8, "blocks": 1}, random_state=0
    ).fit(table)
    filled = fitted.impute(pl.from_pandas(holes), random_state=0)
    assert isinstance(filled, pl.DataFrame)
    assert filled.schema == table.schema
    assert filled.null_count().sum_horizontal().item() == 0
    assert len(model.impute(holes.head(0))) == 0
    assert [len(f) for f in model.impute(holes.head(0), n_draws=2)] == [0, 0]
    assert model.score_samples(frame.head(0)).shape == (0,)
    assert model.rosenblatt(frame.head(0)).shape == (0, 10)
    assert len(model.inverse_rosenblatt(np.zeros((0, 10)))) == 0


def test_constants_and_ids_are_filled_too():
    frame = pd.DataFrame(
        {"one": ["c"] * 60, "id": [f"n{k}" for k in range(60)], "x": np.arange(60.0)}
    )
    model = qdist.TabularModel(
        max_steps=2, backbone_args={"width": 8, "blocks": 1}, random_state=0
    ).fit(frame)
    holes = frame.where(pd.Series(np.arange(60) % 2 == 1), other=None)
    filled = model.impute(holes.astype({"x": float}))
    assert (filled["one"] == "c").all()
    assert filled["id"].notna().all()
    assert filled["x"][1::2].tolist() == frame["x"][1::2].tolist()
    nothing = qdist.TabularModel(max_steps=2).fit(frame[["one", "id"]])
    assert (nothing.impute(holes[["one", "id"]])["one"] == "c").all()
    with pytest.raises(InputError, match="something to learn"):
        nothing.score_samples(frame)


# Odd cells


def test_a_planted_cell_is_found_first(model, frame):
    odd = frame.head(30).copy()
    odd.loc[3, "whole"] = 50_000
    found = model.explain_outliers(odd)
    first = found.iloc[0]
    assert (first["row"], first["column"], first["value"], first["tail"]) == (
        3, "whole", "50000", "upper",
    )  # fmt: skip
    assert first["probability"] < 1e-6
    assert found["probability"].is_monotonic_increasing
    assert (found["probability"] <= 0.01).all()


def test_a_number_far_from_the_few_that_a_column_has_is_found_first(model, frame):
    """A column of codes reads 5000 as its greatest count where it is a condition, not here."""
    few = sorted(frame["count"].unique())
    odd = frame.head(30).copy()
    odd.loc[4, "count"], odd.loc[9, "count"] = 5000, -3
    found = model.explain_outliers(odd).head(2).set_index("row")
    assert found["tail"].to_dict() == {4: "upper", 9: "lower"}
    assert found["probability"].tolist() == [0.0, 0.0]
    assert found.loc[4, "value"] == "5000"
    # The nearest count, and a nat for each step beyond it: counts are 1 apart in the median.
    near = odd.assign(count=odd["count"].clip(few[0], few[-1]))
    loss = model.score_samples(near) - model.score_samples(odd)
    expected = np.zeros(30)
    expected[[4, 9]] = 5000 - few[-1], 3 + few[0]
    np.testing.assert_allclose(loss, expected, atol=1e-3)
    unknown = model.score_samples(odd.drop(columns="count"), nan="unknown")
    assert unknown[4] == pytest.approx(
        model.score_samples(near.drop(columns="count"), nan="unknown")[4]
    )


def test_times_a_nanosecond_apart_are_as_near_as_they_are():
    """As floats all three are one number: their scores were NaN."""
    at = pd.to_datetime(np.repeat([1_700_000_000_000_000_000 + k for k in (0, 1, 3)], 20))
    rows = pd.DataFrame({"t": at})
    model = qdist.TabularModel(max_steps=1, random_state=0).fit(rows)
    score = model.score_samples(rows)
    np.testing.assert_allclose(score, np.log(1 / 3), atol=0.3)
    far = rows.head(1) + pd.Timedelta(3 + 2048, "ns")
    assert model.score_samples(far)[0] < score[-1] - 500


def test_a_lacking_column_is_unknown_where_missing_cells_are(model, frame):
    rows = frame.head(6).drop(columns="whole")
    found = model.explain_outliers(rows, threshold=1.0, nan="unknown")
    expected = model.explain_outliers(
        frame.head(6).assign(whole=np.nan), threshold=1.0, nan="unknown"
    )
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(UnknownNameError, match="'whole' is lacking"):
        model.explain_outliers(rows)


def test_a_number_between_two_codes_lies_between_them():
    rows = pd.DataFrame({"half": [0.0, 1.0, 2.0, 4.0] * 10})
    model = qdist.TabularModel(max_steps=1, validation_fraction=0, random_state=0).fit(rows)
    odd = pd.DataFrame({"half": [3.0, 4.0, 2.0]})
    found = model.explain_outliers(odd, threshold=1.0).sort_values("row")
    upto = model.cdf("half", [2.0])[0, 0]
    # P(X <= 3) = P(X <= 2) and P(X >= 3) = P(X = 4), a quarter
    assert found["probability"].iloc[0] == pytest.approx(2 * min(upto, 1 - upto), abs=1e-6)
    assert found["probability"].iloc[1] == pytest.approx(2 * (1 - upto), abs=1e-6)


def test_imputed_cells_follow_the_law_given_presence():
    """Members that differ in how often a cell is missing weigh as often as it is present."""
    rows = pd.DataFrame({"c": ["a", "b", None] * 10})
    model = qdist.TabularModel(max_steps=1, members=2, random_state=0).fit(rows)
    codes = model._codec.column("c").levels.to_pylist()
    masses = {"a": (0.1, 1e-9), "b": (1e-9, 0.9), None: (0.9, 0.1)}
    with torch.no_grad():
        for k, member in enumerate(model.module_.members):
            mass = torch.tensor([masses[level][k] for level in [*codes, None]])
            member.heads[0].layer.bias.copy_(mass.log())
    # (0 + 0.9) / (0.1 + 0.9), and not the mean of 0 and 1
    law = model.predict_dist("c")
    assert law.probs[0, codes.index("b")].item() == pytest.approx(0.9, abs=1e-6)
    drawn = model.impute(pd.DataFrame({"c": [None] * 4000}), random_state=0)["c"]
    assert abs((drawn == "b").mean() - 0.9) < 4 * (0.09 / 4000) ** 0.5


def test_tails_are_those_of_the_laws(model, frame):
    rows = frame.head(20)
    found = model.explain_outliers(rows, threshold=1.0)
    assert len(found) == rows.size
    for column in ("whole", "number", "count", "colour", "size"):
        for entry in found[found["column"] == column].itertuples():
            row = rows.iloc[entry.row]
            others = {n: qdist.MISSING if pd.isna(v) else v for n, v in row.items() if n != column}
            gone = model.prob_missing(column, given=others)[0]
            if pd.isna(row[column]):
                assert entry.tail == "missing"
                assert entry.probability == pytest.approx(gone, rel=1e-4)
                continue
            law = model.predict_dist(column, given=others)
            if column == "colour":
                mass = law.probs[0]
                own = mass[law.names.index(row[column])]
                expected, tail = mass[mass <= own].sum().item(), "rare"
            else:
                x = float(law.names.index(row[column])) if column == "size" else float(row[column])
                low, high = law.cdf(x).item(), 1 - law.cdf_left(x).item()
                expected, tail = min(1.0, 2 * min(low, high)), "lower" if low <= high else "upper"
            if 1 - gone < expected:
                expected, tail = 1 - gone, "present"
            assert entry.probability == pytest.approx(expected, rel=1e-3, abs=1e-6)
            assert entry.tail == tail


def test_missing_cells_can_be_left_alone(model, frame):
    rows = frame.head(30)
    found = model.explain_outliers(rows, threshold=1.0, nan="unknown")
    assert len(found) == int(rows.notna().sum().sum())
    assert "missing" not in set(found["tail"])


def test_the_make_of_the_answer_is_that_of_the_question(model, frame):
    assert isinstance(model.explain_outliers(pl.from_pandas(frame.head(5))), pl.DataFrame)
    found = model.explain_outliers({n: frame[n].head(5).tolist() for n in frame}, threshold=1)
    assert isinstance(found, dict)
    assert len(found["row"]) == 50


MISTAKES = {
    "a column is lacking": (
        lambda m, f: m.impute(f.drop(columns="gap")),
        UnknownNameError,
        "'gap' is lacking. Add it, or draw whole columns",
    ),
    "no draws": (lambda m, f: m.impute(f, n_draws=0), InputError, "n_draws to be a whole number"),
    "an order and several": (
        lambda m, f: m.score_samples(f, order=list(f), n_orders=2),
        InputError,
        "Expected an order or n_orders above 1; got both",
    ),
    "half an order": (
        lambda m, f: m.score_samples(f, order=["number"]),
        InputError,
        "each of the columns",
    ),
    "levels of another shape": (
        lambda m, f: m.inverse_rosenblatt(np.zeros((3, 4))),
        InputError,
        r"levels in \[0, 1\] of shape \(N, 10\).*got shape \(3, 4\)\. Give levels for all of",
    ),
    "levels beyond": (
        lambda m, f: m.inverse_rosenblatt(np.full((3, 10), 1.5)),
        InputError,
        r"levels in \[0, 1\]; got 1\.5",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(model, frame, call, error, words):
    with pytest.raises(error, match=words):
        call(model, frame)
