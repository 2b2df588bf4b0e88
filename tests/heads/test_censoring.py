"""Clamps on Q(tau), cells of a grid, and the way back to it: exact, and unbiased."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.errors import InputError
from qdist.heads import ImplicitHead, SplineHead
from qdist.heads.censoring import censored, grid_points, on_grid, way_back
from qdist.losses import pinball
from qdist.quantile import PiecewiseLinear

LEVELS = (torch.arange(20_001, dtype=torch.float64) + 0.5) / 20_001


@pytest.fixture
def law():
    """A batch of two laws with tails, far from any symmetry."""
    values = torch.tensor([[-3.0, -1.0, 0.2, 2.0], [-9.0, -8.0, -7.0, -6.0]])
    tails = (torch.tensor([0.5, 1.0]), torch.tensor([2.0, 3.0]))
    return PiecewiseLinear(torch.tensor([0.1, 0.4, 0.6, 0.9]), values, tails=tails)


@pytest.mark.parametrize(("lower", "upper"), [(-2.0, 1.0), (-20.0, 20.0), (0.3, 0.4)])
def test_censored_is_the_clamped_quantile_function(law, lower, upper):
    bounded = PiecewiseLinear(torch.tensor([0.0, 0.4, 0.6, 1.0]), law.values)
    cut = censored(bounded, lower, upper)
    torch.testing.assert_close(
        cut.quantiles(LEVELS), bounded.quantiles(LEVELS).clamp(lower, upper)
    )


def test_censored_with_a_tail_on_the_other_side(law):
    """The second law lies below the range up to its tail, which then begins at the range."""
    one_tail = PiecewiseLinear(
        torch.tensor([0.0, 0.4, 0.6, 0.9]), law.values, tails=(None, law.tails[1])
    )
    cut = censored(one_tail, 0.0, None)
    torch.testing.assert_close(cut.quantiles(LEVELS), one_tail.quantiles(LEVELS).clamp(0.0))
    torch.testing.assert_close(cut.cdf(torch.tensor(0.0)), one_tail.cdf(torch.tensor(0.0)))


def test_censored_crps_by_levels(law):
    """The closed form of the censored object against pinball losses of the clamped values."""
    bounded = PiecewiseLinear(torch.tensor([0.0, 0.4, 0.6, 1.0]), law.values)
    y = torch.tensor([0.5, -2.0])
    u = y[:, None] - bounded.quantiles(LEVELS).clamp(-2.0, 1.0)
    expected = 2 * (u * (LEVELS - (u <= 0).double())).mean(-1)
    found = censored(bounded, -2.0, 1.0).crps(y)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_cells_are_differences_of_the_cdf(law):
    grid = torch.tensor([-4.0, -1.0, 0.0, 3.0])
    found = on_grid(law, grid).log_prob(grid[:, None]).exp()
    edges = law.cdf(torch.tensor([[-2.5], [-0.5], [1.5]]))
    expected = torch.cat([edges[:1], edges.diff(dim=0), 1 - edges[-1:]])
    torch.testing.assert_close(found, expected)


def test_cells_far_in_the_upper_tail_keep_their_mass():
    """By survivals: with cdfs near 1 in float32 this mass would be lost altogether."""
    law = PiecewiseLinear(
        torch.tensor([0.25, 0.75], dtype=torch.float32),
        torch.tensor([0.0, 1.0], dtype=torch.float32),
        tails=(torch.ones((), dtype=torch.float32), torch.ones((), dtype=torch.float32)),
    )
    grid = torch.arange(41, dtype=torch.float32)
    # 0.25 e^-(30.5 - 1) (1 - 1/e)
    expected = torch.tensor(0.25 * (1 - torch.e**-1)).log() - 28.5
    found = on_grid(law, grid).log_prob(torch.tensor(30.0))
    torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=0)


def test_way_back_is_zero_and_unbiased():
    """Its mean gradient is F(l) - tau below the range and F(u-) - tau above, nothing inside."""
    y = torch.cat([torch.zeros(70), torch.full((10,), 0.5), torch.ones(20)])
    q = torch.tensor([-0.1, -0.1, 0.4, 1.2, 1.2], requires_grad=True)
    tau = torch.tensor([0.6, 0.9, 0.5, 0.75, 0.9])
    value = way_back(q, tau, y[:, None], 0.0, 1.0, margin=5.0)
    assert (value == 0).all()
    value.sum(-1).mean().backward()
    expected = torch.tensor([0.7 - 0.6, 0.7 - 0.9, 0.0, 0.8 - 0.75, 0.8 - 0.9])
    torch.testing.assert_close(q.grad, expected)


@given(
    q=st.floats(-3, 4).filter(lambda q: not 0 <= q <= 1),
    tau=st.floats(0.01, 0.99),
    target=st.sampled_from([0.0, 0.25, 1.0]),
    margin=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_way_back_is_the_pinball_loss_to_what_an_atom_stands_for(q, tau, target, margin):
    """The atom at 0 stands for all up to -margin, that at 1 for all from 1 + margin."""
    nearest = {0.0: min(q, -margin), 1.0: max(q, 1 + margin)}.get(target, target)
    at = torch.tensor([q, q], requires_grad=True)
    level = torch.tensor(tau)
    way_back(at[0], level, torch.tensor(target), 0.0, 1.0, margin=margin).backward()
    if nearest != q:  # else it has been reached
        pinball(torch.tensor(nearest) - at[1], level).backward()
    grad = at.grad
    torch.testing.assert_close(grad[0], grad[1])


@pytest.mark.parametrize("head", [SplineHead, ImplicitHead])
def test_a_head_lost_beyond_the_range_comes_back(head):
    torch.manual_seed(0)
    lost = head(3, lower=0.0, upper=2.0, loc=-50.0, scale=0.1)
    for y, back in ((torch.rand(200) + 0.5, True), (torch.zeros(200), False)):  # it is there
        generator = torch.Generator().manual_seed(0)
        loss = lost.loss(torch.ones(3), y, generator=generator).mean()
        slopes = torch.autograd.grad(loss, lost.parameters())
        assert bool(sum(slope.abs().sum() for slope in slopes) > 0) == back


def test_an_implicit_head_learns_which_rows_are_zero():
    """Half the rows are 0, the others uniform on [1/2, 1], and the context tells which."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    head = ImplicitHead(16, lower=0.0, upper=1.0, scale=12**-0.5)
    sides = torch.randn(2, 16).abs()
    adam = torch.optim.Adam(head.parameters(), lr=2e-3)
    for _ in range(200):
        side = torch.randint(2, (128,), generator=generator)
        y = side * (0.5 + 0.5 * torch.rand(128, generator=generator, dtype=torch.float64))
        adam.zero_grad()
        head.loss(sides[side], y, generator=generator).mean().backward()
        adam.step()
    levels = torch.linspace(0.05, 0.95, 19)
    with torch.no_grad():
        zero, positive = head(sides).quantiles(levels)
    # Without a way back it is 0.75, with one from ten spreads beyond the range 0.05; now 0.01.
    assert (positive - (0.5 + 0.5 * levels)).abs().mean() < 0.03
    assert (zero[:-1] == 0).all()


