"""Dropout: what it keeps, what it scales, and how often."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.dropout import dropped


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_the_share_and_the_mean(share):
    torch.manual_seed(0)
    n = 200_000
    some = dropped(torch.ones(n), share)
    kept = (256 - round(256 * share)) / 256
    # A share of n draws has the standard deviation (p (1 - p) / n)^(1/2); four of them.
    assert float((some != 0).double().mean()) == pytest.approx(
        kept, abs=4 * (kept * (1 - kept) / n) ** 0.5
    )
    assert torch.equal(some[some != 0].unique(), torch.tensor([1 / kept]))


def test_every_byte_of_a_draw_is_uniform():
    torch.manual_seed(1)
    # Of eight units that share a draw each is kept as often as any other.
    some = dropped(torch.ones(20_000, 8), 0.5) != 0
    assert ((some.double().mean(0) - 0.5).abs() < 4 * 0.5 / 20_000**0.5).all()
    # And they are independent: pairs are kept together a quarter of the time.
    both = (some.double().T @ some.double() / 20_000)[~torch.eye(8, dtype=torch.bool)]
    assert ((both - 0.25).abs() < 5 * (3 / 16 / 20_000) ** 0.5).all()


def test_nothing_is_dropped_at_a_share_of_nothing():
    x = torch.randn(7)
    assert dropped(x, 0.0) is x


def test_a_share_near_one_keeps_something():
    torch.manual_seed(0)
    assert set(dropped(torch.ones(10_000), 0.9999).unique().tolist()) == {0.0, 256.0}


@given(st.lists(st.integers(0, 5), max_size=3))
def test_any_shape_and_its_gradient(shape):
    torch.manual_seed(0)
    x = torch.ones(shape, requires_grad=True)
    some = dropped(x, 0.5)
    assert some.shape == x.shape
    some.sum().backward()
    assert torch.equal(x.grad, some.detach())  # of ones, the gradient is the factor itself
