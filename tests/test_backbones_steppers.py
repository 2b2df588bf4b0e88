"""Steppers that break the contract: each is caught."""

import pytest
import torch
from torch import nn

from qdist.backbones import (
    AbstractBackbone,
    AbstractStepper,
    BranchingStepper,
    RecomputeStepper,
    TableDomain,
)
from qdist.testing import check_backbone


class TwoLevel(AbstractBackbone):
    """A masked MLP: values where visible, and what is visible; the lowest rank sees nothing."""

    name, serves, takes = "toy_two_level", "two_level", TableDomain

    def __init__(self, domain, *, context=6, width=32):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), context
        self.inside = nn.Sequential(nn.Linear(2 * self.dim, width), nn.ReLU())
        self.outside = nn.Linear(width, self.dim * context)

    def run(self, y, visible):
        known = torch.cat([torch.where(visible, y, 0), visible.to(y.dtype)], -1)
        return self.outside(self.inside(known)).unflatten(-1, (self.dim, self.context))

    def forward(self, y, rank, *, tau=None):
        rank = rank.expand(y.shape)
        visible = rank < rank.amax(1, keepdim=True)
        nothing = self.run(y, torch.zeros_like(visible))
        return torch.where(visible.unsqueeze(-1), nothing, self.run(y, visible))


class StaleStepper(TwoLevel):
    """A cache that is never told."""

    def stepper(self, y, visible):
        class Stale(AbstractStepper):
            def __init__(self, net):
                self.net = net

            def context(self, i, *, rows=None):
                h = self.net(y, (~visible).long())[:, i]
                return h if rows is None else h[rows]

            def set(self, i, value, *, rows=None):
                pass

        return Stale(self)


class GreedyStepper(TwoLevel):
    """Writes into the caller's tensors."""

    def stepper(self, y, visible):
        net = self

        class Greedy(AbstractStepper):
            def context(self, i, *, rows=None):
                h = net(y, (~visible).long())[:, i]
                return h if rows is None else h[rows]

            def set(self, i, value, *, rows=None):
                at = slice(None) if rows is None else rows
                y[at, i] = value
                visible[at, i] = True

        return Greedy()


class StubbornStepper(TwoLevel):
    """Goes on with all rows, whichever it is to take."""

    def stepper(self, y, visible):
        class Stubborn(BranchingStepper):
            def __init__(self, inner):
                self.inner = inner

            def context(self, i, *, rows=None):
                return self.inner.context(i, rows=rows)

            def set(self, i, value, *, rows=None):
                self.inner.set(i, value, rows=rows)

            def take(self, rows):
                pass

        return Stubborn(RecomputeStepper(self, y, visible))


BROKEN = {
    "stale": (StaleStepper, r"the stepper's context of coordinate \d to equal"),
    "greedy": (GreedyStepper, r"leave the caller's tensors alone"),
    "stubborn": (StubbornStepper, r"the stepper's context of coordinate \d to equal"),
}


@pytest.mark.parametrize(("cls", "match"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stepper_is_caught(cls, match):
    with pytest.raises(AssertionError, match=f"^{cls.__name__}: .*{match}"):
        check_backbone(cls)
