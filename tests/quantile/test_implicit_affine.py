"""Laws made from other things: a callable, and another law."""

import math

import pytest
import torch

from qdist.errors import InputError
from qdist.quantile import Affine, Categorical, Implicit, PiecewiseLinear


def test_no_graph_is_kept_for_those_who_want_no_gradient():
    weight = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    modes = []

    def fn(tau):
        modes.append(torch.is_grad_enabled())
        return weight * tau

    law = Implicit(fn, (), grid=64, dtype=torch.float64)
    with torch.no_grad():
        assert not law.rearranged.values.requires_grad
        law.cdf(0.5), law.mean
    assert modes == [False]  # made once
    law.mean.backward()  # who wants one later gets it
    assert weight.grad.item() == pytest.approx(0.5, rel=1e-6)
    with torch.no_grad():
        law.cdf(0.5)
    assert modes == [False, True]


def test_a_crossing_callable_is_rearranged():
    # |2 tau - 1| folds the uniform law: Q(U) is uniform on (0, 1)
    law = Implicit(lambda tau: (2 * tau - 1).abs(), (), grid=1000)
    tau = torch.linspace(0.05, 0.95, 19)
    torch.testing.assert_close(law.icdf(tau), tau, rtol=0, atol=1e-3)
    torch.testing.assert_close(law.cdf(tau), tau, rtol=0, atol=1e-3)
    assert law.raw(torch.tensor(0.0)) == 1.0  # the callable itself
    assert law.mean == pytest.approx(0.5, abs=1e-3)
    assert law.variance == pytest.approx(1 / 12, abs=1e-3)
    # crps of the uniform law at 0 is int_0^1 (1 - x)^2 = 1/3
    assert law.crps(0.0) == pytest.approx(1 / 3, abs=2e-3)


def test_a_linear_callable_is_met_exactly():
    law = Implicit(lambda tau: 3 * tau - 1, (), grid=8)
    tau = torch.tensor([0.0, 0.01, 0.5, 1.0])
    torch.testing.assert_close(law.icdf(tau), 3 * tau - 1)
    assert law.variance == pytest.approx(9 / 12)


def test_draws_are_the_callable_at_uniform_levels():
    def seeded():
        return torch.Generator().manual_seed(4)

    law = Implicit(torch.logit, ())
    u = torch.rand((9,), generator=seeded())
    assert torch.equal(law.sample((9,), generator=seeded()), torch.logit(u))


