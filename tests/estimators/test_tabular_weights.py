"""Weights of a table's rows: none is as absent, small ones count for as little as they say."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qdist

QUICK = {
    "max_steps": 5,
    "members": 1,
    "backbone_args": {"width": 8, "blocks": 1, "frequencies": 4},
    "random_state": 0,
}
N = 400
RNG = np.random.default_rng(0)
FAR = np.arange(N) % 2 == 1
COLUMNS = {
    "x": np.where(FAR, 1000.0, 0.0) + RNG.normal(size=N),
    "level": np.where(FAR, "far", "near"),
}


@pytest.mark.parametrize(
    "make",
    [
        lambda c: pd.DataFrame(c, index=np.arange(N) + 7),
        pl.DataFrame,
        pa.table,
        lambda c: {name: list(values) for name, values in c.items()},
        lambda c: {name: pd.Series(values, index=np.arange(N) + 7) for name, values in c.items()},
    ],
    ids=["pandas", "polars", "pyarrow", "lists", "series"],
)
def test_rows_without_weight_are_as_absent(make):
    weight = np.where(FAR, 0.0, 2.0)
    whole = qdist.TabularModel(**QUICK).fit(make(COLUMNS), sample_weight=weight)
    assert "far" not in str(whole.schema_.to_json())
    near = qdist.TabularModel(**QUICK).fit({n: v[~FAR] for n, v in COLUMNS.items()})
    points = [-1.0, 0.0, 1.0]
    np.testing.assert_array_equal(whole.cdf("x", points), near.cdf("x", points))


@pytest.mark.parametrize("ratio", [0.1, 0.01])
def test_small_weights_count_for_little(ratio):
    model = qdist.TabularModel(**QUICK).fit(COLUMNS, sample_weight=np.where(FAR, ratio, 1.0))
    # One row in ten is held out, so that shares are off by what that draws; and half a per cent of
    # all is spread evenly.
    assert 1 - model.cdf("x", 500.0)[0] == pytest.approx(ratio / (1 + ratio), rel=0.1, abs=0.005)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_shares_of_missing_cells_and_atoms_come_back_without_training(share):
    """Half a per cent of all is spread evenly over the bins: 0.5 becomes 0.4975 or more."""
    n = 500
    first = np.arange(n) < share * n
    frame = pd.DataFrame(
        {
            "zeros": np.where(first, 0.0, np.random.default_rng(1).exponential(size=n)),
            "gaps": np.where(first, np.nan, np.random.default_rng(2).normal(size=n)),
        }
    )
    model = qdist.TabularModel(**QUICK, validation_fraction=0).fit(frame)
    assert model.cdf("zeros", 0.0)[0] == pytest.approx(share, abs=0.003)
    assert model.prob_missing("gaps")[0] == pytest.approx(share, abs=0.003)
