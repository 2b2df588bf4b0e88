"""What every quantile-function object owes, over the table in conftest.py."""

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch

from qdist.errors import UnsupportedError
from qdist.quantile import Implicit


def integrate_levels(law, fn, cuts=()):
    """Integral of fn(Q(tau), tau) over (0, 1) by Gauss-Legendre between breakpoints and cuts.

    The upper half runs in s = 1 - tau. Next to an end the level is u^8, which tames infinite ends.
    """
    cuts = [*law.breakpoints().tolist(), *cuts]
    lower = sorted({0.0, 0.5, *(c for c in cuts if 0 < c < 0.5)})
    upper = sorted({0.0, 0.5, *(1 - c for c in cuts if 0.5 < c < 1)})
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(200))
    nodes, weights = (nodes + 1) / 2, weights / 2
    total = 0.0
    for edges, quantile, is_upper in ((lower, law.icdf, False), (upper, law.isf, True)):
        first = edges[1] * nodes**8, edges[1] * 8 * nodes**7 * weights
        starts, ends = (torch.tensor(e)[:, None] for e in (edges[1:-1], edges[2:]))
        others = starts + (ends - starts) * nodes, (ends - starts) * weights
        level, weight = (torch.cat([f, o.flatten()]) for f, o in zip(first, others, strict=True))
        tau = 1 - level if is_upper else level
        total += float((weight * fn(quantile(level), tau)).sum())
    return total


def landmarks(law):
    """Values at and around every kink, every atom and both ends."""
    b = law.breakpoints()
    inner = torch.cat([b, (b[1:] + b[:-1]) / 2, torch.tensor([0.01, 0.3, 0.7, 0.99])])
    values = law.icdf(inner)
    return torch.cat([values, values - 0.125, values + 0.125]).unique()


def test_the_icdf_never_decreases(law, levels):
    tau = torch.cat([levels, law.breakpoints(), torch.tensor([0.0, 1.0])]).sort().values
    q = law.icdf(tau)
    assert (q[1:] >= q[:-1]).all()
    assert torch.equal(law.ppf(tau), q)


def test_the_isf_is_the_icdf_from_above(law, levels):
    s = levels[levels > 1e-5]
    # off the jumps, where the rounding of 1 - s decides
    jumps = 1 - law.breakpoints()
    clear = ((s[:, None] - jumps).abs() > 1e-9).all(-1)
    torch.testing.assert_close(law.isf(s[clear]), law.icdf(1 - s[clear]), rtol=1e-9, atol=1e-9)


def test_the_cdf_undoes_the_icdf(law_with_cdf, levels):
    law = law_with_cdf
    y = law.icdf(levels)
    below, upto = law.cdf_left(y), law.cdf(y)
    assert (below <= levels + 1e-12).all()
    assert (upto >= levels - 1e-12).all()
    smooth = upto - below < 1e-12
    torch.testing.assert_close(upto[smooth], levels[smooth], rtol=1e-9, atol=1e-12)


def test_galois(law_with_cdf, levels):
    # Q(tau) <= y if and only if tau <= F(y)
    law = law_with_cdf
    y = landmarks(law)
    tau, y = levels[:, None], y[None, :]
    clear = (tau - law.cdf(y)).abs() > 1e-9  # of rounding
    assert torch.equal((law.icdf(tau) <= y)[clear], (tau <= law.cdf(y))[clear])


def test_the_icdf_at_the_cdf_of_an_atom_is_the_atom(law_with_cdf):
    law = law_with_cdf
    y = landmarks(law)
    atoms = y[law.cdf(y) - law.cdf_left(y) > 1e-6]
    torch.testing.assert_close(law.icdf(law.cdf(atoms).clamp(max=1)), atoms, rtol=0, atol=1e-12)


def test_the_cdf_is_continuous_from_the_right_and_cdf_left_from_the_left(law_with_cdf):
    law = law_with_cdf
    y = landmarks(law)
    h = 1e-11 * (1 + y.abs())
    torch.testing.assert_close(law.cdf(y + h), law.cdf(y), rtol=0, atol=1e-8)
    if law.breakpoints().numel():  # a density may be infinite at the end of the support of beta
        torch.testing.assert_close(law.cdf(y - h), law.cdf_left(y), rtol=0, atol=1e-8)
    assert (law.cdf_left(y) <= law.cdf(y)).all()
    torch.testing.assert_close(law.sf(y), 1 - law.cdf(y), rtol=0, atol=1e-12)


def test_the_cdf_goes_from_0_to_1(law_with_cdf):
    ends = torch.tensor([-torch.inf, torch.inf])
    assert law_with_cdf.cdf(ends).tolist() == [0.0, 1.0]
    assert law_with_cdf.cdf_left(ends).tolist() == [0.0, 1.0]
    assert law_with_cdf.sf(ends).tolist() == [1.0, 0.0]
    assert law_with_cdf.cdf(torch.tensor(torch.nan)).isnan()


