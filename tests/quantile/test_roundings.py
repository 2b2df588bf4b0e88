"""Laws where rounding used to lose mass: moved atoms, wide tails, whole numbers, far quantiles."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from qdist.errors import InputError
from qdist.quantile import (
    Affine,
    Categorical,
    Empirical,
    Frozen,
    PiecewiseLinear,
    Rounded,
)

f64 = torch.float64


@pytest.mark.parametrize(
    "base",
    [
        Empirical(torch.tensor([0.1, 0.7, 0.7, 1.9], dtype=f64)),
        Categorical(torch.zeros(10, dtype=f64)),
        PiecewiseLinear(
            torch.tensor([0.0, 0.5, 1.0], dtype=f64), torch.tensor([0.1, 0.1, 2.0], dtype=f64)
        ),
    ],
    ids=["empirical", "categorical", "an atom and a line"],
)
@pytest.mark.parametrize(("loc", "scale"), [(0.3, 0.7), (0.1, 0.3), (-1e6, 1e-3)])
def test_moved_atoms_keep_their_mass(base, loc, scale):
    """No loc and scale here can be added and taken away again without a rounding."""
    law = Affine(base, torch.tensor(loc, dtype=f64), torch.tensor(scale, dtype=f64))
    for tau in torch.linspace(0.02, 0.98, 25, dtype=f64):
        y, v = law.icdf(tau), base.icdf(tau)
        if base.cdf(v) > base.cdf_left(v):
            assert law.cdf(y) == base.cdf(v) >= tau
            assert law.cdf_left(y) == base.cdf_left(v)
            assert law.sf(y) == base.sf(v)
            if "log_prob" in law.can:
                assert law.log_prob(y) == base.log_prob(v)


@pytest.mark.parametrize(
    ("values", "mass"), [([0.0, 0.01, 0.02], 1.0), ([0.0, 0.01, 0.5], 2 / 3)], ids=["all", "two"]
)
def test_atoms_that_are_moved_to_one_place_add_up_there(values, mass):
    """Near a million, float32 has a number for each sixteenth."""
    y, one = torch.tensor([1e6, 1.0], dtype=torch.float32)
    base = Categorical(0 * one.expand(3), values=torch.tensor(values, dtype=y.dtype))
    law = Affine(base, y, one)
    below = torch.nextafter(y, 0 * y)
    assert law.cdf(below) == law.cdf_left(y) == 0.0
    assert law.cdf(y).item() == pytest.approx(mass)
    assert law.sf(y).item() == pytest.approx(1 - mass, abs=1e-6)
    assert law.log_prob(y).exp().item() == pytest.approx(mass)
    assert law.log_prob(below) == -torch.inf


def test_the_mass_of_merged_atoms_has_a_gradient():
    logits = torch.zeros(3, dtype=torch.float32, requires_grad=True)
    base = Categorical(logits, values=torch.tensor([0.0, 0.01, 0.5], dtype=torch.float32))
    law = Affine(base, 1e6, 1.0)
    law.log_prob([1e6, 1e6 + 0.5]).sum().backward()
    # Of log(2/3): 1/6 for each of the two, -1/3 for the third; of log(1/3): -1/3 and 2/3.
    assert logits.grad.tolist() == pytest.approx([-1 / 6, -1 / 6, 1 / 3])


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
def test_laws_over_whole_numbers_are_refused(dtype):
    """Their shares would be truncated: the mean of 1, 2 and 4 was 0."""
    values = torch.tensor([0, 1, 1]).to(dtype)
    with pytest.raises(InputError, match="Expected values of floating point"):
        Empirical(values)
    with pytest.raises(InputError, match="Expected values of floating point"):
        PiecewiseLinear(torch.tensor([0.0, 0.5, 1.0]), values)


@pytest.mark.parametrize(
    "frozen", [stats.f(3, 4), stats.f(5, 10), stats.betaprime(2, 3)], ids=["f", "f 5", "betaprime"]
)
@pytest.mark.parametrize("y", [0.3, 1.0, 7.0])
def test_the_crps_of_laws_whose_quantiles_overflow_in_scipy(frozen, y):
    # The integral over values of (F(x) - 1{y <= x})^2.
    found = Frozen(frozen).crps(y).item()
    points = np.concatenate([np.linspace(0, 10, 200_001), np.geomspace(10, 1e9, 200_001)[1:]])
    upto = frozen.cdf(points)
    integrand = np.where(points < y, upto, frozen.sf(points)) ** 2
    assert found == pytest.approx(np.trapezoid(integrand, points), rel=1e-3)


@pytest.mark.parametrize(
    ("dtype", "scale", "tolerance"),
    [(torch.float32, 1e5, 1e-4), (torch.float32, 1e8, 1e-3), (f64, 1e12, 1e-9)],
)
def test_wide_tails_on_a_fine_grid(dtype, scale, tolerance):
    """A grid much finer than the law changes nothing: two exponential tails, worked by hand."""
    half = torch.tensor([0.5, 0.5], dtype=dtype)
    tails = (torch.tensor(scale, dtype=dtype), torch.tensor(scale, dtype=dtype))
    law = Rounded(PiecewiseLinear(half, torch.tensor([0.0, 0.0], dtype=dtype), tails=tails))
    # Laplace: variance 2 s^2; CRPS at y is s (|z| + e^-|z| - 3/4) with z = y / s
    assert abs(law.mean.item()) < tolerance * scale
    assert law.variance.item() == pytest.approx(2 * scale**2, rel=10 * tolerance)
    expected = scale * (1 + math.exp(-1) - 0.75)
    assert law.crps(torch.tensor(scale, dtype=dtype)).item() == pytest.approx(
        expected, rel=10 * tolerance
    )


@pytest.mark.parametrize("y", [math.inf, -math.inf])
def test_infinitely_far_from_a_rounded_law(y):
    values = torch.tensor([0.0, 3.0], dtype=f64)
    law = Rounded(PiecewiseLinear(torch.tensor([0.0, 1.0], dtype=f64), values))
    assert law.crps(y).item() == math.inf
