"""Text that names rows: the codec of a table and the comparison of two go by one rule."""

import pandas as pd
import pytest

from qdist.codecs.table import TableCodec
from qdist.data import ids
from qdist.data.pairs import pair_columns


def kinds(values):
    """What a codec and a comparison take a column for."""
    frame = pd.DataFrame({"a": values, "x": range(len(values))})
    return TableCodec.fit(frame).schema["a"].kind, pair_columns(frame, frame)[0].kind


def names(n):
    return [f"name {k}" for k in range(n)]


CASES = {
    "enough values": (names(21), True),
    "one fewer": (names(20), False),
    "more than half are alone": ([*names(21), *["again"] * 20], True),
    "half are alone": ([*names(21), *["again"] * 21], False),
    "what is missing does not count": ([*names(21), *[None] * 60], True),
    "nothing but missing cells": ([None] * 30, False),
}


@pytest.mark.parametrize(("values", "named"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("make", [list, pd.Categorical], ids=["text", "categories"])
def test_both_say_the_same(values, named, make):
    assert [kind == "id" for kind in kinds(make(values))] == [named, named]


def test_there_is_one_number_for_both(monkeypatch):
    monkeypatch.setattr(ids, "_MIN_IDS", 5)
    assert kinds(names(6)) == ("id", "id")
    assert kinds(names(5)) == ("nominal", "category")
