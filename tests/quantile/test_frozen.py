"""The adapter of scipy's laws against scipy, scoringrules and closed forms."""

import math

import numpy as np
import pytest
import scipy.stats
import scoringrules
import torch

from qdist.errors import InputError, UnsupportedError
from qdist.quantile import Empirical, Frozen, PiecewiseLinear

Y = np.array([-4.0, -0.3, 0.0, 0.2, 0.7, 1.0, 3.5, 12.0])

SCORES = {
    "normal": (scipy.stats.norm(0.5, 2), lambda y: scoringrules.crps_normal(y, 0.5, 2.0)),
    "logistic": (scipy.stats.logistic(0.5, 2), lambda y: scoringrules.crps_logistic(y, 0.5, 2.0)),
    "laplace": (scipy.stats.laplace(0.5, 2), lambda y: scoringrules.crps_laplace(y, 0.5, 2.0)),
    "Student t": (scipy.stats.t(3), lambda y: scoringrules.crps_t(y, 3.0)),
    "exponential": (scipy.stats.expon(scale=2), lambda y: scoringrules.crps_exponential(y, 0.5)),
    "gamma": (scipy.stats.gamma(0.7), lambda y: scoringrules.crps_gamma(y, 0.7, rate=1.0)),
    "beta": (scipy.stats.beta(0.5, 2), lambda y: scoringrules.crps_beta(y, 0.5, 2.0)),
    "uniform": (scipy.stats.uniform(-1, 4), lambda y: scoringrules.crps_uniform(y, -1.0, 3.0)),
    "lognormal": (
        scipy.stats.lognorm(0.8),
        lambda y: scoringrules.crps_lognormal(y, 0.0, 0.8),
    ),
    "Poisson": (scipy.stats.poisson(3.3), lambda y: scoringrules.crps_poisson(y, 3.3)),
    "binomial": (scipy.stats.binom(5, 0.3), lambda y: scoringrules.crps_binomial(y, 5, 0.3)),
}


@pytest.mark.parametrize("name", SCORES)
def test_the_crps_agrees_with_scoringrules_to_1e_8(name):
    law, oracle = SCORES[name]
    y = np.round(Y) if isinstance(law.dist, scipy.stats.rv_discrete) else Y
    # scoringrules takes logs and powers without a look at the support
    y = {"lognormal": y[y > 0], "beta": y[(y > 0) & (y < 1)]}.get(name, y)
    expected = torch.from_numpy(np.asarray(oracle(y), dtype=float))
    torch.testing.assert_close(Frozen(law).crps(y), expected, rtol=1e-8, atol=1e-8)


def test_the_crps_of_the_cauchy_law_is_finite():
    # int F^2 below 0 and (1 - F)^2 above: 2 int_0^inf (arctan(1/x) / pi)^2 dx = 2 log(2) / pi
    assert Frozen(scipy.stats.cauchy()).crps(0.0) == pytest.approx(2 * math.log(2) / math.pi)


def test_far_levels_keep_their_accuracy():
    # Q(1 - s) of the exponential is -log s, of the Cauchy law 1 / (pi s), of t with 3 degrees
    # (12 sqrt(3) / (2 pi) / (3 s))^(1/3) since 1 - F ~ 2 sqrt(3) / (pi t^3)
    s = torch.tensor([1e-300, 1e-120])
    exponential = Frozen(scipy.stats.expon())
    torch.testing.assert_close(exponential.isf(s), -s.log(), rtol=1e-13, atol=0)
    cauchy = Frozen(scipy.stats.cauchy())
    torch.testing.assert_close(cauchy.isf(s), 1 / (math.pi * s), rtol=1e-13, atol=0)
    student = Frozen(scipy.stats.t(3, loc=1, scale=2))
    tail = 2 * (2 * math.sqrt(3) / math.pi / s) ** (1 / 3)
    torch.testing.assert_close(student.isf(s), tail, rtol=1e-13, atol=0)
    torch.testing.assert_close(student.icdf(s), -tail, rtol=1e-13, atol=0)
    normal = Frozen(scipy.stats.norm())
    assert normal.sf(normal.isf(1e-300)) == pytest.approx(1e-300, rel=1e-9)
    poisson = Frozen(scipy.stats.poisson(3.3))
    k = poisson.isf(1e-100).item()
    assert scipy.stats.poisson(3.3).sf(k) <= 1e-100 < scipy.stats.poisson(3.3).sf(k - 1)


def test_it_says_what_scipy_says():
    law = scipy.stats.gamma(2.5, loc=1, scale=3)
    y, tau = np.linspace(0, 20, 9), np.linspace(0, 1, 9)
    ours = Frozen(law)
    for method, oracle, x in (
        (ours.icdf, law.ppf, tau),
        (ours.isf, law.isf, tau),
        (ours.cdf, law.cdf, y),
        (ours.sf, law.sf, y),
        (ours.log_prob, law.logpdf, y),
    ):
        torch.testing.assert_close(method(x), torch.from_numpy(oracle(x)), rtol=1e-12, atol=1e-12)
    assert ours.mean == pytest.approx(law.mean())
    assert ours.variance == pytest.approx(law.var())


