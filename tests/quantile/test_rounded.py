"""The rounded law against sums over all its points, and the exact places of decimals."""

import math

import pytest
import torch

from qdist.quantile import PiecewiseLinear, Rounded

BASES = {
    "tails, an atom, half steps": (
        [0.1, 0.3, 0.3, 0.6, 0.6, 0.9],
        [-3.5, -0.5, 0.0, 0.0, 0.5, 7.5],
        2.0,
        3.0,
    ),
    "no tails, knots anywhere": ([0.0, 0.2, 0.45, 1.0], [-0.5, 2.2, 3.9, 10.5], None, None),
    "a narrow tail": ([0.05, 0.4, 1.0], [-1.3, 2.25, 4.5], 0.3, None),
}


@pytest.fixture(params=BASES.values(), ids=BASES)
def base(request, make_linear):
    return make_linear(*request.param)


def test_it_is_the_law_of_rounded_draws(base):
    tau = (torch.arange(4001) + 0.5) / 4001
    z = base.icdf(tau)
    clear = ((z - 0.5) - (z - 0.5).round()).abs() > 1e-9  # of the cuts, where a side is chosen
    assert int(clear.sum()) > 3900
    assert torch.equal(Rounded(base).icdf(tau)[clear], torch.floor(z + 0.5)[clear])


@pytest.mark.parametrize("left", [-0.5, -0.3, 0.2], ids=str)
def test_level_0_is_the_first_point_that_has_mass(make_linear, left):
    law = Rounded(make_linear([0.0, 1.0], [left, 2.4]))  # of 0, 1 and 2
    ends = torch.tensor([0.0, 1.0])
    assert law.icdf(ends).tolist() == [0.0, 2.0]
    assert law.isf(1 - ends).tolist() == [0.0, 2.0]
    assert law.log_prob(law.icdf(ends)).isfinite().all()


def test_scores_and_moments_are_sums_over_its_points(base):
    law = Rounded(base)
    points = torch.arange(-400.0, 400.0)
    mass = law.log_prob(points).exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-12)
    mean = (mass * points).sum()
    assert law.mean.item() == pytest.approx(mean.item(), abs=1e-9)
    spread = (mass * (points - mean).square()).sum()
    assert law.variance.item() == pytest.approx(spread.item(), rel=1e-9)
    upto = mass.cumsum(0)
    for y in (-50.0, -7.3, -3.5, -0.5, 0.0, 0.2, 2.0, 2.2, 7.0, 7.5, 8.0, 10.5, 60.0):
        below = (y - points).clamp(0, 1)  # the share of [j, j + 1) that lies below y
        expected = (below * upto.square() + (1 - below) * (1 - upto).square()).sum()
        assert law.crps(y).item() == pytest.approx(expected.item(), abs=1e-9), y


def test_a_batch_is_its_rows(make_linear):
    levels = torch.tensor([[0.1, 0.5, 0.8], [0.2, 0.3, 0.9]])
    values = torch.tensor([-1.5, 0.5, 6.5])
    tails = (torch.tensor(1.0), torch.tensor(2.0))
    batch = Rounded(PiecewiseLinear(levels, values, tails=tails), step=0.5)
    rows = [Rounded(PiecewiseLinear(row, values, tails=tails), step=0.5) for row in levels]
    y = torch.tensor([[-3.0, 1.5], [0.0, 2.2], [9.0, 9.0]])
    for name in ("cdf", "cdf_left", "sf", "log_prob", "crps"):
        found = getattr(batch, name)(y)
        expected = [getattr(row, name)(y[:, k]) for k, row in enumerate(rows)]
        torch.testing.assert_close(found, torch.stack(expected, 1))
    torch.testing.assert_close(batch.mean, torch.stack([row.mean for row in rows]))
    torch.testing.assert_close(batch.variance, torch.stack([row.variance for row in rows]))


def test_tenths_print_as_they_should(make_linear):
    law = Rounded(make_linear([0.0, 1.0], [-0.5, 9.5]), origin=1.0, step=2.0, divisor=10.0)
    assert law.icdf(torch.tensor([0.05, 0.15, 0.95])).tolist() == [0.1, 0.3, 1.9]
    # 0.3 * 10 is not 3 in floating point; the index is 1 all the same.
    assert law.log_prob(torch.tensor([0.3, 0.30001])).exp().tolist() == pytest.approx([0.1, 0])


