"""Proposition 1 and what follows from it, each number by two routes that share no code.

The package computes q over levels, Cramer over values and h from the quantile function. Here E rho
comes from the closed forms of the CRPS, h from those of Gini's mean difference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scoringrules
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from qdist.divergences import cramer, quantile_divergence, quantile_entropy, wasserstein1
from qdist.losses import huber_pinball, pinball
from qdist.quantile import Empirical

ROOT_PI = np.sqrt(np.pi)


@dataclass(frozen=True)
class Case:
    """A law with what is known of it in closed form."""

    name: str
    law: Any
    crps: Callable[[np.ndarray], np.ndarray]
    gini: float  # E|X - X'|
    support: tuple[float, float] = (-np.inf, np.inf)
    atoms: tuple[tuple[float, float], ...] = ()  # (value, weight)
    parts: tuple[tuple[float, Any], ...] = ()  # (weight, law), where the law is a mixture

    def score(self, x):
        """The CRPS; off the support it is that of the nearest end plus the distance to it."""
        inside = np.clip(x, *self.support)
        return self.crps(inside) + np.abs(x - inside)

    def __repr__(self) -> str:
        return f"{self.name} {self.law!r}"


class NormalMixture(stats.rv_continuous):
    """Two normal components, N(0, 1) of weight w and N(m, s); quantiles by bisection."""

    def _argcheck(self, w, m, s):
        return (w > 0) & (w < 1) & np.isfinite(m) & (s > 0)

    def _parts(self, x, w, m, s):
        return (w, x), (1 - w, (x - m) / s)

    def _cdf(self, x, w, m, s):
        return sum(p * special.ndtr(z) for p, z in self._parts(x, w, m, s))

    def _sf(self, x, w, m, s):
        return sum(p * special.ndtr(-z) for p, z in self._parts(x, w, m, s))

    def _pdf(self, x, w, m, s):
        (p, z), (r, y) = self._parts(x, w, m, s)
        return (p * np.exp(-z * z / 2) + r / s * np.exp(-y * y / 2)) / np.sqrt(2 * np.pi)

    def _ppf(self, q, w, m, s):
        return self._bisect(lambda x: self._cdf(x, w, m, s) < q, q, m, s)

    def _isf(self, q, w, m, s):
        return self._bisect(lambda x: self._sf(x, w, m, s) > q, q, m, s)

    def _bisect(self, below, q, m, s):
        # Both components' quantiles, hence the mixture's, lie within 40 deviations.
        low = np.minimum(-40.0, m - 40 * s) + 0 * q
        high = np.maximum(40.0, m + 40 * s) + 0 * q
        for _ in range(60):
            middle = (low + high) / 2
            go_up = below(middle)
            low, high = np.where(go_up, middle, low), np.where(go_up, high, middle)
        return (low + high) / 2


normal_mixture = NormalMixture(name="normal_mixture")


def normal(loc, scale, a, b):
    return Case(
        "normal",
        stats.norm(loc, scale),
        lambda x: scoringrules.crps_normal(x, loc, scale),
        2 * scale / ROOT_PI,
    )


def logistic(loc, scale, a, b):
    return Case(
        "logistic",
        stats.logistic(loc, scale),
        lambda x: scale * ((x - loc) / scale - 2 * special.log_expit((x - loc) / scale) - 1),
        2 * scale,
    )


def laplace(loc, scale, a, b):
    return Case(
        "laplace",
        stats.laplace(loc, scale),
        lambda x: scoringrules.crps_laplace(x, loc, scale),
        1.5 * scale,
    )


def uniform(loc, scale, a, b):
    ends = loc, loc + scale
    return Case(
        "uniform",
        stats.uniform(loc, scale),
        lambda x: scoringrules.crps_uniform(x, *ends),
        scale / 3,
        ends,
    )


def exponential(loc, scale, a, b):
    return Case(
        "exponential",
        stats.expon(loc, scale),
        lambda x: scale * _crps_exponential((x - loc) / scale),
        scale,
        (loc, np.inf),
    )


def _crps_exponential(x):
    # int (F - 1{t >= x})^2 dt for F = 1 - e^-t: |x| - 2 F(x) + 1/2
    return np.abs(x) - 2 * -np.expm1(-np.maximum(x, 0)) + 0.5


def gamma(loc, scale, a, b):
    return Case(
        "gamma",
        stats.gamma(a, loc, scale),
        lambda x: scale * scoringrules.crps_gamma(np.maximum((x - loc) / scale, 0), a, 1.0),
        2 * scale * special.gamma(a + 0.5) / (ROOT_PI * special.gamma(a)),
        (loc, np.inf),
    )


def beta(loc, scale, a, b):
    gini = 4 / (a + b) * special.beta(a + b, a + b) / special.beta(a, a) / special.beta(b, b)
    return Case(
        "beta",
        stats.beta(a, b, loc, scale),
        lambda x: scale * scoringrules.crps_beta(np.clip((x - loc) / scale, 0, 1), a, b),
        scale * gini,
        (loc, loc + scale),
    )


def student(loc, scale, a, b):
    gini = 4 * np.sqrt(3) / 2 * special.beta(0.5, 2.5) / special.beta(0.5, 1.5) ** 2
    return Case(
        "student",
        stats.t(3, loc, scale),
        lambda x: scoringrules.crps_t(x, 3, loc, scale),
        scale * gini,
    )


def mixture(loc, scale, a, b):
    w, m, s = a / (a + b), 4 * (a - b), 0.3 + b / 3

    def mean_abs(mean, deviation):
        z = mean / deviation
        return mean * special.erf(z / np.sqrt(2)) + deviation * np.sqrt(2 / np.pi) * np.exp(
            -z * z / 2
        )

    gini = (
        w**2 * mean_abs(0, np.sqrt(2))
        + (1 - w) ** 2 * mean_abs(0, np.sqrt(2) * s)
        + 2 * w * (1 - w) * mean_abs(m, np.hypot(1, s))
    )

    def crps(x):
        # E|X - x| - E|X - X'| / 2
        y = (x - loc) / scale
        return scale * (w * mean_abs(y, 1.0) + (1 - w) * mean_abs(y - m, s) - gini / 2)

    parts = (w, stats.norm(loc, scale)), (1 - w, stats.norm(loc + scale * m, scale * s))
    law = normal_mixture(w, m, s, loc, scale)
    return Case("mixture", law, crps, scale * gini, parts=parts)


def dirac(loc, scale, a, b):
    values = loc + scale * np.array([-1.0, -1 + a, a, a + b, a + 2 * b])
    weights = np.array([a, b, 1.0, a * b, 0.5]) / (a + b + a * b + 1.5)
    gaps = np.abs(values[:, None] - values)
    gini = float(weights @ gaps @ weights)

    def crps(x):
        return np.abs(np.asarray(x)[..., None] - values) @ weights - gini / 2

    law = Empirical(torch.tensor(values), weights=torch.tensor(weights))
    return Case(
        "dirac",
        law,
        crps,
        gini,
        (values[0], values[-1]),
        tuple(zip(values.tolist(), weights.tolist(), strict=True)),
    )


FAMILIES = {
    f.__name__: f
    for f in (
        normal,
        logistic,
        laplace,
        uniform,
        exponential,
        gamma,
        beta,
        student,
        mixture,
        dirac,
    )
}
shape = st.floats(0.2, 3.0)


def cases(names=tuple(FAMILIES)):
    return st.builds(
        lambda name, loc, size, a, b: FAMILIES[name](loc, 10.0**size, a, b),
        st.sampled_from(names),
        st.floats(-3, 3),
        st.floats(-1, 1),
        shape,
        shape,
    )


def mean_under(p: Case, f: Callable[[np.ndarray], np.ndarray], cuts=()) -> float:
    """E f(X) by Gauss-Legendre panels in the logarithm of each tail; exact sum for atoms."""
    if p.atoms:
        values, weights = np.array(p.atoms).T
        return float(weights @ f(values))
    nodes, w = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for share, law in p.parts or ((1.0, p.law),):
        for quantile, level in ((law.ppf, law.cdf), (law.isf, law.sf)):
            kinks = level(np.array(cuts)) if len(cuts) else np.empty(0)
            kinks = np.log(kinks[(kinks > 1e-40) & (kinks < 0.5)])
            ends = [np.linspace(-60, -8, 27), np.linspace(-8, np.log(0.5), 61), kinks]
            ends = np.unique(np.concatenate(ends))
            left, half = ends[:-1, None], np.diff(ends)[:, None] / 2
            u = np.exp(left + half * (1 + nodes)).ravel()
            total += share * float((half * w).ravel() @ (u * f(quantile(u))))
    return total


def mean_pinball(p: Case, q: Case) -> float:
    """E rho_tau(X - Q_Q(tau)) over tau and X, as half the mean of the closed form of the CRPS."""
    cuts = [x for x in q.support if np.isfinite(x)] + [value for value, _ in q.atoms]
    return mean_under(p, lambda x: q.score(x) / 2, cuts)


class TestProposition:
    """(a) to (c)."""

    @settings(max_examples=80)
    @given(cases(), cases())
    def test_expected_pinball_is_divergence_plus_entropy(self, p, q):
        total = mean_pinball(p, q)
        divergence = quantile_divergence(p.law, q.law)
        assert abs(total - divergence - p.gini / 4) <= 1e-6 * total
        assert divergence == pytest.approx(cramer(p.law, q.law) / 2, rel=1e-6)

    @pytest.mark.parametrize("name", FAMILIES)
    @settings(max_examples=10)
    @given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.02, 3.0), shape)
    def test_entropy_is_a_quarter_of_the_mean_difference(self, name, loc, size, a, b):
        p = FAMILIES[name](loc, 10.0**size, a, b)
        assert quantile_entropy(p.law) == pytest.approx(p.gini / 4, rel=1e-6)

    @pytest.mark.parametrize("name", FAMILIES)
    def test_divergence_of_a_law_from_itself_is_nothing(self, name):
        p = FAMILIES[name](0.7, 2.0, 0.6, 1.1)
        scale = p.gini
        assert quantile_divergence(p.law, p.law) <= 1e-12 * scale
        assert cramer(p.law, p.law) <= 1e-12 * scale
        assert wasserstein1(p.law, p.law) <= 1e-12 * scale

    @settings(max_examples=25)
    @given(cases(("uniform", "beta", "dirac")), cases(("uniform", "beta", "dirac")))
    def test_bounds_on_a_bounded_support(self, p, q):
        length = max(p.support[1], q.support[1]) - min(p.support[0], q.support[0])
        divergence, w1 = quantile_divergence(p.law, q.law), wasserstein1(p.law, q.law)
        assert w1**2 / (2 * length) <= divergence * (1 + 1e-9)
        assert divergence <= w1 / 2 * (1 + 1e-9)

    @settings(max_examples=25)
    @given(cases(), cases())
    def test_the_upper_bound_needs_no_bounded_support(self, p, q):
        assert quantile_divergence(p.law, q.law) <= wasserstein1(p.law, q.law) / 2 * (1 + 1e-9)


GRADIENT_LAWS = {
    "exponential": stats.expon(),
    "beta": stats.beta(0.5, 0.7),
    "student": stats.t(3),
    "mixture": normal_mixture(0.4, 3.0, 0.5),
}
DRAWS = 200_000


def normal_quantile(tau, theta):
    """Q(tau) = m + exp(r) z(tau), Lipschitz in theta = (m, r); theta (..., 2)."""
    return theta[..., 0] + theta[..., 1].exp() * torch.special.ndtri(tau)


def sampled_gradients(law, loss):
    """One gradient for each draw, shape (DRAWS, 2)."""
    rng = np.random.default_rng(7)
    tau = torch.tensor(rng.uniform(size=DRAWS))
    x = torch.tensor(law.rvs(size=DRAWS, random_state=rng))
    theta = torch.tensor([0.5, 0.2]).expand(DRAWS, 2).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x - normal_quantile(tau, theta), tau).sum(), theta)
    return gradient.numpy()


def true_gradient(law):
    """The integral of (F_P(Q) - tau) dQ/dtheta over levels, theta = (m, r)."""
    m, s = 0.5, np.exp(0.2)
    slopes = (lambda z: 1.0, lambda z: s * z)  # dQ/dm and dQ/dr, in z = z(tau)
    return np.array(
        [
            integrate.quad(
                lambda z, slope=slope: (
                    (law.cdf(m + s * z) - special.ndtr(z)) * slope(z) * stats.norm.pdf(z)
                ),
                -12,
                12,
                points=[(0 - m) / s, (1 - m) / s],
                limit=400,
            )[0]
            for slope in slopes
        ]
    )


def z_scores(gradients, truth):
    return (gradients.mean(0) - truth) / (gradients.std(0) / np.sqrt(len(gradients)))


class TestGradient:
    """(d)."""

    @pytest.mark.parametrize("name", GRADIENT_LAWS)
    def test_oracle_is_the_gradient_of_the_divergence(self, name):
        law, step = GRADIENT_LAWS[name], 1e-4

        def divergence(m, r):
            return quantile_divergence(law, stats.norm(m, np.exp(r)))

        differences = [
            (divergence(0.5 + step, 0.2) - divergence(0.5 - step, 0.2)) / (2 * step),
            (divergence(0.5, 0.2 + step) - divergence(0.5, 0.2 - step)) / (2 * step),
        ]
        assert true_gradient(law) == pytest.approx(differences, rel=1e-4, abs=1e-6)

    @pytest.mark.parametrize("name", GRADIENT_LAWS)
    def test_sampled_pinball_is_unbiased(self, name):
        law = GRADIENT_LAWS[name]
        assert np.abs(z_scores(sampled_gradients(law, pinball), true_gradient(law))).max() < 5

    @pytest.mark.parametrize("name", GRADIENT_LAWS)
    def test_huber_is_visibly_biased(self, name):
        law = GRADIENT_LAWS[name]
        gradients = sampled_gradients(law, lambda u, tau: huber_pinball(u, tau, kappa=1.0))
        assert np.abs(z_scores(gradients, true_gradient(law))).max() > 20


class TestDensity:
    """(f)."""

    @settings(max_examples=30)
    @given(cases(tuple(name for name in FAMILIES if name != "dirac")), st.floats(0.05, 0.95))
    def test_slope_of_the_quantile_function(self, p, tau):
        step = 1e-3 * min(tau, 1 - tau)
        # Fourth order central difference.
        f = p.law.ppf(tau + step * np.array([-2, -1, 1, 2]))
        slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)
        # The Laplace density has a corner at its centre.
        if p.name != "laplace" or abs(tau - 0.5) > 2 * step:
            assert slope * p.law.pdf(p.law.ppf(tau)) == pytest.approx(1, rel=1e-5)
