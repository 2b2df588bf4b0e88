"""One column given any others: two routes to each number, and the shapes that were promised."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import qdist
from qdist.codecs.curved import CurvedColumn
from qdist.errors import InputError, UnknownNameError, UnsupportedError
from qdist.quantile import Categorical, PiecewiseLinear, Rounded
from qdist.queries import conditional

ORDERED = ("number", "whole", "cents", "rain", "count", "size", "gap", "day")
GIVEN = {"number": 0.3, "flag": True}


def given_for(column):
    return {name: value for name, value in GIVEN.items() if name != column}


def encoded_law(model, column, given):
    y, visible = model._codec.encode_given(given)
    return model._law.conditional(model._codec.index(column), y, visible)


def by_decoding(model, column, tau, given):
    """Quantiles given presence by the sampler's own road: the network's icdf, then decoding."""
    codec = model._codec
    coder, base = codec.column(column), encoded_law(model, column, given)
    tau = tau.to(base.dtype)[:, None]
    if isinstance(coder, CurvedColumn):
        gone = base.cdf_left(torch.tensor(coder.curve.missing))
        tau = gone + tau * (1 - gone)
    elif coder.missing_value is not None:
        tau = tau * base.cdf_left(torch.tensor(coder.missing_value))
    u = base.icdf(tau)[:, 0].detach().double().numpy()
    return coder.decode(u).to_numpy(zero_copy_only=False)


@pytest.mark.parametrize("column", ORDERED)
def test_quantiles_are_those_of_the_sampler(model, column):
    tau = (torch.arange(199) + 0.5) / 199
    found = model.quantile(column, tau, given=given_for(column))[0]
    expected = by_decoding(model, column, tau, given_for(column))
    if column == "size":
        assert found.tolist() == expected.tolist()
        return
    if column == "day":
        found, expected = found.astype("int64") / 3.6e12, expected.astype("int64") / 3.6e12
    found, expected = found.astype(float), expected.astype(float)
    spread = expected.max() - expected.min()
    # Single precision of the network's levels; a grid may turn that into one step, rarely.
    off = np.abs(found - expected) > 1e-4 * spread
    assert off.mean() <= 0.02
    assert np.abs(found - expected).max() <= 0.01 * spread


@pytest.mark.parametrize("column", ORDERED)
def test_probabilities_are_those_of_the_quantiles(model, column):
    tau = np.linspace(0.03, 0.97, 30)
    given = given_for(column)
    values = model.quantile(column, tau, given=given)[0]
    upto = model.cdf(column, values, given=given)[0]
    assert (upto >= tau - 1e-9).all()
    law = model.predict_dist(column, given=given)
    below = law.cdf_left(law.icdf(torch.tensor(tau)[:, None]))[:, 0].numpy()
    assert (below <= tau + 1e-9).all()
    smooth = upto - below < 1e-12
    np.testing.assert_allclose(upto[smooth], tau[smooth], atol=1e-9)


@pytest.mark.parametrize("column", ["number", "whole", "cents", "rain", "gap", "count"])
def test_the_cdf_is_the_share_of_draws(model, frame, column):
    """Given all other columns a sample is drawn from the very law that cdf describes."""
    known = {n: frame[n].iloc[5] for n in frame if n != column}
    known = {n: qdist.MISSING if pd.isna(v) else v for n, v in known.items()}
    drawn = model.sample(4000, given=known, random_state=1)[column].dropna().astype(float)
    law = model.predict_dist(column, given=known)
    # With atoms the statistic is only smaller in law; 1.95 / sqrt(n): once in a thousand.
    points = np.unique(drawn)
    empirical = np.searchsorted(np.sort(drawn), points, side="right") / len(drawn)
    gap = np.abs(model.cdf(column, points, given=known)[0] - empirical).max()
    assert gap < 1.95 / len(drawn) ** 0.5
    exact = law.cdf(torch.tensor(points)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(exact, model.cdf(column, points, given=known)[0], atol=1e-9)


def test_what_a_law_is_depends_on_the_column(model):
    kinds = {
        "number": PiecewiseLinear,
        "rain": PiecewiseLinear,
        "whole": Rounded,
        "cents": Rounded,
        "day": Rounded,
        "count": Categorical,
        "size": Categorical,
        "colour": Categorical,
    }
    for column, kind in kinds.items():
        law = model.predict_dist(column)
        assert type(law) is kind, column
        assert law.dtype == torch.float64
        assert law.batch_shape == (1,)
    assert model.predict_dist("size").names == ("S", "M", "L")
    assert set(model.predict_dist("colour").names) == {"red", "blue"}
    assert model.predict_dist("colour").probs.sum().item() == pytest.approx(1)
    assert model.predict_dist("count").values[0] == 0
    flag = model.predict_dist("flag")
    assert flag.mean.item() == pytest.approx(flag.prob(True).item())
    rain = model.predict_dist("rain")
    assert (rain.cdf(0.0) - rain.cdf_left(0.0)).item() > 0.1


def test_levels_without_an_order_have_probabilities_by_their_names_alone(model, frame):
    rows = frame.dropna(subset="colour").iloc[7:]  # whose labels do not begin at 0
    law = model.predict_dist("colour", given=rows.drop(columns="colour"))
    codes = [law.names.index(name) for name in rows["colour"]]
    own = law.probs[torch.arange(len(rows)), codes]
    torch.testing.assert_close(law.log_prob(rows["colour"]), own.log())
    assert law.sample((2,)).shape == (2, len(rows))
    for ask in (lambda: law.mean, lambda: law.crps(rows["colour"]), lambda: law.icdf(0.5)):
        with pytest.raises(UnsupportedError, match="Its codes have no order"):
            ask()
    sizes = model.predict_dist("size", given=rows[["number"]])  # ranks
    assert sizes.crps(rows["size"]).shape == sizes.mean.shape == (len(rows),)
    assert sizes.cdf("L").eq(1).all()


def test_categories_of_numbers_and_of_booleans_are_asked_by_what_they_are():
    flags = pd.Categorical([True, *[False] * 9] * 4, [True, False])  # not in the order of numbers
    frame = pd.DataFrame({"cylinders": pd.Categorical([4, 8, 6, 4] * 10), "flag": flags})
    model = qdist.TabularModel(max_steps=2, random_state=0).fit(frame)
    law = model.predict_dist("cylinders")
    assert law.names == (4, 6, 8)
    assert law.prob([4, 6, 8]).tolist() == law.probs[0].tolist()
    flag = model.predict_dist("flag")
    assert flag.names is None
    assert flag.values.tolist() == [0, 1]
    assert flag.cdf([-1.0, 0.5]).tolist() == pytest.approx([0, flag.probs[0, 0].item()])
    assert flag.mean.item() == flag.prob(True).item() == flag.probs[0, 1].item() < 0.3
    drawn = model.sample(400, random_state=0)["flag"].astype(bool).mean()
    assert flag.mean.item() == pytest.approx(drawn, abs=0.1)


@pytest.mark.parametrize("column", ["number", "whole", "gap", "rain"])
def test_moments_and_scores_are_those_of_the_quantiles(model, column):
    law = model.predict_dist(column, given=given_for(column))
    tau = (torch.arange(200_000) + 0.5) / 200_000
    q = law.icdf(tau[:, None])[:, 0]
    assert law.mean.item() == pytest.approx(q.mean().item(), rel=1e-2, abs=1e-2)
    y = law.icdf(0.8)
    pinball = 2 * torch.where(y >= q, tau * (y - q), (1 - tau) * (q - y)).mean()
    assert law.crps(y).item() == pytest.approx(pinball.item(), rel=1e-2)


def test_missing_stands_beside(model, frame):
    share = model.prob_missing("gap")
    assert share.shape == (1,)
    assert abs(share[0] - frame["gap"].isna().mean()) < 0.1
    assert model.prob_missing("number") == 0
    assert abs(model.prob_missing("colour")[0] - frame["colour"].isna().mean()) < 0.1
    base = encoded_law(model, "gap", GIVEN)
    assert model.prob_missing("gap", given=GIVEN)[0] == pytest.approx(
        base.log_prob(torch.tensor(model._codec.column("gap").missing_value)).exp().item(),
        rel=1e-5,
    )


def test_shapes(model, frame):
    known = frame[["number", "flag"]].head(7)
    assert model.quantile("whole", [0.1, 0.9], given=known).shape == (7, 2)
    assert model.quantile("whole", 0.5, given=known).shape == (7,)
    assert model.quantile(["whole", "cents", "count"], [0.1, 0.9], given=known).shape == (7, 3, 2)
    assert model.quantile(["whole", "cents"], 0.5).shape == (1, 2)
    assert model.cdf("whole", 1000, given=known).shape == (7,)
    assert model.cdf("whole", [900, 1000, 1100], given=known).shape == (7, 3)
    each = np.arange(7)[:, None] * 100 + 600
    found = model.cdf("whole", each, given=known)
    assert found.shape == (7, 1)
    full = model.cdf("whole", each[:, 0], given=known)
    np.testing.assert_allclose(found[:, 0], np.diag(full))
    assert model.quantile("whole", [0.5], given=known.head(0)).shape == (0, 1)
    for column in ("whole", "size", "day"):
        none = np.empty((0, 2), object)
        assert model.cdf(column, none, given=known.head(0)).shape == (0, 2)
    assert model.predict_dist("whole", given=known).batch_shape == (7,)


def test_each_row_knows_what_it_knows(model, frame, monkeypatch):
    known = frame[["number", "gap", "colour"]].head(12).copy()
    known.loc[::2, "number"] = np.nan
    known.loc[::3, "colour"] = None
    together = model.quantile("whole", [0.2, 0.8], given=known)
    for k in range(len(known)):
        row = {n: v for n, v in known.iloc[k].items() if not pd.isna(v)}
        alone = model.quantile("whole", [0.2, 0.8], given=row)[0]
        np.testing.assert_allclose(together[k], alone, atol=1)
    monkeypatch.setattr(conditional, "_ROWS", 5)
    np.testing.assert_allclose(model.quantile("whole", [0.2, 0.8], given=known), together, atol=1)
    values = np.arange(24).reshape(12, 2) * 50
    monkeypatch.undo()
    whole = model.cdf("whole", values, given=known)
    monkeypatch.setattr(conditional, "_ROWS", 5)
    np.testing.assert_allclose(model.cdf("whole", values, given=known), whole, atol=1e-5)


def test_a_missing_cell_can_be_the_condition(model):
    known = pd.DataFrame({"gap": [np.nan]})
    unknown = model.quantile("number", [0.5], given=known)
    value = model.quantile("number", [0.5], given=known, nan="value")
    assert unknown == pytest.approx(model.quantile("number", [0.5]))
    assert value == pytest.approx(model.quantile("number", [0.5], given={"gap": qdist.MISSING}))
    assert value != pytest.approx(unknown)


def test_the_default_dtype_does_not_matter(model):
    expected = model.quantile("gap", [0.1, 0.5], given=GIVEN)
    torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(model.quantile("gap", [0.1, 0.5], given=GIVEN), expected)


@pytest.mark.parametrize("head", ["spline", "implicit"])
def test_heads_whose_knots_move_go_through_the_same_curve(frame, head):
    model = qdist.TabularModel(
        head=head, max_steps=5, backbone_args={"width": 8, "blocks": 1}, random_state=0
    ).fit(frame[["number", "whole", "gap"]])
    tau = (torch.arange(99) + 0.5) / 99
    for column in ("number", "whole", "gap"):
        found = model.quantile(column, tau)[0]
        expected = by_decoding(model, column, tau, {}).astype(float)
        spread = np.subtract(*np.quantile(frame[column].dropna(), [0.95, 0.05]))
        # An implicit law is read at 256 levels, exact only there.
        close = np.abs(found - expected)[5:-5] <= (0.02 if head == "implicit" else 2e-3) * spread
        assert close.mean() > 0.95, column


def test_a_model_of_one_order_is_asked_along_it(frame):
    model = qdist.TabularModel(
        order=["count", "number", "whole"],
        max_steps=3,
        backbone_args={"width": 8, "blocks": 1},
        random_state=0,
    ).fit(frame[["number", "whole", "count"]])
    known = {"count": 3, "number": 0.5}
    assert model.quantile("whole", [0.5], given=known).shape == (1, 1)
    assert model.quantile("count", [0.5]).shape == (1, 1)
    assert model.cdf("number", 0.0, given={"count": 3}).shape == (1,)
    assert (model.sample(9, given={"count": 3, "number": qdist.Range(0)})["number"] >= 0).all()
    with pytest.raises(InputError, match="first columns of the order"):
        model.quantile("whole", [0.5], given={"number": 3})
    # What it was never trained for: columns that do not come next.
    for ask in (
        lambda: model.quantile("whole", [0.5], given={"count": 3}),
        lambda: model.quantile("whole", [0.5]),
        lambda: model.cdf("number", 0.0),
        lambda: model.predict_dist("whole", given={"count": 3}),
        lambda: model.prob_missing("number"),
        lambda: model.sample(9, given={"number": qdist.Range(0)}),
    ):
        with pytest.raises(
            UnsupportedError, match=r"Expected the columns before '(whole|number)'"
        ):
            ask()
    with pytest.raises(UnsupportedError, match="trained for a single order"):
        model.explain_outliers(frame)
    rows = frame[["count", "number", "whole"]].head(4)
    with pytest.raises(InputError, match="Expected n_orders of 1 for a model that was"):
        model.score_samples(rows, n_orders=3)
    with pytest.raises(InputError, match="first columns of the order"):
        model.score_samples(rows.drop(columns="number"), nan="unknown")
    assert model.score_samples(rows.drop(columns="whole"), nan="unknown").shape == (4,)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda m: m.quantile("colour", [0.5]),
            UnsupportedError,
            "values have an order; got 'colour', of kind nominal. Use predict_dist",
        ),
        (
            lambda m: m.quantile("whole", [0.5], given={"number": qdist.Range(0)}),
            UnsupportedError,
            "range for the column asked for, 'whole'; got one for 'number'",
        ),
        (
            lambda m: m.sample(3, given={"number": qdist.Range(0), "whole": qdist.Range(0)}),
            UnsupportedError,
            "range for one column at most; got 'number', 'whole'",
        ),
        (
            lambda m: m.sample(3, given={"number": qdist.Range(0), "whole": [1, 2]}),
            UnsupportedError,
            "range beside single values",
        ),
        (
            lambda m: m.predict_dist("whole", given={"whole": qdist.Range(0)}),
            UnsupportedError,
            "without a range in predict_dist",
        ),
        (
            lambda m: m.sample(3, given={"count": qdist.Range(5, 2)}),
            InputError,
            "range of column 'count' whose lower end comes first",
        ),
        (lambda m: m.sample(3, given={"colour": qdist.Range("a")}), UnsupportedError, "an order"),
        *[
            (call, InputError, r"name of one column; got \['number', 'whole'\]\. Ask for one")
            for call in (
                lambda m: m.cdf(["number", "whole"], 0.5),
                lambda m: m.predict_dist(["number", "whole"]),
                lambda m: m.prob_missing(["number", "whole"]),
            )
        ],
        (lambda m: m.quantile("size2", [0.5]), UnknownNameError, "got 'size2'"),
    ],
)
def test_what_is_not_supported_says_so(model, call, error, words):
    with pytest.raises(error, match=words):
        call(model)


def test_whole_rows_are_conditions_without_the_column_asked_for(model, frame):
    rows = frame.head(6)
    others = rows.drop(columns="count")
    table = others.to_dict("list")
    strange = {**table, "count": [10**6, None, *[3] * 4]}  # nothing that is read
    for whole in (rows, strange, pl.from_pandas(rows)):
        for nan in ("unknown", "value"):
            few = model.quantile("count", [0.1, 0.9], given=others, nan=nan)
            found = model.quantile("count", [0.1, 0.9], given=whole, nan=nan)
            np.testing.assert_array_equal(found, few)
        np.testing.assert_array_equal(
            model.cdf("count", 3, given=whole), model.cdf("count", 3, given=others)
        )
        np.testing.assert_array_equal(
            model.predict_dist("count", given=whole).probs,
            model.predict_dist("count", given=others).probs,
        )
    gone = model.prob_missing("gap", given=rows.drop(columns="gap"))
    np.testing.assert_array_equal(model.prob_missing("gap", given=rows), gone)
    pair = model.quantile(["count", "whole"], 0.5, given=rows)  # neither is given to the other
    each = rows.drop(columns=["count", "whole"])
    np.testing.assert_array_equal(pair, model.quantile(["count", "whole"], 0.5, given=each))
    with pytest.raises(InputError, match="leave 'count' open"):
        model.quantile("count", 0.5, given={"count": 3})


def test_the_column_asked_for_is_not_read_in_whole_rows(model, frame):
    rows = frame.head(3)
    odd = rows.assign(number="?")
    assert_array = np.testing.assert_array_equal
    assert_array(model.cdf("number", 0, given=odd), model.cdf("number", 0, given=rows))
    alone = model.cdf("number", 0, given=odd[["number"]])
    assert_array(alone, np.repeat(model.cdf("number", 0), 3))


def test_numbers_declared_boolean_have_moments():
    frame = pd.DataFrame({"flag": [0, 1, 1, 1] * 10, "x": np.arange(40.0)})
    said = {"flag": qdist.Column(kind="boolean")}
    law = (
        qdist.TabularModel(columns=said, max_steps=2, random_state=0)
        .fit(frame)
        .predict_dist("flag")
    )
    assert law.mean.item() == pytest.approx(law.prob(1).item())
    assert law.mean > 0.5
