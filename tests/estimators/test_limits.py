"""What weighs nothing is left out, and nothing else changes: not the make of the rows either."""

import numpy as np
import pytest

import qdist
from qdist.errors import InputError
from qdist.estimators.limits import rows_that_count

QUICK = {
    "max_steps": 2,
    "members": 1,
    "backbone_args": {"width": 8, "blocks": 1, "frequencies": 4},
    "random_state": 0,
}
N = 60
COLUMNS = {
    "whole": np.arange(N, dtype=np.int16),
    "half": np.linspace(0, 1, N, dtype=np.float32),
    "day": np.datetime64("2024-01-01") + np.arange(N),
    "text": np.array(["x", "y", "z"] * (N // 3)),
    "list": [True, False] * (N // 2),
}


@pytest.mark.parametrize("least", [1.0, 0.0], ids=["all count", "one counts for nothing"])
def test_columns_of_a_dict_come_back_as_they_are(least):
    weight = np.r_[least, np.ones(N - 1)]
    drawn = qdist.TabularModel(**QUICK).fit(COLUMNS, sample_weight=weight).sample(3)
    kinds = {name: getattr(values, "dtype", list) for name, values in drawn.items()}
    assert kinds == {name: getattr(values, "dtype", list) for name, values in COLUMNS.items()}


def test_the_rows_that_count_are_those_with_weight():
    weight = np.where(np.arange(N) % 3 == 1, 3.0, 0.0)
    kept, rest = rows_that_count(COLUMNS, weight)
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(kept[name], values[1::3])
    assert rest.tolist() == [1.0] * (N // 3)
    assert rows_that_count(COLUMNS, None) == (COLUMNS, None)


def test_columns_of_other_lengths_are_told_before_rows_are_taken():
    with pytest.raises(InputError, match="columns of one length; got lengths 1, 2"):
        rows_that_count({"a": [1, 2], "b": [1]}, [0, 1])