def test_a_callable_over_a_batch_and_its_expansions():
    scale = torch.tensor([[1.0], [2.0], [3.0]])
    law = Implicit(lambda tau: scale * tau, (3, 1), grid=16)
    assert law.icdf(0.5).squeeze(-1).tolist() == pytest.approx([0.5, 1.0, 1.5])
    wide = law.expand((5, 3, 4))
    tau = torch.rand((2, 5, 3, 4), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(wide.raw(tau), scale * tau)
    torch.testing.assert_close(wide.icdf(tau), scale * tau)
    assert wide.mean.shape == (5, 3, 4)


def test_gradients_reach_the_callable():
    scale = torch.tensor(2.0, requires_grad=True)
    law = Implicit(lambda tau: scale * tau, (), grid=16)
    with torch.no_grad():
        law.icdf(0.5)
    for value in (law.icdf(0.5), law.rsample(), law.crps(3.0), law.mean):
        (gradient,) = torch.autograd.grad(value, scale, retain_graph=True)
        assert gradient.isfinite()
        assert gradient != 0


def test_the_grid_has_two_levels_at_least():
    with pytest.raises(InputError, match="Expected grid to be a whole number >= 2; got 1"):
        Implicit(lambda tau: tau, (), grid=1)


def test_an_affine_law_is_the_law_with_moved_knots(make_linear):
    base = make_linear([0.1, 0.5, 0.8], [-1.0, 0.0, 2.0], 0.5, 1.5)
    law = Affine(base, loc=3.0, scale=2.0)
    direct = make_linear([0.1, 0.5, 0.8], [1.0, 3.0, 7.0], 1.0, 3.0)
    y = torch.tensor([-4.0, 1.0, 2.0, 5.0, 20.0])
    for name in ("cdf", "cdf_left", "sf", "log_prob", "crps"):
        torch.testing.assert_close(getattr(law, name)(y), getattr(direct, name)(y))
    tau = torch.tensor([1e-300, 0.2, 0.6, 0.9])
    torch.testing.assert_close(law.icdf(tau), direct.icdf(tau))
    torch.testing.assert_close(law.isf(tau), direct.isf(tau))
    torch.testing.assert_close(law.mean, direct.mean)
    torch.testing.assert_close(law.variance, direct.variance)
    assert torch.equal(law.breakpoints(), direct.breakpoints())


def test_an_atom_keeps_its_mass_under_scaling(make_linear):
    law = Affine(make_linear([0.0, 0.5, 1.0], [0.0, 0.0, 2.0]), loc=1.0, scale=4.0)
    # mass 0.5 at 1, density 0.25 / 4 above
    assert law.log_prob([1.0, 3.0]).exp().tolist() == pytest.approx([0.5, 0.0625])
    codes = Affine(Categorical(torch.zeros(4)), loc=0.0, scale=10.0)
    assert codes.log_prob([0.0, 10.0, 15.0]).exp().tolist() == pytest.approx([0.25, 0.25, 0.0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("below", "above"), [(0.05, 0.05), (1e-3, 40.0), (40.0, 1e-3), (0, 0.05)])
@pytest.mark.parametrize("size", [1.0, 1e3])
def test_an_atom_beside_a_density_is_found_where_it_was_moved(
    dtype, below, above, size, generator
):
    def draw():
        return torch.randn(500, generator=generator, dtype=dtype)

    v, loc, scale = draw(), size * draw(), draw().exp()
    levels = torch.tensor([0.0, 0.4, 0.7, 1.0], dtype=dtype)
    law = Affine(
        PiecewiseLinear(levels, torch.stack([v - below, v, v, v + above], -1)), loc, scale
    )
    for tau in (0.41, 0.55, 0.7):
        y = law.icdf(tau)
        assert (law.cdf(y) >= law.cdf(y).new_tensor(tau)).all()
        mass = levels[2] - (0 if below == 0 else levels[1])
        torch.testing.assert_close(law.cdf(y) - law.cdf_left(y), mass.expand(500))
        torch.testing.assert_close(law.log_prob(y), mass.log().expand(500))
        torch.testing.assert_close(law.sf(y), (1 - levels[2]).expand(500))


def test_beside_an_atom_there_is_the_density_and_its_gradient(make_linear):
    y = torch.tensor([3.0 - 0.05, 3.0 + 0.05], dtype=torch.float64, requires_grad=True)
    law = Affine(make_linear([0.0, 0.4, 0.7, 1.0], [0.9, 1.0, 1.0, 1.1]), loc=1.0, scale=2.0)
    assert law.log_prob(y).exp().tolist() == pytest.approx([2.0, 1.5])
    (gradient,) = torch.autograd.grad(law.cdf(y).sum(), y)
    assert gradient.tolist() == pytest.approx([2.0, 1.5])


def test_an_affine_law_takes_the_batch_of_all_three():
    base = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]))
    law = Affine(base, torch.zeros(3, 1), torch.ones(4))
    assert law.batch_shape == (3, 4)
    assert law.icdf(0.25).shape == (3, 4)
    with pytest.raises(InputError, match="loc and scale that broadcast"):
        Affine(base.expand((2,)), torch.zeros(3), 1.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_must_be_positive(scale, make_linear):
    with pytest.raises(InputError, match="a positive finite scale"):
        Affine(make_linear([0.0, 1.0], [0.0, 1.0]), 0.0, scale)
