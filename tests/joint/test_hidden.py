"""One level as two numbers: which member is asked, and at what level."""

import pytest
import torch

from qdist.heads import ColumnHeads, SplineHead
from qdist.joint import Autoregressive, Ensemble
from qdist.joint.hidden import choose_member


@pytest.mark.parametrize("members", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_what_is_left_of_a_level_lies_strictly_inside(dtype, members):
    steps = torch.arange(members + 1, dtype=dtype) / members
    tau = torch.cat([steps, steps.nextafter(-torch.ones(())), steps.nextafter(2 * torch.ones(()))])
    tau = tau[(tau >= 0) & (tau <= 1)]
    chosen, level = choose_member(tau, members)
    assert ((chosen >= 0) & (chosen < members)).all()
    assert ((level > 0) & (level < 1)).all()
    assert level.dtype == dtype
    # Both together are the level, but for the rounding of the product.
    torch.testing.assert_close((chosen + level) / members, tau)


def test_levels_stay_uniform(generator):
    chosen, level = choose_member(torch.rand(30_000, generator=generator), 3)
    assert (chosen.bincount() / 10_000 - 1).abs().max() < 0.05
    for k in range(3):
        spread = level[chosen == k].sort().values
        ideal = torch.linspace(0, 1, len(spread), dtype=spread.dtype)
        assert (spread - ideal).abs().max() < 1.95 / 9_000**0.5  # Kolmogorov, p = 0.001


def test_an_ensemble_draws_no_infinite_value_where_a_chain_draws_none(toys):
    def chain():
        heads = ColumnHeads([SplineHead(2) for _ in range(3)])
        return Autoregressive(toys.backbone("two_level"), heads)

    a, b = chain(), chain()
    y = torch.zeros(2, 3)
    visible = torch.zeros(2, 3, dtype=torch.bool)
    for tau in (0.5, 0.0, 1.0):
        levels = torch.full((2, 3), tau)
        drawn = Ensemble([a, b]).fill(y, visible, tau=levels, read="network")
        assert drawn.isfinite().all(), tau
    assert a.fill(y, visible, tau=torch.full((2, 3), 0.5), read="network").isfinite().all()
