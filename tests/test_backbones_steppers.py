"""Steppers that break the contract: each is caught."""

import pytest

from qdist.backbones import AbstractStepper, BranchingStepper, RecomputeStepper
from qdist.testing import check_backbone
from tests.test_backbones import TwoLevel


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
