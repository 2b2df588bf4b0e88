"""The rows that shares are chosen by."""

import pytest

from qdist.estimators.weigh import spaced_rows


@pytest.mark.parametrize("n", [1, 5, 100, 2**24 + 4, 10**9 + 7])
def test_rows_are_spaced_from_the_first_to_the_last(n):
    rows = spaced_rows(n, most=64)
    assert len(rows) == min(n, 64)
    assert (int(rows[0]), int(rows[-1])) == (0, n - 1)
    assert (rows.diff() >= n // 64).all()