def test_the_density_integrates_to_1_minus_the_atoms(law_with_log_prob):
    law = law_with_log_prob
    # a cut at every kink; the outermost 1e-9 of the mass of an infinite end is left out
    low, high = law.icdf(1e-9).item(), law.isf(1e-9).item()
    edges = torch.cat([torch.tensor([low, high]), law.icdf(law.breakpoints())])
    near = torch.cat([edges, law.icdf(law.breakpoints() * (1 - 1e-15) + 1e-15)])
    cuts = near.unique()
    masses = law.cdf(cuts) - law.cdf_left(cuts)
    atoms = masses > 1e-12
    torch.testing.assert_close(
        law.log_prob(cuts[atoms]).exp(), masses[atoms], rtol=1e-9, atol=1e-15
    )
    total = masses[atoms].sum().item()
    for a, b in pairwise(cuts.tolist()):
        if b - a < 1e-9:
            continue  # two sides of one cut
        total += scipy.integrate.quad(
            lambda y: math.exp(law.log_prob(y).item()), a, b, epsabs=1e-10, limit=500
        )[0]
    assert total == pytest.approx(1.0, abs=1e-7)
    assert torch.equal(law.logpdf(cuts), law.log_prob(cuts))


def test_log_prob_is_minus_the_log_slope_of_the_icdf(law_with_log_prob_and_rsample, levels):
    law = law_with_log_prob_and_rsample
    tau = levels.clone().requires_grad_()
    y = law.icdf(tau)
    (slope,) = torch.autograd.grad(y.sum(), tau)
    smooth = slope > 0
    y = y.detach()
    torch.testing.assert_close(law.log_prob(y)[smooth], -slope[smooth].log(), rtol=1e-7, atol=1e-7)
    # where Q is flat there is an atom, and log_prob is its log mass
    mass = (law.cdf(y) - law.cdf_left(y))[~smooth]
    torch.testing.assert_close(law.log_prob(y)[~smooth], mass.log(), rtol=1e-9, atol=0)


def test_the_mean_is_the_integral_of_the_icdf(law_with_mean):
    law = law_with_mean
    expected = integrate_levels(law, lambda q, tau: q)
    assert law.mean.item() == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_the_variance_is_the_integral_of_the_squared_deviation(law_with_variance):
    law = law_with_variance
    expected = integrate_levels(law, lambda q, tau: (q - law.mean) ** 2)
    assert law.variance.item() == pytest.approx(expected, rel=1e-5)
    assert law.stddev.item() == pytest.approx(math.sqrt(expected), rel=1e-5)


def observations(law):
    """Below, within and above the law."""
    middle = law.icdf(torch.tensor([0.02, 0.3, 0.5, 0.77, 0.99]))
    return torch.cat([law.icdf(1e-4)[None] - 3, middle, law.isf(1e-4)[None] + 5])


def test_the_crps_is_twice_the_integral_of_the_pinball_loss(law_with_crps):
    law = law_with_crps
    y = observations(law)
    expected = [
        integrate_levels(
            law,
            lambda q, tau, v=v: 2 * (v - q) * (tau - (v < q).to(tau.dtype)),
            cuts=[float(law.cdf_left(v)), float(law.cdf(v))],  # the kink of the loss
        )
        for v in y
    ]
    torch.testing.assert_close(law.crps(y), torch.tensor(expected), rtol=1e-6, atol=1e-7)


def test_the_crps_is_the_energy_form(law_with_crps):
    # E|X - y| - E|X - X'| / 2 over n stratified draws; Q(U) within a stratum is off by O(1 / n)
    law, n = law_with_crps, 20_000
    tau = (torch.arange(n) + 0.5) / n
    x = law.icdf(tau)
    y = observations(law)
    distance = (x - y[:, None]).abs().mean(-1)
    # E|X - X'| = 2 / n^2 sum_i (2 i - n - 1) x_(i), for i from 1
    weights = 2 * (2 * torch.arange(1, n + 1) - n - 1) / n**2
    energy = distance - (weights * x).sum() / 2
    torch.testing.assert_close(law.crps(y), energy, rtol=2e-3, atol=2e-3)


def test_the_crps_is_never_negative_and_proper(law_with_crps):
    law = law_with_crps
    assert (law.crps(observations(law)) >= 0).all()
    # on average over itself the law beats itself shifted
    y = law.icdf((torch.arange(100) + 0.5) / 100)
    assert law.crps(y).mean() < law.crps(y + 0.5 * law.stddev).mean()


def test_draws_follow_the_cdf(law_with_sample, generator):
    law = law_with_sample
    draws = law.sample((10_000,), generator=generator)
    levels = law.pit(draws, generator=generator)
    assert scipy.stats.kstest(levels.numpy(), "uniform").pvalue > 1e-3


def test_the_same_generator_gives_the_same_draws(law_with_sample):
    def draw():
        return law_with_sample.sample((50,), generator=torch.Generator().manual_seed(3))

    assert torch.equal(draw(), draw())
    assert torch.equal(draw(), law_with_sample.rvs(50, random_state=3))


