"""Rows that know the same so far are asked for once."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.backbones import AbstractStepper, RecomputeStepper
from qdist.joint import Autoregressive, Ensemble
from qdist.joint.branches import Branches


class Plain(AbstractStepper):
    """A stepper that cannot branch."""

    def __init__(self, *args):
        self.inner = RecomputeStepper(*args)

    def context(self, i, *, rows=None):
        return self.inner.context(i, rows=rows)

    def set(self, i, value, *, rows=None):
        self.inner.set(i, value, rows=rows)


@given(
    pattern=st.lists(st.integers(0, 3), min_size=2, max_size=12),
    order=st.permutations(range(3)),
    kinds=st.integers(1, 4),
    seed=st.integers(0, 2**16),
)
def test_contexts_are_those_of_each_row_by_itself(toys, pattern, order, kinds, seed):
    """Whatever is known at first, in whichever rows, and however values repeat."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand((4, 3), generator=generator).double()
    known = torch.rand((4, 3), generator=generator) < 0.4
    visible = known[pattern]
    y = torch.where(visible, first[pattern], torch.nan)
    net = toys.backbone("two_level")
    branches, plain = Branches([net], y, visible), RecomputeStepper(net, y, visible)
    for i in order:
        rows = (~visible[:, i]).nonzero().squeeze(1)
        if not len(rows):
            continue
        some = rows[torch.rand(len(rows), generator=generator) < 0.6]
        assert torch.equal(branches.contexts(i, some).each(), plain.context(i, rows=some))
        every = None if len(rows) == len(y) else rows
        assert torch.equal(branches.contexts(i, every).each(), plain.context(i, rows=every))
        value = torch.randint(kinds, rows.shape, generator=generator).double()
        branches.set(i, value, rows=every)
        plain.set(i, value, rows=every)


def asked(net, branches, i, rows=None):
    """How many rows the network computes for one answer."""
    net.rows_computed = 0
    branches.contexts(i, rows)
    return net.rows_computed


def test_there_are_as_many_kinds_as_rows_differ(toys):
    net = toys.backbone("two_level")
    branches = Branches([net], torch.zeros(8, 3).double(), torch.zeros(8, 3, dtype=torch.bool))
    assert asked(net, branches, 0) == 1
    branches.set(0, torch.tensor([7.0, 7, 3, 7, 3, 7, 7, 7]).double())
    assert asked(net, branches, 1) == 2
    assert asked(net, branches, 1, torch.tensor([5, 0, 7])) == 1  # three sevens
    branches.set(1, torch.tensor([1.0, 1, 1, 2, 1, 1, 1, 1]).double())  # 71, 31 and one 72
    assert asked(net, branches, 2) == 3
    assert asked(net, branches, 2, torch.tensor([3, 4])) == 2
    assert asked(net, branches, 2, torch.tensor([], dtype=torch.long)) == 0


def test_draws_for_one_condition_begin_alike(toys):
    """Two conditions, five draws each, of which those of the second have a cell less to draw."""
    net = toys.backbone("two_level")
    y = torch.tensor([[0.5, 0, 0], [0.5, 2, 0]]).double().repeat_interleave(5, 0)
    visible = torch.tensor([[True, False, False], [True, True, False]]).repeat_interleave(5, 0)
    branches = Branches([net], y, visible)
    hidden = torch.arange(5)
    assert asked(net, branches, 1, hidden) == 1
    branches.set(1, torch.tensor([1.0, 1, 2, 2, 2]).double(), rows=hidden)
    assert asked(net, branches, 2) == 3


def test_a_known_zero_is_not_a_hidden_cell(toys):
    net = toys.backbone("two_level")
    visible = torch.tensor([[True, False, False]] * 3 + [[False, False, False]] * 3)
    branches = Branches([net], torch.zeros(6, 3).double(), visible)
    assert asked(net, branches, 1) == 2
    h = branches.contexts(1, None).each()
    assert not torch.equal(h[0], h[5])


def test_where_nothing_can_be_shared_each_row_is_asked_for(toys, monkeypatch):
    hidden = torch.zeros(6, 3, dtype=torch.bool)
    any_rank, two_level = toys.backbone("any"), toys.backbone("two_level")
    assert asked(any_rank, Branches([any_rank], torch.zeros(6, 3).double(), hidden), 0) == 6
    apart = torch.arange(18.0).view(6, 3).double()
    assert asked(two_level, Branches([two_level], apart, ~hidden), 0) == 6
    monkeypatch.setattr(type(two_level), "stepper", lambda net, y, visible: Plain(net, y, visible))
    branches = Branches([two_level], torch.zeros(6, 3).double(), hidden)
    branches.set(0, torch.zeros(6).double())
    assert asked(two_level, branches, 1) == 6


def test_gradients_for_rows_that_begin_alike_are_those_of_each_row(toys):
    """Two rows of one condition and two that are equal: none of them stands for another."""
    joint = toys.gaussian(Autoregressive, "two_level", conditioning=[0])
    y = torch.tensor([[0.5, 0.1, 2.0], [0.5, 0.3, 1.0], [0.5, 0.3, 1.0]]).double()
    together = y.clone().requires_grad_()
    joint.log_prob(together).sum().backward()
    for row, found in zip(y, together.grad, strict=True):
        alone = row[None].clone().requires_grad_()
        joint.log_prob(alone).sum().backward()
        torch.testing.assert_close(found, alone.grad[0])


@pytest.mark.parametrize("read", ["law", "network"])
def test_a_sample_is_the_same_and_costs_less(toys, read):
    """Two bits: one context for the first, two for the second; with and without short cuts."""
    n = 1000
    tau = torch.rand((n, 2), generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(n, 2, dtype=torch.bool)
    one = toys.binary(Autoregressive, "two_level")
    two = Ensemble([toys.binary(Autoregressive, "two_level") for _ in range(2)])
    for joint, chains in ((one, [one]), (two, two.members)):
        for chain in chains:
            chain.backbone.rows_computed = 0
        rows = joint.fill(torch.zeros(n, 2), hidden, tau=tau, read=read)
        assert sum(chain.backbone.rows_computed for chain in chains) <= 3 * len(chains)
        each = [
            joint.fill(torch.zeros(1, 2), hidden[:1], tau=tau[k : k + 1], read=read)
            for k in range(50)
        ]
        assert torch.equal(rows[:50], torch.cat(each))


def test_a_density_of_rows_costs_as_many_rows_as_differ(toys):
    """Bits again: two kinds of rows after the first, where no short cut would compute 2,000."""
    joint = toys.binary(Autoregressive, "two_level")
    y = torch.randint(2, (1000, 2), generator=torch.Generator().manual_seed(1)).double()
    joint.backbone.rows_computed = 0
    found = joint.log_prob(y)
    assert joint.backbone.rows_computed == 3
    expected = toys.table[y[:, 0].long(), y[:, 1].long()].log()
    torch.testing.assert_close(found, expected)
