"""One column, itself within a range: the draws of the range, their quantiles and probabilities."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import qdist


def test_a_ranged_column_is_that_of_the_draws_in_the_range(model):
    drawn = model.sample(3000, given={"number": qdist.Range(0.2, 1.5)}, random_state=0)["number"]
    assert drawn.between(0.2, 1.5).all()
    free = model.quantile("number", (np.arange(3000) + 0.5) / 3000)[0]
    inside = free[(free >= 0.2) & (free <= 1.5)]
    assert stats.ks_2samp(drawn, inside).pvalue > 1e-3


def test_what_follows_a_ranged_column_follows_its_values(model):
    drawn = model.sample(2000, given={"number": qdist.Range(1, None)}, random_state=0)
    again = model.sample(given=drawn[["number"]], random_state=0)
    assert drawn["whole"].tolist() == again["whole"].tolist()


@pytest.mark.parametrize(
    ("column", "bounds"),
    [
        ("whole", qdist.Range(900, 1100)),
        ("cents", qdist.Range(None, 20.005)),
        ("count", qdist.Range(2, 4)),
        ("rain", qdist.Range(0, 0)),
        ("size", qdist.Range("M", None)),
        ("day", qdist.Range("2024-01-03", "2024-01-04")),
    ],
)
def test_quantiles_and_probabilities_under_a_range(model, column, bounds):
    tau = np.linspace(0, 1, 41)
    cut = model.quantile(column, tau, given={column: bounds})[0]
    inner = model.quantile(column, [0.001, 0.999], given={column: bounds})[0]
    drawn = model.sample(300, given={column: bounds}, random_state=0)[column]
    if column == "size":
        assert set(cut) == set(drawn) == {"M", "L"}
        # P(M | M or L) by hand
        mass = model.predict_dist("size").probs[0]
        expected = (mass[1] / (mass[1] + mass[2])).item()
        assert model.cdf("size", "M", given={"size": bounds})[0] == pytest.approx(expected)
        return
    ends = [pd.Timestamp(e) if column == "day" else e for e in (bounds.lower, bounds.upper)]
    for end, sign in zip(ends, (1, -1), strict=True):
        if end is not None:
            values = pd.Series([*cut, *inner, *drawn])
            assert ((values >= end) if sign == 1 else (values <= end)).all()
    if column in {"whole", "count"}:
        x = 3 if column == "count" else 1000
        low, high = model.cdf(column, [bounds.lower - 1, bounds.upper])[0]
        expected = (model.cdf(column, x)[0] - low) / (high - low)
        assert model.cdf(column, x, given={column: bounds})[0] == pytest.approx(expected)


def test_a_range_far_beyond_the_data(model):
    drawn = model.sample(500, given={"number": qdist.Range(8, None)}, random_state=0)["number"]
    assert (drawn >= 8).all()
    assert drawn.nunique() > 450  # no digits lost in the tail


def test_a_range_beside_other_conditions(model):
    known = {"colour": "red", "gap": qdist.MISSING, "flag": None, "number": qdist.Range(0, None)}
    drawn = model.sample(50, given=known, random_state=0)
    assert (drawn["number"] >= 0).all()
    assert (drawn["colour"] == "red").all()
    assert drawn["gap"].isna().all()
    assert drawn["flag"].nunique() == 2
    assert len(model.sample(0, given=known)) == 0
