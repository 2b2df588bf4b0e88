"""The order of sampling in which rows differ as late as can be."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.laws import sampling_order


def codes(*levels):
    return tuple(Coordinate(f"c{i}", levels=n) for i, n in enumerate(levels))


def kinds(y, order):
    """How many different rows there are in the first column of an order, the first two, ..."""
    return [len(y[:, order[: k + 1]].unique(dim=0)) for k in range(len(order))]


def test_few_values_come_first_and_what_follows_from_them_at_once():
    """12 rows: b = a // 2 follows from a (6 values), c is a bit of its own; none are alike."""
    a = torch.arange(12) // 2
    y = torch.stack([a, torch.arange(12) % 2, a // 2], -1).float()
    assert sampling_order(y, codes(6, 2, 3)) == [1, 2, 0]  # 2, then 6 pairs, then 12
    assert sampling_order(y[:, [2, 0]], codes(3, 6)) == [0, 1]
    doubled = y[:, [0, 2, 1, 2]]  # the first of two equals comes first, the other right after
    assert sampling_order(doubled, codes(6, 3, 2, 3)) == [2, 1, 3, 0]


def test_numbers_between_point_masses_are_like_no_other():
    """x has two masses, and one value twice between them: 3 + 2 kinds, where a has 4."""
    x = torch.tensor([0.0, 0, 0, 1, 1, 0.5, 0.5, 0])
    a = torch.tensor([0.0, 1, 2, 3, 0, 1, 2, 3])
    bins = ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    y = torch.stack([x, a], -1)
    x_first = (Coordinate("x", bins=bins), Coordinate("a", levels=4))
    assert sampling_order(y, x_first) == [0, 1]  # 4 and 4: as they are
    y[6, 0] = 0.25
    assert sampling_order(y, x_first) == [0, 1]  # and as 0.5 twice counted as two, still
    y[5:7, 0] = 0
    y[7, 0] = 0.75
    assert sampling_order(y[:, [1, 0]], x_first[::-1]) == [1, 0]  # 3 kinds against 4


def test_where_all_rows_differ_the_rest_stay_as_they_are():
    y = torch.stack([torch.arange(20) % 4, torch.arange(20), torch.zeros(20)], -1).float()
    free = Coordinate("free"), Coordinate("loose")
    assert sampling_order(y, (*codes(4, 20), Coordinate("n", levels=1))) == [2, 0, 1]
    assert sampling_order(y.flip(1), (*free, *codes(4))) == [2, 0, 1]
    assert sampling_order(y[:1], codes(4, 20, 1)) == [0, 1, 2]  # one row, and nothing to save


@given(
    rows=st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=2, max_size=30),
)
def test_the_first_step_is_the_best_and_no_step_adds_more_than_another_would(rows):
    y = torch.tensor(rows).float()
    order = sampling_order(y, codes(4, 4, 4, 4))
    assert sorted(order) == [0, 1, 2, 3]
    found = kinds(y, order)
    for k in range(3):
        if k and found[k - 1] > 0.9 * len(y):
            break  # from there on the order is that of the columns
        others = [kinds(y, [*order[:k], i])[-1] for i in order[k:]]
        assert found[k] == min(others)


def test_of_all_orders_none_has_fewer_rows_for_a_chain_of_functions():
    """Each column is a coarser one of the column before: the greedy order is the best."""
    a = torch.arange(64)
    y = torch.stack([a // 4, a, a // 32, a // 16], -1).float()
    order = sampling_order(y, codes(16, 64, 2, 4))
    cost = sum(kinds(y, order))
    assert cost == min(sum(kinds(y, list(p))) for p in permutations(range(4)))


def test_wide_tables_put_their_columns_of_few_values_first():
    generator = torch.Generator().manual_seed(0)
    many = torch.randint(100, (50, 130), generator=generator)
    few = torch.randint(2, (50, 10), generator=generator)
    y = torch.cat([many, few], 1).float()
    order = sampling_order(y, codes(*[100] * 130, *[2] * 10))
    assert sorted(order) == list(range(140))
    assert min(order[:5]) >= 130


def test_rows_are_looked_at_from_the_first_to_the_last():
    """The first column is constant in the first half of the rows and new in each row after it."""
    k = torch.arange(9000)
    y = torch.stack([(k - 4500).clamp(min=0), k % 8], -1).float()
    assert sampling_order(y, codes(4500, 8)) == [1, 0]


def test_the_callers_default_dtype_changes_nothing():
    y = (torch.arange(5000) % 7).float().unsqueeze(1).repeat(1, 2)
    torch.set_default_dtype(torch.bfloat16)  # the fixture of the suite puts it back
    assert sampling_order(y, codes(7, 7)) == [0, 1]


def test_rows_must_fit():
    with pytest.raises(InputError, match="Expected y"):
        sampling_order(torch.zeros(3, 2), codes(2))
