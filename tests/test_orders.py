"""Orders and ranks are inverses of each other; the comparison of ranks is the law of causality."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.errors import InputError
from qdist.orders import as_order, order_of, random_order, rank_of, rank_of_visible, sees

permutations = st.integers(1, 7).flatmap(lambda n: st.permutations(range(n)))


def test_an_order_that_is_not_its_own_inverse():
    # Visit 1, then 2, then 0: coordinate 0 comes third (rank 2), 1 first, 2 second.
    assert rank_of(torch.tensor([1, 2, 0])).tolist() == [2, 0, 1]


@given(permutations)
def test_rank_and_order_are_inverse(order):
    order = torch.tensor(order)
    rank = rank_of(order)
    assert torch.equal(order_of(rank), order)
    assert torch.equal(rank[order], torch.arange(len(order)))


@given(permutations)
def test_a_coordinate_sees_those_visited_before_it(order):
    seen = sees(rank_of(torch.tensor(order)))
    for k, i in enumerate(order):
        assert set(seen[i].nonzero().flatten().tolist()) == set(order[:k])


@given(st.lists(st.booleans(), min_size=1, max_size=7))
def test_hidden_coordinates_see_exactly_the_visible_ones(visible):
    visible = torch.tensor(visible)
    seen = sees(rank_of_visible(visible))
    assert torch.equal(seen, ~visible[:, None] & visible[None, :])


def test_conditioning_variables_are_seen_by_all_and_see_nothing():
    seen = sees(torch.tensor([-1, 0, 0]))
    assert seen.int().tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 0]]


def test_ranks_of_rows():
    rank = torch.tensor([[0, 1], [1, 0]])
    assert sees(rank).shape == (2, 2, 2)
    assert sees(rank)[1].int().tolist() == [[0, 1], [0, 0]]


def test_random_orders_are_permutations_from_the_generator_alone(untouched_rng):
    draws = [random_order(6, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert sorted(draws[2].tolist()) == list(range(6))


@pytest.mark.parametrize("order", [[0, 1], [0, 0, 2], [1, 2, 3], [0.0, 1.0, 2.0], [[0, 1, 2]]])
def test_what_is_no_order_is_refused(order):
    with pytest.raises(InputError, match=r"Expected an order that is a permutation of 0 ... 2"):
        as_order(order, 3)
