"""What follows from Proposition 1: projections, slopes, joint cdfs, and the bias of smoothing."""

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from qdist.divergences import quantile_divergence, wasserstein1
from qdist.losses import huber_pinball, pinball
from qdist.quantile import Empirical, Frozen, PiecewiseLinear


class TestProjections:
    """(e)."""

    @pytest.mark.parametrize("distance", [wasserstein1, quantile_divergence])
    @pytest.mark.parametrize(
        "law",
        [stats.expon(), stats.t(3), stats.beta(0.4, 0.8)],
        ids=["exponential", "student", "beta"],
    )
    def test_equal_atoms_sit_at_the_middle_quantiles(self, distance, law):
        n = 4
        best = law.ppf((np.arange(n) + 0.5) / n)
        least = distance(law, Empirical(torch.tensor(best)))
        rng = np.random.default_rng(1)
        for _ in range(6):
            moved = np.sort(best + rng.normal(size=n) * rng.choice([0.01, 0.3]))
            assert distance(law, Empirical(torch.tensor(moved))) > least

    @pytest.mark.parametrize(
        ("distance", "ends"),
        [(wasserstein1, (-0.2616, 1.9356)), (quantile_divergence, (-0.2926, 2.0299))],
    )
    def test_nearest_uniform_law_depends_on_the_distance(self, distance, ends):
        result = optimize.minimize(
            lambda e: distance(stats.expon(), stats.uniform(e[0], e[1] - e[0])),
            (-0.2, 2.0),
            method="Nelder-Mead",
            options={"xatol": 1e-5, "fatol": 1e-12},
        )
        assert result.x == pytest.approx(ends, abs=6e-5)


def test_step_function_with_free_levels_gets_no_gradient():
    # Q = 0.5 up to the level a, then 2. For P = Exp(1),
    # dq/da = int_2^0.5 (F(x) - a) dx = -[x + e^-x - a x] from 0.5 to 2
    a, low, high = 0.6, 0.5, 2.0
    truth = -((high - low) * (1 - a) + np.exp(-high) - np.exp(-low))
    law = stats.expon()

    def divergence(level):
        return quantile_divergence(law, lambda tau: torch.where(tau <= level, low, high))

    step = 1e-3
    measured = (divergence(a + step) - divergence(a - step)) / (2 * step)
    assert measured == pytest.approx(truth, rel=1e-4)
    assert abs(truth) > 0.1

    rng = np.random.default_rng(3)
    tau = torch.tensor(rng.uniform(size=1000))
    x = torch.tensor(rng.exponential(size=1000))
    level = torch.tensor(a, requires_grad=True)
    values = torch.tensor([low, high], requires_grad=True)
    pinball(x - torch.where(tau <= level, values[0], values[1]), tau).mean().backward()
    assert level.grad is None  # the values learn, the level never moves
    assert values.grad.abs().min() > 0


def test_slope_by_automatic_differentiation():
    law = PiecewiseLinear(torch.tensor([0.0, 0.2, 0.7, 1.0]), torch.tensor([-1.0, 0, 3, 4]))
    tau = torch.tensor([0.1, 0.4, 0.9], requires_grad=True)
    y = law.icdf(tau)
    (slope,) = torch.autograd.grad(y.sum(), tau)
    # 1 / 0.2, 3 / 0.5, 1 / 0.3
    torch.testing.assert_close(slope, torch.tensor([5.0, 6.0, 10 / 3]))
    torch.testing.assert_close(slope, law.log_prob(y).neg().exp())


class TestJointCdf:
    """(g)."""

    def test_densities_factor_and_cdfs_do_not(self):
        # Two equal fair coins: Y2 = Y1.
        p = np.array([[0.5, 0.0], [0.0, 0.5]])
        first = p.sum(1)
        conditional = p / first[:, None]
        assert np.array_equal(first[:, None] * conditional, p)
        # P(Y1 <= 0, Y2 <= 1) = 1/2, P(Y1 <= 1, Y2 <= 0) = 1/2
        joint_cdf = p.cumsum(0).cumsum(1)
        product = first.cumsum()[:, None] * conditional.cumsum(1)
        assert joint_cdf[1, 0] == 0.5
        # F(1) F(0 | Y1 = 1) = 1 * 0
        assert product[1, 0] == 0.0


class TestHuber:
    def test_minimiser_is_not_the_quantile(self):
        u, w = np.polynomial.legendre.leggauss(2000)
        x, weights = torch.tensor(-np.log1p(-(u + 1) / 2)), torch.tensor(w / 2)

        def slope(q, kappa):
            value = torch.tensor(q, requires_grad=True)
            (weights * huber_pinball(x - value, 0.9, kappa=kappa)).sum().backward()
            return float(value.grad)

        assert optimize.brentq(slope, 0.5, 4, args=(1.0,)) == pytest.approx(2.00, abs=5e-3)
        assert optimize.brentq(slope, 0.5, 4, args=(0.0,)) == pytest.approx(2.303, abs=5e-3)


def test_frozen_objects_and_scipy_laws_agree():
    p, q = stats.gamma(0.5), stats.t(3, 1)
    assert quantile_divergence(Frozen(p), Frozen(q)) == pytest.approx(
        quantile_divergence(p, q), rel=1e-12
    )
