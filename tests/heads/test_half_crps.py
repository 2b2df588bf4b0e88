"""The score that spline heads are trained by: that of their laws, and its gradient."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.errors import InputError
from qdist.heads import SplineHead
from qdist.heads.half_crps import half_crps
from qdist.quantile import PiecewiseLinear

SIDES = {
    "none": (False, False),
    "left": (True, False),
    "right": (False, True),
    "both": (True,) * 2,
}


def law_of(sides, *, seed, n=40, knots=7, ties=False):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    left, right = sides
    levels = torch.cat([torch.zeros(1), draw(knots - 2).sort().values, torch.ones(1)])
    levels = (0.1 if left else 0) + levels * (1 - 0.1 * left - 0.2 * right)
    values = 4 * draw(n, knots).sort(-1).values - 2
    if ties:  # atoms
        values[::3, 2:5] = values[::3, 2, None].clone()
    values.requires_grad_()
    tails = tuple((0.1 + draw(n)).requires_grad_() if side else None for side in sides)
    return PiecewiseLinear(levels, values, tails=tails), draw(n) * 8 - 4


@given(seed=st.integers(0, 999), sides=st.sampled_from(list(SIDES)))
def test_value_and_gradient_are_those_of_the_law(seed, sides):
    law, y = law_of(SIDES[sides], seed=seed)
    y.requires_grad_()
    inputs = [law.values, y, *(scale for scale in law.tails if scale is not None)]
    plain, short = law.crps(y) / 2, half_crps(law, y)
    torch.testing.assert_close(short, plain, rtol=1e-9, atol=1e-12)
    for found, expected in zip(
        torch.autograd.grad(short.sum(), inputs),
        torch.autograd.grad(plain.sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sides", SIDES)
def test_atoms_have_the_score_of_the_law(sides):
    law, y = law_of(SIDES[sides], seed=0, ties=True)
    y = torch.cat([y[:20], law.values.detach()[20:, 2]])  # some of them on a knot
    torch.testing.assert_close(half_crps(law, y), law.crps(y) / 2, rtol=1e-9, atol=1e-12)


def test_by_hand():
    # Q = 2 tau on (0, 1), y = 1: twice the integral of tau (1 - 2 tau) over tau < 1/2, so
    # 2 (1/8 - 1/12) = 1/12.
    levels = torch.tensor([0.0, 1.0], dtype=torch.float64)
    law = PiecewiseLinear(levels, 2 * levels)
    torch.testing.assert_close(half_crps(law, levels[1]), levels[1] / 12)


def test_far_from_zero_digits_are_kept():
    levels = torch.linspace(0.1, 0.9, 9)
    near = PiecewiseLinear(levels, levels, tails=(levels[0], levels[0]))
    far = PiecewiseLinear(levels, levels + 1024, tails=(levels[0], levels[0]))
    y = torch.tensor(0.5)
    # Of values near 1000 float32 keeps 6e-5; the score loses no more than they have lost.
    torch.testing.assert_close(half_crps(far, y + 1024), half_crps(near, y), rtol=0, atol=1e-4)


def test_the_average_of_a_head_is_that_of_its_laws():
    head = SplineHead(3, knots=8).double()
    h = torch.randn(5, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tau = torch.linspace(0.001, 0.999, 50, dtype=torch.float64)
    expected = head(h).quantiles(tau).mean(1)
    torch.testing.assert_close(head.average(h).quantiles(tau), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_the_average_has_the_dtype_of_the_laws_whatever_the_contexts_have(dtype):
    head = SplineHead(3, knots=8).float()
    h = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0)).to(dtype)
    average = head.average(h)
    assert average.levels.dtype == average.values.dtype == head(h).levels.dtype == torch.float32
    assert torch.equal(average.levels, head(h).levels)


@pytest.mark.parametrize("args", [{"levels": "free"}, {"lower": 0.0}, {"upper": 1.0}])
def test_no_average_where_values_are_not_all(args):
    with pytest.raises(InputError, match="fixed levels and no range"):
        SplineHead(3, **args).average(torch.zeros(4, 3))
