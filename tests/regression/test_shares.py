"""Shares of laws in their average, chosen by held-out rows that are drawn again and again."""

import pytest
import torch

from qdist.quantile import PiecewiseLinear
from qdist.regression import average, best_shares

LEVELS = torch.tensor([0.0, 1.0], dtype=torch.float64)


def at(low, high, n):
    return PiecewiseLinear(LEVELS, torch.tensor([low, high])).expand([n])


def test_what_serves_best_gets_all():
    y = torch.linspace(-1, 1, 200)
    shares = best_shares(
        [at(3.0, 4.0, 200), at(-1.0, 1.0, 200), at(-9.0, -8.0, 200)], y, y * 0 + 1
    )
    assert shares == [0.0, 1.0, 0.0]


def test_two_halves_of_the_truth_are_averaged():
    # Of U(-2, 0) and U(0, 2) the average of quantile functions, even, is U(-1, 1), the truth.
    y = torch.linspace(-1, 1, 500)
    laws = [at(-2.0, 0.0, 500), at(0.0, 2.0, 500)]
    shares = best_shares(laws, y, torch.ones(500))
    # The mean of y in a draw has a standard error of 0.577 / sqrt(500) = 0.026, a share is half
    # of it; the grid has steps of 0.1.
    assert shares == pytest.approx([0.5, 0.5], abs=0.03)
    torch.testing.assert_close(average(laws, [0.5, 0.5]).values[0], torch.tensor([-1.0, 1.0]))


def test_rows_that_weigh_nothing_do_not_count():
    y = torch.cat([torch.linspace(0, 1, 50), torch.full((50,), 40.0)])
    weight = torch.cat([torch.ones(50), torch.zeros(50)])
    assert best_shares([at(39.0, 41.0, 100), at(0.0, 1.0, 100)], y, weight) == [0.0, 1.0]


def test_few_rows_leave_the_shares_in_between():
    # The best share of the first law for y is its distance from 1: here 0.2 or 0.8, two rows.
    laws = [at(0.0, 0.001, 2), at(1.0, 1.001, 2)]
    first, second = best_shares(laws, torch.tensor([0.2, 0.8]), torch.ones(2))
    assert 0.2 < first < 0.8
    assert first + second == pytest.approx(1)


def test_one_law_gets_all():
    assert best_shares([at(0.0, 1.0, 3)], torch.zeros(3), torch.ones(3)) == [1.0]
