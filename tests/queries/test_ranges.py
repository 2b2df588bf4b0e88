"""What is said of a range that cannot be one."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import qdist
from qdist.errors import InputError, UnsupportedError

Range = qdist.Range


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=60), "n": rng.integers(0, 900, 60)}
    quick = {"max_steps": 2, "members": 1, "backbone_args": {"width": 4, "blocks": 1}}
    return qdist.TabularModel(**quick, random_state=0).fit(data)


@pytest.mark.parametrize(
    "given",
    [
        {"x": [Range(0, 1)]},
        {"x": np.array([Range(0, 1)], object)},
        pd.DataFrame({"x": [Range(0, 1)]}),
        pl.DataFrame({"x": pl.Series([Range(0, 1)], dtype=pl.Object)}),
    ],
    ids=["list", "array", "pandas", "polars"],
)
def test_a_range_goes_into_a_dict(model, given):
    with pytest.raises(UnsupportedError, match="range as a single value of a dict; got one in a"):
        model.sample(given=given)
    with pytest.raises(UnsupportedError, match="range as a single value of a dict; got one in a"):
        model.quantile("x", 0.5, given=given)


@pytest.mark.parametrize("make", [pd.Series, pl.Series], ids=["pandas", "polars"])
def test_a_series_is_no_condition(model, make):
    with pytest.raises(InputError, match=r"^Expected .*; got .*Series"):
        model.sample(given=make([1.0, 2.0]))
    with pytest.raises(InputError, match=r"^Expected .*; got .*Series"):
        model.quantile("x", 0.5, given=make([1.0, 2.0]))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x": Range(1e9)}, r"some probability; got one that .*\. Widen it\.$"),
        ({"n": Range(2.2, 2.8)}, r"Widen it\.$"),
        ({"x": Range(1, 0)}, r"'x' whose lower end comes first; got .*\. Swap its ends\.$"),
        ({"n": Range(7, 3)}, r"'n' whose lower end comes first; got .*\. Swap its ends\.$"),
    ],
)
def test_ends_are_to_be_swapped_only_where_that_helps(model, given, words):
    with pytest.raises(InputError, match=words):
        model.sample(2, given=given)
