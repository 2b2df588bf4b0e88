"""What can be said of a column, and what of it contradicts itself."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from qdist.codecs.schema import Column
from qdist.errors import InputError

REVERSED = {
    "integers": (5, 1),
    "integers of numpy": (np.int64(5), np.int64(1)),
    "bytes of numpy": (np.uint8(5), 1),
    "floats of numpy": (np.float32(0.5), 0.25),
    "no number": (np.float64("nan"), 1),
}


@pytest.mark.parametrize(("lower", "upper"), REVERSED.values(), ids=REVERSED)
def test_bounds_are_in_order(lower, upper):
    with pytest.raises(InputError, match=r"Expected lower <= upper; got .* Swap them"):
        Column(lower=lower, upper=upper)


def test_bounds_of_any_type_are_taken():
    for lower, upper in ((np.int64(1), 5), (1, 1), ("2020-01-01", dt.date(2021, 1, 1))):
        assert Column(lower=lower, upper=upper).upper == upper


STRANGE = {
    "lists": ([[1], [2]], r"text, numbers, dates, true or false; got \[\[1\], \[2\]\]"),
    "rows of an array": (np.ones((2, 1)), "text, numbers, dates, true or false; got array"),
    "a number": (3, "a list of categories .* got 3. Name each level"),
    "none": ([], "at least one category"),
    "one twice": (["a", "b", "a"], "each once"),
    "none among them": (["a", None], "got None, which is a missing one. Leave it out"),
    "NaN among them": ([1.0, float("nan")], "got nan, which is a missing one"),
    "NaT among them": (np.array(["NaT"], "M8[s]"), "got .*NaT.*, which is a missing one"),
    "NA among them": (pd.Series(["a", None], dtype="string"), "got <NA>, which is a missing one"),
}


@pytest.mark.parametrize(("categories", "words"), STRANGE.values(), ids=STRANGE)
def test_categories_are_distinct_values(categories, words):
    with pytest.raises(InputError, match=words):
        Column(categories=categories)


def test_categories_can_come_as_an_array():
    assert Column(categories=np.array(["S", "M"])).categories == ("S", "M")


@pytest.mark.parametrize(("kind", "ordered"), [("nominal", True), ("ordered", False)])
def test_a_kind_and_an_order_that_contradict_are_refused(kind, ordered):
    with pytest.raises(InputError, match=f"goes with ordered={ordered}; got '{kind}'. Give one"):
        Column(kind=kind, ordered=ordered)
    assert Column(kind=kind, ordered=not ordered).kind == kind