def test_rsample_is_sample(law_with_rsample):
    def draw(method):
        return method((50,), generator=torch.Generator().manual_seed(3))

    assert torch.equal(draw(law_with_rsample.rsample), draw(law_with_rsample.sample))
    assert law_with_rsample.has_rsample


def test_an_interval_holds_its_coverage(law_with_cdf):
    lower, upper = law_with_cdf.interval(0.8)
    assert law_with_cdf.cdf(upper) - law_with_cdf.cdf_left(lower) >= 0.8 - 1e-9
    # and no less on one side than on the other: at most 0.1 lies beyond each end
    assert law_with_cdf.cdf_left(lower) <= 0.1 + 1e-9
    assert law_with_cdf.sf(upper) <= 0.1 + 1e-9


def test_breakpoints_are_increasing_levels(law):
    b = law.breakpoints()
    assert b.dtype == torch.float64
    assert b.dim() == 1
    assert ((b > 0) & (b < 1)).all()
    assert (b.diff() > 0).all()


def test_what_is_promised_is_what_can_be_done(law, promised):
    assert law.can == promised


CALLS = {
    "cdf": lambda law: law.cdf(0.0),
    "log_prob": lambda law: law.log_prob(0.0),
    "crps": lambda law: law.crps(0.0),
    "mean": lambda law: law.mean,
    "variance": lambda law: law.variance,
    "sample": lambda law: law.sample(),
    "rsample": lambda law: law.rsample(),
}


@pytest.mark.parametrize("capability", CALLS)
def test_what_is_not_promised_raises_and_says_why(law, promised, capability):
    if capability in promised:
        assert CALLS[capability](law).shape == ()
        return
    with pytest.raises(UnsupportedError, match=rf"has no {capability}\. \w.* Use "):
        CALLS[capability](law)


def test_the_law_can_be_expanded(law_with_crps, levels):
    law = law_with_crps
    wide = law.expand((2, 3))
    assert wide.batch_shape == (2, 3)
    assert type(wide) is type(law)
    y = law.icdf(levels[::250])
    for method in (wide.cdf, wide.cdf_left, wide.sf, wide.crps):
        single = getattr(law, method.__name__)(y)
        torch.testing.assert_close(
            method(y[:, None, None]), single[:, None, None].expand(-1, 2, 3)
        )
    assert torch.equal(wide.icdf(levels[:6].reshape(2, 3)), law.icdf(levels[:6].reshape(2, 3)))
    torch.testing.assert_close(wide.mean, law.mean.expand(2, 3))
    torch.testing.assert_close(wide.variance, law.variance.expand(2, 3))
    assert wide.sample((4,)).shape == (4, 2, 3)
    assert wide.quantiles(levels[:5]).shape == (2, 3, 5)
    assert law.expand(()) is law
    if "log_prob" in law.can:
        torch.testing.assert_close(
            wide.log_prob(y[:, None, None]), law.log_prob(y)[:, None, None].expand(-1, 2, 3)
        )


def test_one_law_of_a_batch_answers_for_itself(law, levels):
    wide = law.expand((2, 3))
    if isinstance(law, Implicit):
        with pytest.raises(UnsupportedError, match=r"Index law\.rearranged, .* or ask all"):
            wide[1, 2]
        wide, law = wide.rearranged, law.rearranged
    y = law.icdf(levels[::200])
    for index, shape in (((1, 2), ()), (0, (3,)), ((..., slice(2)), (2, 2)), ([1, 0, 1], (3, 3))):
        part = wide[index]
        assert type(part) is type(law)
        assert part.batch_shape == shape
        assert part._validate_args == wide._validate_args
        torch.testing.assert_close(part.icdf(0.3), law.icdf(0.3).expand(shape))
        for name in {"cdf", "log_prob", "crps"} & law.can:
            found = getattr(part, name)(y.reshape(-1, *[1] * len(shape)))
            expected = getattr(law, name)(y)
            torch.testing.assert_close(found.reshape(len(y), -1)[:, -1], expected)
    assert part.sample((4,)).shape == (4, 3, 3)


def test_other_names_are_the_same_answers(law, levels):
    assert torch.equal(law.median, law.icdf(0.5))
    if "log_prob" in law.can:
        y = law.icdf(levels[::200])
        assert torch.equal(law.pdf(y), law.log_prob(y).exp())
        assert torch.equal(law.prob(y), law.pdf(y))
    if "variance" in law.can:
        assert torch.equal(law.std, law.stddev)


def test_numbers_and_arrays_are_welcome(law):
    assert law.icdf(0.5).shape == ()
    assert law.icdf(np.array([0.25, 0.5])).shape == (2,)
    assert law.icdf([0.25, 0.5]).shape == (2,)


def test_the_repr_names_class_and_batch(law):
    assert repr(law).startswith(f"{type(law).__name__}(batch_shape=(), ")