f32, f64 = torch.float32, torch.float64
GRIDS = {
    "tenths by a step": (f32, {"step": 0.1}),
    "tenths by a step, double": (f64, {"step": 0.1}),
    "tenths by a divisor": (f32, {"divisor": 10.0}),
    "an origin": (f32, {"step": 0.1, "origin": 3.7}),
    "an origin far from 0": (f32, {"step": 0.0025, "origin": 100.0}),
    "an origin far from 0, double": (f64, {"step": 0.001, "origin": 1.6e6}),
}


@pytest.mark.parametrize(("dtype", "grid"), GRIDS.values(), ids=GRIDS)
def test_every_draw_is_a_point_of_the_grid(dtype, grid, generator):
    levels, values = torch.tensor([0.0, 1.0]), torch.tensor([-0.5, 99.5])
    law = Rounded(PiecewiseLinear(levels.to(dtype), values.to(dtype)), **grid)
    draws = law.sample((5000,), generator=generator)
    mass = torch.full_like(draws, 0.01)
    torch.testing.assert_close(law.log_prob(draws).exp(), mass)
    torch.testing.assert_close(law.cdf(draws) - law.cdf_left(draws), mass, rtol=1e-4, atol=0)
    half = draws + 0.5 * law.step / law.divisor
    assert (law.log_prob(half) == -torch.inf).all()  # between two points there is none


@pytest.mark.parametrize(("first", "count"), [(0, 100), (-50, 100), (-500, 1000), (0, 2000)])
def test_levels_lead_back_in_single_precision_too(first, count):
    points = torch.arange(count, dtype=f32) + first
    levels = torch.tensor([0.0, 1.0], dtype=f32)
    ends = torch.tensor([first - 0.5, first + count - 0.5], dtype=f32)
    law, mirrored = (Rounded(PiecewiseLinear(levels, e)) for e in (ends, -ends.flip(0)))
    assert torch.equal(law.icdf(law.cdf(points)), points)
    assert torch.equal(mirrored.isf(mirrored.sf(-points)), -points)


def test_far_out_masses_keep_their_digits(make_linear):
    law = Rounded(make_linear([0.0, 0.5], [-0.5, 0.5], None, 1.0))
    # P(J = 40) = 0.5 (e^-39 - e^-40), about 4e-18: lost in the difference of two cdfs.
    expected = math.log(0.5) - 39 + math.log1p(-math.exp(-1))
    assert law.log_prob(40.0).item() == pytest.approx(expected, rel=1e-9)


def test_a_variance_far_from_the_least_value_keeps_its_digits():
    """Nothing below 4998.5, then uniform on 4999, 5000 and 5001: 2/3, in single precision too."""
    base = PiecewiseLinear(
        torch.tensor([0.0, 0.0, 1.0], dtype=torch.float32),
        torch.tensor([0.0, 4998.5, 5001.5], dtype=torch.float32),
    )
    assert Rounded(base).variance.item() == pytest.approx(2 / 3, rel=1e-5)


def test_moments_of_seconds_beside_a_zero(make_linear):
    """A thousandth at 0, the rest uniform on 61 seconds of 2023: by the law of total variance."""
    first = 1_700_000_000.0
    law = Rounded(make_linear([0.0, 0.001, 0.001, 1.0], [-0.5, 0.5, first - 0.5, first + 60.5]))
    middle = first + 30
    within, between = (61**2 - 1) / 12, middle**2
    assert law.mean.item() == pytest.approx(0.999 * middle, rel=1e-15)
    assert law.variance.item() == pytest.approx(
        0.999 * within + 0.999 * 0.001 * between, rel=1e-12
    )
    alone = Rounded(make_linear([0.0, 0.0, 1.0], [-0.5, first - 0.5, first + 60.5]))
    assert alone.variance.item() == pytest.approx(within, rel=1e-9)


@pytest.mark.parametrize("start", [1e3, 1e6, 1e9, 1e12], ids=str)
def test_quantiles_of_large_indices_reach_their_level(make_linear, start):
    """The least of ten points whose F is at least 0.15 is the second."""
    law = Rounded(make_linear([0.0, 1.0], [start - 0.5, start + 9.5]))
    assert law.icdf(0.15).item() == start + 1
    assert law.isf(0.85).item() == start + 1