@pytest.mark.parametrize("head", [SplineHead, ImplicitHead])
def test_on_a_grid_the_law_takes_its_values_only(head):
    law = head(3, lower=-1.0, upper=1.0, step=0.25)(torch.randn(4, 3))
    assert torch.isin(law.quantiles(LEVELS[::50]), grid_points(-1.0, 1.0, 0.25)).all()


def test_grid_score_by_hand():
    """Targets between grid points count for the nearest one."""
    head = SplineHead(2, lower=0.0, upper=3.0, step=1.0, score="log")
    law = head(torch.zeros(2))
    found = head.loss(torch.zeros(2), torch.tensor([0.9, 7.0]))
    torch.testing.assert_close(found, -law.log_prob(torch.tensor([1.0, 3.0])))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SplineHead(2, lower=1.0, upper=0.0), "lower < upper"),
        (lambda: SplineHead(2, scale=0.0), "positive scale"),
        (lambda: SplineHead(2, margin=-1.0), "margin >= 0"),
        (lambda: ImplicitHead(2, margin=float("inf")), "margin >= 0"),
        (lambda: SplineHead(2, step=1.0), "lower and upper with a step"),
        (lambda: SplineHead(2, lower=0.0, upper=1.0, step=5.0), "step of at most 1.0"),
        (lambda: SplineHead(2, score="log"), "Expected score 'crps' without a step"),
        (lambda: SplineHead(2, knots=1), "at least 2 knots"),
        (lambda: SplineHead(2, levels="loose"), "'fixed' or 'free'"),
        (lambda: SplineHead(2, score="rps"), "'crps', 'log' or 'both'"),
        (lambda: ImplicitHead(2, kappa=-1.0), "kappa >= 0"),
        (lambda: ImplicitHead(2, step=1.0), "lower and upper with a step"),
    ],
)
def test_errors(make, match):
    with pytest.raises(InputError, match=match):
        make()
