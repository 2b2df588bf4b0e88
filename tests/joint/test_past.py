"""Rows that know the same so far are asked for once."""

import pytest
import torch

from qdist.joint import Autoregressive, Ensemble
from qdist.joint.cells import Past


class Echo:
    """A stepper whose contexts are the numbers of the rows, and that counts what it gives."""

    def __init__(self):
        self.asked = 0

    def context(self, i, *, rows=None):
        self.asked += 6 if rows is None else len(rows)
        return (torch.arange(6) if rows is None else rows)[:, None].double()


@pytest.fixture
def backbone(toys):
    return toys.backbone("two_level")


def test_at_first_all_rows_are_alike_and_then_as_their_values_are(backbone):
    past, stepper = Past(torch.zeros(6, 2, dtype=torch.bool), backbone), Echo()
    assert past.context(stepper, 0, None)[:, 0].tolist() == [0] * 6
    past.add(torch.tensor([7.0, 7, 3, 7, 3, 7]))
    assert past.context(stepper, 1, None)[:, 0].tolist() == [0, 0, 2, 0, 2, 0]
    assert past.context(stepper, 1, torch.tensor([4, 5, 3]))[:, 0].tolist() == [4, 5, 5]
    past.add(torch.tensor([1.0, 1, 1, 2, 1, 1]))  # pairs 71, 71, 31, 72, 31, 71
    assert past.context(stepper, 1, None)[:, 0].tolist() == [0, 0, 2, 3, 2, 0]
    assert stepper.asked == 1 + 2 + 2 + 3
    past.add(torch.arange(6.0))  # now all differ
    assert past.context(stepper, 1, None)[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert past.context(stepper, 1, torch.tensor([], dtype=torch.long)).shape == (0, 1)


def test_what_is_known_at_first_or_levels_that_are_seen_leave_each_row_by_itself(toys, backbone):
    known = torch.zeros(6, 2, dtype=torch.bool)
    known[3, 1] = True
    for past in (
        Past(known, backbone),
        Past(torch.zeros(6, 2, dtype=torch.bool), toys.backbone("any")),
    ):
        assert past.context(Echo(), 0, None)[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


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
