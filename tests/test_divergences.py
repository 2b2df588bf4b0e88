"""Distances where the answer is known in closed form: near, far, heavy-tailed, infinite."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

from qdist.divergences import cramer, quantile_divergence, quantile_entropy, wasserstein1
from qdist.divergences.quadrature import integrate, rule
from qdist.divergences.tails import beyond
from qdist.errors import InputError
from qdist.quantile import Affine, Empirical, Frozen, Implicit, PiecewiseLinear

ROOT_PI = np.sqrt(np.pi)
CLOSE = 1e-6


def divergences(p, q):
    """The same number by the two routes of the package."""
    return quantile_divergence(p, q), cramer(p, q) / 2


class TestShifts:
    """Of one law by d: W1 = |d|; q tends to d^2/2 int p^2 as d does to 0."""

    # name -> (family, int p^2)
    SQUARES = {  # noqa: RUF012
        "normal": (stats.norm, 1 / (2 * ROOT_PI)),
        "logistic": (stats.logistic, 1 / 6),
        "cauchy": (stats.cauchy, 1 / (2 * np.pi)),
    }

    @pytest.mark.parametrize("shift", [1e-8, 1e-6, 1e-3])
    @pytest.mark.parametrize("name", SQUARES)
    def test_nearly_equal(self, name, shift):
        family, square = self.SQUARES[name]
        p, q = family(), family(shift)
        for value in divergences(p, q):
            assert value == pytest.approx(shift**2 / 2 * square, rel=CLOSE)

    @pytest.mark.parametrize("shift", [1e-6, 1.0, 1e6, 1e9])
    @pytest.mark.parametrize(
        "law",
        [stats.norm, stats.expon, stats.t(3).dist, stats.gamma, stats.beta],
        ids=lambda law: law.name,
    )
    def test_wasserstein_is_the_shift(self, law, shift):
        shapes = {"t": (3,), "gamma": (0.05,), "beta": (0.2, 0.3)}.get(law.name, ())
        # A shift of values of size 1 is known to eps / shift.
        rel = CLOSE + 1e-15 / shift
        assert wasserstein1(law(*shapes), law(*shapes, loc=shift)) == pytest.approx(shift, rel=rel)

    @pytest.mark.parametrize("shift", [1e4, 1e8])
    def test_far_apart(self, shift):
        # int (F_P - F_Q)^2 = E|X - Y| - E|X - X'|/2 - E|Y - Y'|/2
        for value in divergences(stats.norm(), stats.expon(shift)):
            assert value == pytest.approx((shift + 1 - 1 / ROOT_PI - 0.5) / 2, rel=1e-9)


class TestScales:
    @pytest.mark.parametrize("scale", [1 + 1e-5, 3.0, 1e6])
    @pytest.mark.parametrize("flip", [False, True])
    def test_normal(self, scale, flip):
        p, q = stats.norm(), stats.norm(0, scale)
        if flip:
            p, q = q, p
        # E|X - Y| = sqrt(2 (1 + s^2) / pi); cancellation leaves 1e-16 / (s - 1)^2
        expected = (np.sqrt(2 * (1 + scale**2)) - (2 + 2 * scale) / 2) / ROOT_PI / 2
        rel = CLOSE + 1e-15 / (scale - 1) ** 2
        for value in divergences(p, q):
            assert value == pytest.approx(expected, rel=rel)
        assert wasserstein1(p, q) == pytest.approx((scale - 1) * np.sqrt(2 / np.pi), rel=CLOSE)

    @pytest.mark.parametrize("scale", [1 + 1e-6, 2.0, 1e6])
    def test_exponential(self, scale):
        p, q = stats.expon(), stats.expon(0, scale)
        # int (e^-x - e^(-x/s))^2 = 1/2 - 2 s/(1 + s) + s/2 = (s - 1)^2 / (2 (s + 1))
        for value in divergences(p, q):
            assert value == pytest.approx((scale - 1) ** 2 / (4 * (scale + 1)), rel=CLOSE)
        assert wasserstein1(p, q) == pytest.approx(scale - 1, rel=CLOSE)

    @pytest.mark.parametrize("scale", [1 + 1e-6, 2.0, 1e6])
    @pytest.mark.parametrize("index", [1.05, 1.5, 3.0])
    def test_pareto(self, scale, index):
        p, q = stats.pareto(index), stats.pareto(index, scale=scale)
        a, s = index, scale
        # From 1 to s: (1 - x^-a)^2; beyond s: x^-2a (s^a - 1)^2
        inner = (s - 1) - 2 * (s ** (1 - a) - 1) / (1 - a) + (s ** (1 - 2 * a) - 1) / (1 - 2 * a)
        outer = (s**a - 1) ** 2 * s ** (1 - 2 * a) / (2 * a - 1)
        # The closed form loses (s - 1)^3 of 1 in the first part, which is that much of the second
        for value in divergences(p, q):
            assert value == pytest.approx((inner + outer) / 2, rel=CLOSE + 1e-15 / (s - 1) ** 2)
        assert wasserstein1(p, q) == pytest.approx((s - 1) * a / (a - 1), rel=CLOSE)

    @pytest.mark.parametrize("shape", [0.01, 0.05, 0.3])
    def test_gamma_of_small_shape(self, shape):
        p, q = stats.gamma(shape), stats.gamma(shape, scale=4)
        assert wasserstein1(p, q) == pytest.approx(3 * shape, rel=CLOSE)
        assert quantile_divergence(p, q) == pytest.approx(cramer(p, q) / 2, rel=CLOSE)
        assert quantile_divergence(q, p) == pytest.approx(cramer(p, q) / 2, rel=CLOSE)


class TestInfinite:
    def test_entropy_needs_a_mean(self):
        with pytest.raises(InputError, match=r"E\|X\| is infinite: the quantile entropy diverges"):
            quantile_entropy(stats.cauchy())

    @pytest.mark.parametrize("index", [0.9, 1.0])
    def test_one_heavy_tail_is_enough(self, index):
        with pytest.raises(InputError, match="is infinite"):
            quantile_entropy(stats.pareto(index))

    def test_entropy_close_to_infinite(self):
        # E|X - X'| of a Pareto law: 2 a / ((a - 1) (2 a - 1))
        a = 1.02
        expected = 2 * a / ((a - 1) * (2 * a - 1)) / 4
        assert quantile_entropy(stats.pareto(a)) == pytest.approx(expected, rel=CLOSE)

    def test_shifted_cauchy_laws_are_at_a_finite_distance(self):
        p, q = stats.cauchy(), stats.cauchy(2.0)
        assert wasserstein1(p, q) == pytest.approx(2.0, rel=CLOSE)
        route, other = divergences(p, q)
        assert route == pytest.approx(other, rel=CLOSE)

    @pytest.mark.parametrize(
        "q",
        [stats.cauchy(0, 1.01), stats.norm(), stats.t(1.5)],
        ids=["cauchy", "normal", "student"],
    )
    def test_cauchy_laws_of_two_scales_differ_infinitely_in_w1_only(self, q):
        p = stats.cauchy()
        with pytest.raises(InputError, match="The 1-Wasserstein distance diverges"):
            wasserstein1(p, q)
        route, other = divergences(p, q)
        assert route == pytest.approx(other, rel=CLOSE)

    def test_divergence_diverges_below_tail_index_one_half(self):
        p, q = stats.pareto(0.45), stats.norm()
        with pytest.raises(InputError, match="The quantile divergence diverges"):
            quantile_divergence(p, q)
        with pytest.raises(InputError, match="The Cramer distance diverges"):
            cramer(p, q)
        assert quantile_divergence(stats.pareto(0.6), q) > 0


class TestAtoms:
    def test_point_masses_by_hand(self):
        p, q = Empirical(torch.tensor([0.0])), Empirical(torch.tensor([0.0, 3.0]))
        # (F_P - F_Q)^2 = 1/4 on [0, 3): Cramer 3/4, q = 3/8; W1 = 3/2; h(Q) = E|X - X'|/4 = 3/8
        assert cramer(p, q) == pytest.approx(0.75, rel=1e-12)
        assert quantile_divergence(p, q) == pytest.approx(0.375, rel=1e-12)
        assert quantile_divergence(q, p) == pytest.approx(0.375, rel=1e-12)
        assert wasserstein1(p, q) == pytest.approx(1.5, rel=1e-12)
        assert quantile_entropy(q) == pytest.approx(0.375, rel=1e-12)
        assert quantile_entropy(p) == 0

    @pytest.mark.parametrize("n", [7, 1500])
    def test_samples(self, n):
        rng = np.random.default_rng(n)
        x, y = rng.normal(size=n), rng.exponential(size=n + 3)
        p, q = Empirical(torch.tensor(x)), Empirical(torch.tensor(y))
        expected = stats.energy_distance(x, y) ** 2 / 2  # scipy's root of twice int (F - G)^2
        assert wasserstein1(p, q) == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-9)
        for value in divergences(p, q):
            assert value == pytest.approx(expected / 2, rel=1e-8)

    @pytest.mark.parametrize("n", [5, 800])
    def test_samples_against_a_density(self, n):
        p = Empirical(torch.tensor(np.random.default_rng(0).normal(size=n)))
        for one, other in ((p, stats.norm()), (stats.norm(), p)):
            route, second = divergences(one, other)
            assert route == pytest.approx(second, rel=1e-7)

    def test_scipy_discrete_laws(self):
        p, q = stats.poisson(3), stats.poisson(4)
        k = np.arange(200)
        gap = np.abs(p.cdf(k) - q.cdf(k))
        assert wasserstein1(p, q) == pytest.approx(1.0, rel=1e-9)
        for value in divergences(p, q):
            assert value == pytest.approx((gap**2).sum() / 2, rel=1e-9)
        assert quantile_entropy(p) == pytest.approx((p.cdf(k) * p.sf(k)).sum() / 2, rel=1e-9)

    def test_listed_atoms_that_are_moved(self):
        p = stats.rv_discrete(values=([0.5, 2, 2.5], [0.2, 0.3, 0.5]))(loc=0.1)
        same = Empirical(torch.tensor([0.6, 2.1, 2.6]), weights=torch.tensor([0.2, 0.3, 0.5]))
        assert wasserstein1(p, same) == pytest.approx(0, abs=1e-12)
        for value in divergences(p, stats.norm()):
            assert value == pytest.approx(quantile_divergence(same, stats.norm()), rel=1e-9)

    def test_more_atoms_than_a_table_holds(self):
        with pytest.raises(InputError, match="Expected a discrete law with at most 65536 atoms"):
            quantile_entropy(stats.zipf(1.5))


class TestObjects:
    def test_gaps_and_atoms_of_a_piecewise_law(self):
        # An atom of 0.5 at 0, then uniform on [2, 3].
        levels, values = torch.tensor([0.0, 0.5, 0.5, 1.0]), torch.tensor([0.0, 0.0, 2.0, 3.0])
        p, q = PiecewiseLinear(levels, values), stats.uniform(0, 3)
        # [0, 2): (1/2 - x/3)^2, then (x/3 - (x - 1)/2)^2 = (1/2 - x/6)^2 on [2, 3)
        # 3 ((1/2)^3 + (1/6)^3) / 3 + 6 (1/6)^3 / 3
        expected = (1 / 8 + 1 / 216) + 2 / 216
        for value in divergences(p, q):
            assert value == pytest.approx(expected / 2, rel=1e-9)
        # |tau 3 - 0| on [0, 1/2], |3 tau - (1 + 2 tau)| above: 3/8 + int (1 - tau)
        assert wasserstein1(p, q) == pytest.approx(3 / 8 + 1 / 8, rel=1e-9)

    def test_affine_of_frozen_is_the_scipy_law(self):
        p = Affine(Frozen(stats.t(3)), 2.0, 5.0)
        assert wasserstein1(p, stats.t(3, 2, 5)) == pytest.approx(0, abs=1e-9)
        assert quantile_entropy(p) == pytest.approx(5 * quantile_entropy(stats.t(3)), rel=CLOSE)

    def test_any_function_of_levels_can_be_the_model(self):
        # Crossing: Qbar(tau) = 1 - tau for P uniform. The inner integral is (1 - 2 tau)^2 / 2,
        # over levels 1/6; its rearrangement is the law itself.
        p = stats.uniform()
        assert quantile_divergence(p, lambda tau: 1 - tau) == pytest.approx(1 / 6, rel=CLOSE)
        network = Implicit(lambda tau: 1 - tau, ())
        assert quantile_divergence(p, network.raw) == pytest.approx(1 / 6, rel=CLOSE)
        assert quantile_divergence(p, network) < 1e-4

    @pytest.mark.parametrize(
        ("law", "message"),
        [
            (3.0, r"Expected a qdist quantile object or a frozen scipy law; got float\."),
            (stats.norm(torch.zeros(2).numpy()), "with scalar parameters; got arrays"),
            (stats.norm(0, -1), "Expected a law with a median; got nan"),
            (Empirical(torch.zeros(3, 2)), r"with batch shape \(\); got \(3,\)"),
            (Empirical(torch.zeros(2, dtype=torch.float32)), "torch.float64; got torch.float32"),
        ],
    )
    def test_what_is_not_one_law_is_refused(self, law, message):
        with pytest.raises(InputError, match=message):
            wasserstein1(law, stats.norm())


class TestQuadrature:
    def test_rule_is_exact_to_its_degree(self):
        x, kronrod, gauss = rule()
        for degree in range(0, 23, 2):
            assert kronrod @ x**degree == pytest.approx(2 / (degree + 1), rel=1e-13)
        for degree in range(0, 13, 2):
            assert gauss @ x**degree == pytest.approx(2 / (degree + 1), rel=1e-13)

    @pytest.mark.parametrize(
        ("f", "value"),
        [
            (lambda x: np.abs(x - 0.3), 0.29),  # a kink
            (lambda x: np.where(x > 1 / 3, 1.0, 0.0), 2 / 3),  # a jump
            (lambda x: x**-0.5, 2.0),  # a pole
        ],
    )
    def test_rough_functions(self, f, value):
        assert integrate(f, np.array([0.0, 1.0])) == pytest.approx(value, rel=1e-7)

    def test_tail_is_extrapolated_from_its_power(self):
        depth = np.linspace(1, 100, 40)
        tail = beyond(depth, np.exp(-0.1 * depth), 10.0, what="It")
        assert tail == pytest.approx(np.exp(-10) / 0.1, rel=1e-9)
        with pytest.raises(InputError, match=r"It diverges\. Expected an integrand that decays"):
            beyond(depth, np.full(40, 0.1), 10.0, what="It")


def test_a_histogram_of_scipy_is_cut_at_its_bins():
    """A narrow bin far out, which quadrature that does not know of it steps over."""
    counts, edges = np.array([5, 0, 3, 0, 0, 2.0]), np.array([0, 1, 2, 3, 4, 50, 51.0])
    p, q = stats.rv_histogram((counts, edges), density=True)(), stats.norm(1, 2)
    places = np.concatenate([[-60.0], edges, [60.0]])
    nodes, weights = np.polynomial.legendre.leggauss(200)
    by_pieces = 0.0
    for a, b in pairwise(places):
        x = (a + b) / 2 + (b - a) / 2 * nodes
        by_pieces += (b - a) / 2 * weights @ (p.cdf(x) - q.cdf(x)) ** 2
    assert cramer(p, q) == pytest.approx(by_pieces, rel=1e-7)


def test_many_first_intervals_are_halved_too():
    """By hand: sin^2 on 25,000 intervals of ten periods each, where one rule does not do."""
    ends = np.linspace(0.0, 25_000 * 20 * np.pi, 25_001)
    found = integrate(lambda x: np.sin(x) ** 2, ends)
    assert found == pytest.approx(ends[-1] / 2, rel=1e-8)