def test_a_discrete_law_is_a_staircase():
    law = Frozen(scipy.stats.rv_discrete(values=([0.5, 2.0, 7.0], [0.25, 0.5, 0.25]))(loc=1))
    same = Empirical(torch.tensor([1.5, 3.0, 8.0]), weights=torch.tensor([0.25, 0.5, 0.25]))
    y = torch.tensor([0.0, 1.5, 2.0, 3.0, 8.0, 9.0])
    for name in ("cdf", "cdf_left", "crps"):
        torch.testing.assert_close(getattr(law, name)(y), getattr(same, name)(y))
    assert law.icdf([0.0, 0.25, 0.26, 1.0]).tolist() == [1.5, 1.5, 3.0, 8.0]
    assert law.isf([1e-300, 0.2, 0.3]).tolist() == [8.0, 8.0, 3.0]
    assert law.log_prob(3.0) == pytest.approx(math.log(0.5))
    assert law.breakpoints().tolist() == pytest.approx([0.25, 0.75])


def test_a_histogram_knows_its_breakpoints():
    edges, counts = [0.0, 1.0, 3.0, 3.5], [3.0, 1.0, 4.0]
    law = Frozen(scipy.stats.rv_histogram((counts, edges), density=False)())
    levels = torch.tensor([0.0, 3 / 8, 4 / 8, 1.0])
    assert law.breakpoints().tolist() == pytest.approx([3 / 8, 4 / 8])
    y = torch.tensor([-1.0, 0.3, 2.0, 4.0])
    torch.testing.assert_close(law.crps(y), PiecewiseLinear(levels, torch.tensor(edges)).crps(y))


def test_parameters_make_the_batch():
    law = Frozen(scipy.stats.norm([[0.0], [1.0]], [1.0, 2.0, 3.0]))
    assert law.batch_shape == (2, 3)
    assert law.mean.shape == (2, 3)
    assert law.sample((4,)).shape == (4, 2, 3)
    y = torch.randn((5, 2, 3), generator=torch.Generator().manual_seed(0))
    expected = scoringrules.crps_normal(
        y.numpy(), np.array([[0.0], [1.0]]), np.array([1.0, 2.0, 3.0])
    )
    torch.testing.assert_close(law.crps(y), torch.from_numpy(expected))
    counts = Frozen(scipy.stats.poisson([[1.0], [2.0]])).expand((2, 3))
    y = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    expected = scoringrules.crps_poisson(y.numpy(), np.array([[1.0], [2.0]]))
    torch.testing.assert_close(counts.crps(y), torch.from_numpy(np.asarray(expected)))


def test_what_is_not_a_frozen_law_is_refused():
    for law in (scipy.stats.norm, 3.0):
        with pytest.raises(InputError, match=r"Expected a frozen scipy\.stats law"):
            Frozen(law)
    with pytest.raises(InputError, match=r"breakpoints inside \(0, 1\); got \[2\.0\]"):
        Frozen(scipy.stats.norm(), breakpoints=[2.0])
    for breakpoints in (0.5, np.array(0.5), None, "half", np.full((2, 2), 0.5)):
        with pytest.raises(InputError, match=r"a list of breakpoints inside \(0, 1\); got"):
            Frozen(scipy.stats.norm(), breakpoints=breakpoints)


def test_a_discrete_law_with_endless_atoms_is_refused():
    with pytest.raises(UnsupportedError, match="at most 1000000 atoms"):
        Frozen(scipy.stats.zipf(1.5)).crps(1.0)


def test_the_repr_names_the_law():
    assert repr(Frozen(scipy.stats.norm([0.0, 1.0]))) == "Frozen(batch_shape=(2,), law=norm)"


def test_listed_values_of_several_laws():
    """Each law has values of its own: 0, 1 and 2, and 10 more."""
    law = Frozen(scipy.stats.rv_discrete(values=([0, 1, 2], [0.2, 0.3, 0.5]))(loc=[0, 10]))
    alone = [
        Frozen(scipy.stats.rv_discrete(values=([0, 1, 2], [0.2, 0.3, 0.5]))(loc=k))
        for k in (0, 10)
    ]
    for s in (0.0, 0.2, 0.5, 0.6, 0.9, 1.0):
        assert law.isf(s).tolist() == [one.isf(s).item() for one in alone]
    many = torch.tensor([[0.1, 0.6], [0.6, 0.1], [0.9, 0.9]])
    expected = torch.stack([one.isf(many[:, k]) for k, one in enumerate(alone)], -1)
    assert torch.equal(law.isf(many), expected)
    two = Frozen(scipy.stats.rv_discrete(values=([0, 1], [0.5, 0.5]))(loc=[0, 10]))
    assert two.isf([0.6, 0.4]).tolist() == [0.0, 11.0]
