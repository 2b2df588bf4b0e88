"""Losses of the spline and implicit heads by independent routes."""

import math

import pytest
import torch

from qdist.backbones import Coordinate
from qdist.heads import ImplicitHead, SplineHead
from qdist.losses import huber_pinball, pinball

LEVELS = (torch.arange(20_001, dtype=torch.float64) + 0.5) / 20_001


@pytest.mark.parametrize("levels", ["fixed", "free"])
def test_spline_loss_is_the_integrated_pinball(levels):
    head = SplineHead(3, knots=8, levels=levels)
    h, y = torch.randn(5, 3), torch.randn(5)
    q = head(h).quantiles(LEVELS)
    expected = pinball(y[:, None] - q, LEVELS).mean(-1)
    torch.testing.assert_close(head.loss(h, y), expected, atol=1e-4, rtol=0)


def test_spline_is_half_the_crps():
    head = SplineHead(3)
    h, y = torch.randn(5, 3), torch.randn(5)
    torch.testing.assert_close(head.loss(h, y), head(h).crps(y) / 2)


def test_spline_starts_near_normal():
    q = SplineHead(3, loc=10.0, scale=2.0)(torch.zeros(3)).quantiles([0.1, 0.5, 0.9])
    # 10 + 2 * (-1.28, 0, 1.28)
    torch.testing.assert_close(q, torch.tensor([7.44, 10.0, 12.56]), atol=0.15, rtol=0)


def test_implicit_loss_is_the_pinball_at_its_levels():
    for kappa in (0.0, 0.1):
        head = ImplicitHead(3, n_tau=4, kappa=kappa, scale=2.0)
        h, y = torch.randn(5, 3), torch.randn(5)
        tau = torch.rand(4, 5, generator=torch.Generator().manual_seed(9))
        u = y - head(h).raw(tau)
        each = pinball(u, tau) if kappa == 0 else huber_pinball(u, tau, kappa=0.2)
        found = head.loss(h, y, generator=torch.Generator().manual_seed(9))
        torch.testing.assert_close(found, each.mean(0))


def test_implicit_mean_loss_is_half_the_crps_if_monotone():
    """With weights that make the network increase, the rearrangement changes nothing."""
    head = ImplicitHead(1, n_cos=1, n_tau=20_000)
    with torch.no_grad():
        # relu(1 - cos(pi tau)) = 1 - cos(pi tau), which increases.
        for layer, weight, bias in (
            (head.embed, -1.0, 1.0),
            (head.hidden, 1.0, 0.0),
            (head.output, 1.0, 0.0),
        ):
            layer.weight.fill_(weight)
            layer.bias.fill_(bias)
    h, y = torch.ones(1), torch.tensor(0.7)
    law = head(h)
    # Q(1/3) = 1 - cos(pi / 3) = 1/2.
    torch.testing.assert_close(law.raw(torch.tensor(1 / 3)), torch.tensor(0.5))
    loss = head.loss(h, y, generator=torch.Generator().manual_seed(0))
    # Losses lie in [0, 1.3]: a standard error below 0.5 / sqrt(20,000) = 0.0035.
    assert math.isclose(loss.item(), law.crps(y).item() / 2, abs_tol=0.014)


def test_implicit_chunks_change_nothing(monkeypatch):
    head = ImplicitHead(4)
    h = torch.randn(3, 4)
    with torch.no_grad():
        whole = head(h).quantiles(LEVELS[::200])
        monkeypatch.setattr("qdist.heads.implicit._CHUNK", 64)
        torch.testing.assert_close(head(h).quantiles(LEVELS[::200]), whole)


@pytest.mark.parametrize("head", [SplineHead, ImplicitHead])
def test_units_from_the_bins(head):
    made = head.for_coordinate(Coordinate("x", bins=((0.0, 6.0), (6.0, 12.0))), 3)
    assert (made.lower, made.upper, made.loc) == (0.0, 12.0, 6.0)
    assert math.isclose(made.scale, 12 / math.sqrt(12))
    assert head.for_coordinate(Coordinate("x"), 3).lower is None
    given = head.for_coordinate(Coordinate("x", bins=((0.0, 6.0),)), 3, lower=None, upper=None)
    assert given.upper is None


@pytest.mark.parametrize("levels", ["fixed", "free"])
def test_spline_starts_at_the_marginal_law(levels):
    """Exponential draws 0 ... : medians and tails agree before any step of training."""
    y = 3 - torch.log1p(-LEVELS)
    head = SplineHead(3, levels=levels, loc=1.0, scale=0.7)
    head.start(y)
    law = head(torch.zeros(3))
    torch.testing.assert_close(law.quantiles(LEVELS)[2000:18000], y[2000:18000], atol=0.05, rtol=0)
    assert law.crps(y).mean() < 0.505  # the truth has 1/2


def test_implicit_loss_at_levels_is_that_of_the_levels():
    head = ImplicitHead(3, lower=0.0, upper=4.0, step=1.0, kappa=0.01)
    h, y, tau = torch.randn(5, 3), torch.arange(5.0), torch.rand(5)
    u = y - head.raw(h, tau).clamp(0.0, 4.0)
    torch.testing.assert_close(head.loss_at(h, y, tau), huber_pinball(u, tau, kappa=0.01))


def test_implicit_values_at_levels_are_draws_of_the_law():
    head = ImplicitHead(3, n_cos=2, lower=0.0, upper=4.0, step=1.0, loc=2.0, scale=3.0)
    h, tau = torch.randn(3), LEVELS[::20]
    values = head.value_at(h.expand(len(tau), 3), tau)
    assert set(values.tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    share = (values.unsqueeze(-1) == torch.arange(5.0)).double().mean(0)
    # The law is read on a grid of 256 levels. Two cosines turn once or twice, so that at each of
    # its two ends a cell gains or loses at most a level or two.
    mass = head(h).log_prob(torch.arange(5.0)).exp()
    assert (share - mass).abs().max() <= 4 / 256


@pytest.mark.parametrize("levels", ["fixed", "free"])
def test_spline_log_score_of_a_cell_is_that_of_the_law(levels):
    head = SplineHead(
        3, knots=5, lower=0.0, upper=6.0, step=1.0, levels=levels, score="log", loc=2
    )
    h = 2 * torch.randn(4, 3)
    y = torch.arange(7.0).unsqueeze(-1)
    law = head(h)
    torch.testing.assert_close(head.loss(h, y), -law.log_prob(y), atol=1e-9, rtol=1e-9)
    assert torch.allclose((-head.loss(h, y)).exp().sum(0), torch.ones(4))
