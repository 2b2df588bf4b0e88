"""How far levels reach in a backbone: proved by gradients, and by levels that are replaced."""

import torch
from torch import Tensor

from qdist.orders import sees
from qdist.testing.cases import PRESENT, TOLERANCE
from qdist.testing.kit import Kit

__all__ = ["check_levels"]

_REACH = {
    "none": "no level",
    "own": "its own level only",
    "past": "its own level and those of lower rank only",
}


def check_levels(kit: Kit, what: str, rank: Tensor) -> None:
    """Checks that contexts depend on the levels that `sees_levels` says, and on no others.

    Args:
        kit: The backbone under test.
        what: The kind of rank, for messages.
        rank: Ranks, shape (D,) or (B, D).

    Raises:
        AssertionError: If it is not so.
    """
    net = kit.net
    y = kit.values()
    tau = kit.tau.clone().requires_grad_()
    h = net(y, rank, tau=tau)
    seen, own = sees(rank.expand(y.shape)), torch.eye(net.dim, dtype=torch.bool)
    reach = net.sees_levels
    allowed = {"none": own & ~own, "own": own, "past": seen | own}[reach]
    effect = torch.stack([kit.gradient(h[:, i], tau).abs() for i in range(net.dim)], 1)
    _expect_none(kit, effect, allowed, what, "a gradient")
    # A level may be compared or rounded, which leaves no gradient: replace it as well.
    for k in range(net.dim):
        changed = kit.tau.clone()
        changed[:, k] = torch.rand(len(y), generator=kit.generator, dtype=y.dtype)
        with torch.no_grad():
            delta = (net(y, rank, tau=changed) - h).abs().amax(-1)
        effect[:, :, k] = torch.maximum(effect[:, :, k], delta)
    _expect_none(kit, effect, allowed, what, "a change")
    _expect_some(kit, effect, seen & ~own, what)
    if reach == "own":
        read = net.at_levels(net.content(y, rank), kit.tau)
        kit.expect(
            kit.close(read, h),
            "forward(y, rank, tau=tau) to be at_levels(content(y, rank), tau); they differ",
        )
    _check_training(kit, y, rank, allowed, what)


def _check_training(kit: Kit, y: Tensor, rank: Tensor, allowed: Tensor, what: str) -> None:
    """The same where dropout and the like are at work."""
    tau = kit.tau.clone().requires_grad_()
    h = kit.run_in_training(y, rank, tau=tau)
    effect = torch.stack([kit.gradient(h[:, i], tau).abs() for i in range(kit.net.dim)], 1)
    _expect_none(kit, effect, allowed, what, "a gradient in training mode")
    for k in range(kit.net.dim):
        changed = kit.tau.clone()
        changed[:, k] = torch.rand(len(y), generator=kit.generator, dtype=y.dtype)
        with torch.no_grad():
            delta = kit.run_in_training(y, rank, tau=changed) - h
        effect[:, :, k] = delta.abs().amax(-1)
    _expect_none(kit, effect, allowed, what, "a change in training mode")


def _expect_none(kit: Kit, effect: Tensor, allowed: Tensor, what: str, got: str) -> None:
    reach = kit.net.sees_levels
    bad = ((effect > TOLERANCE) & ~allowed).nonzero().tolist()
    _, i, k = bad[0] if bad else (0, 0, 0)
    kit.expect(
        not bad,
        f"h[{i}] to depend on {_REACH[reach]} under {what}, as sees_levels is {reach!r}; got "
        f"{got} from tau[{k}]. Read each level in a stream of its own, or say how far "
        "levels reach",
    )


def _expect_some(kit: Kit, effect: Tensor, others: Tensor, what: str) -> None:
    """What a network says it sees it must see, where there is anything to be seen."""
    reach = kit.net.sees_levels
    there = (effect > PRESENT).any(0)
    modelled = torch.ones(kit.net.dim, dtype=torch.bool)
    modelled[kit.given] = False
    blind = (modelled & ~there.diagonal()).nonzero().flatten().tolist()
    kit.expect(
        reach == "none" or not blind,
        f"h[{blind[0] if blind else 0}] to depend on its own level under {what}, as "
        f"sees_levels is {reach!r}; got no dependence",
    )
    chain = others.any(0)[modelled][:, modelled]
    there.fill_diagonal_(0)
    kit.expect(
        reach != "past" or not chain.any() or bool(there.any()),
        f"some h to depend on the level of another coordinate under {what}, as sees_levels is "
        "'past'; got none. Say 'own': then there are laws, not samples only",
    )
