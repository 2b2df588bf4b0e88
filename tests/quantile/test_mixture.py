"""Mixtures: the closed forms against the general one, and that against scipy."""

import pytest
import scipy.optimize
import scipy.stats as st
import torch

from qdist.errors import InputError, UnsupportedError
from qdist.quantile import Affine, Categorical, Frozen, Implicit, Mixture, PiecewiseLinear, mixture

LEVELS = torch.cat([torch.linspace(0, 1, 41), torch.tensor([1e-6, 0.3, 0.7, 1 - 1e-6])])


def linear(levels):
    values = torch.tensor([0.0, 0.0, 1.0, 1.5, 4.0])
    return PiecewiseLinear(torch.tensor(levels), values)


CLOSED = {
    "levels over the same values": (
        PiecewiseLinear,
        lambda: [linear([0.0, 0.5, 0.6, 0.9, 1.0]), linear([0.0, 0.1, 0.8, 0.9, 1.0])],
    ),
    "a batch with one law": (
        PiecewiseLinear,
        lambda: [
            linear([[0.0, 0.5, 0.6, 0.9, 1.0], [0.0, 0.2, 0.3, 0.4, 1.0]]),
            linear([0.0, 0.1, 0.8, 0.9, 1.0]),
        ],
    ),
    "codes": (
        Categorical,
        lambda: [
            Categorical(torch.tensor([0.5, -1.0, 2.0])),
            Categorical(torch.tensor([-torch.inf, 1.0, 0.0])),
        ],
    ),
    "codes with values": (
        Categorical,
        lambda: [
            Categorical(torch.tensor([0.5, -1.0, k]), values=torch.tensor([-2.0, 0.5, 7.0]))
            for k in (0.0, 1.0, 2.0)
        ],
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_the_closed_form_is_the_general_one(name):
    kind, make = CLOSED[name]
    closed, general = mixture(make()), Mixture(make())
    assert isinstance(closed, kind)
    assert closed.batch_shape == general.batch_shape
    tau = LEVELS.reshape(-1, *[1] * len(closed.batch_shape))
    quantiles = closed.icdf(tau)
    # Where F is flat at the level, rounding of F decides between the ends of the gap.
    torch.testing.assert_close(general.cdf(general.icdf(tau)), closed.cdf(quantiles))
    y = torch.cat([quantiles, quantiles + 0.2, quantiles - 0.2])
    for question in ("cdf", "cdf_left", "sf", "log_prob"):
        torch.testing.assert_close(getattr(general, question)(y), getattr(closed, question)(y))
    torch.testing.assert_close(general.mean, closed.mean)
    torch.testing.assert_close(general.variance, closed.variance)


def test_quantiles_of_two_normal_laws():
    law = Mixture([Frozen(st.norm(-2, 1)), Frozen(st.norm(3, 0.5))], weights=[1.0, 3.0])

    def cdf(x):
        return 0.25 * st.norm.cdf(x, -2, 1) + 0.75 * st.norm.cdf(x, 3, 0.5)

    for tau in (1e-12, 0.1, 0.24, 0.25, 0.26, 0.9):
        exact = scipy.optimize.brentq(lambda x, tau=tau: cdf(x) - tau, -40, 40, xtol=1e-14)
        assert law.icdf(tau).item() == pytest.approx(exact, abs=1e-8)
    # In the far tail, where 1 - tau would be 1, the wider law is all but a part in a million:
    # P(Y > x) = P(N > x + 2) / 4.
    assert law.isf(1e-30).item() == pytest.approx(st.norm.isf(4e-30) - 2, abs=1e-7)
    assert law.icdf(0.0).item() == -torch.inf
    assert law.icdf(1.0).item() == torch.inf
    assert law.mean.item() == pytest.approx(0.25 * -2 + 0.75 * 3)
    # Within: 0.25 * 1 + 0.75 * 0.25; between: 0.25 * 0.75 * 5^2.
    assert law.variance.item() == pytest.approx(0.4375 + 4.6875)


def test_an_atom_of_one_component_is_an_atom_of_the_mixture():
    point = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.3, 0.3]))
    law = Mixture([point, Frozen(st.uniform())])
    assert law.icdf(torch.tensor([0.2, 0.6])).tolist() == [0.3, 0.3]  # F jumps from 0.15 to 0.65
    assert law.icdf(0.1).item() == pytest.approx(0.2)
    assert law.log_prob(0.3).exp().item() == pytest.approx(0.5)  # the mass alone
    assert law.log_prob(0.4).exp().item() == pytest.approx(0.5)  # half of a density of 1
    assert law.breakpoints().tolist() == pytest.approx([0.15, 0.65])


def test_draws_follow_the_law():
    law = Mixture([Frozen(st.norm(-2)), Frozen(st.norm(2))])
    draws = law.sample((10_000,), generator=torch.Generator().manual_seed(0))
    # P(sqrt(n) D > 1.95) = 0.001 (Kolmogorov)
    assert st.kstest(draws.numpy(), lambda x: law.cdf(x).numpy()).statistic < 1.95 / 100


def test_one_law_is_its_own_mixture():
    law = linear([0.0, 0.5, 0.6, 0.9, 1.0])
    assert mixture([law]) is law


def test_laws_that_share_nothing_stay_apart():
    a, b = linear([0.0, 0.5, 0.6, 0.9, 1.0]), Affine(linear([0.0, 0.5, 0.6, 0.9, 1.0]), 1.0, 2.0)
    assert isinstance(mixture([a, b]), Mixture)
    other = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]))
    assert isinstance(mixture([a, other]), Mixture)
    tails = (torch.tensor(1.0), None)
    tailed = PiecewiseLinear(torch.tensor([0.1, 1.0]), torch.tensor([0.0, 1.0]), tails=tails)
    assert isinstance(mixture([tailed, tailed]), Mixture)


def test_what_cannot_be_mixed_is_refused():
    law = linear([0.0, 0.5, 0.6, 0.9, 1.0])
    with pytest.raises(InputError, match="at least one law to mix; got none"):
        Mixture([])
    with pytest.raises(InputError, match="at least one law to mix; got none"):
        mixture([])
    for kind, mix in ((law, Mixture), (law, mixture), (Categorical(torch.zeros(3)), mixture)):
        with pytest.raises(InputError, match=r"shapes that broadcast; got \[\(2,\), \(3,\)\]"):
            mix([kind.expand((2,)), kind.expand((3,))])
    single = PiecewiseLinear(law.levels.float(), law.values.float())
    for mix, other in ((Mixture, Frozen(st.norm())), (mixture, law)):
        with pytest.raises(InputError, match=r"one dtype; got torch\.float32, torch\.float64"):
            mix([single, other])
    for weights in ([1.0], [1.0, 0.0], [1.0, torch.inf]):
        with pytest.raises(InputError, match="Expected 2 positive weights"):
            Mixture([law, law], weights=weights)
    with pytest.raises(UnsupportedError, match=r"no rsample.*halving"):
        Mixture([law, law]).rsample()
    with pytest.raises(UnsupportedError, match=r"no crps.*Use `mixture`"):
        Mixture([law, law]).crps(0.0)
    crossing = Implicit(lambda tau: tau, ())
    assert "log_prob" not in Mixture([crossing, law]).can


def test_a_knot_is_no_atom_however_it_rounds():
    """At 2 the cdf of single precision takes 0.7 from the left and the right alike: no jump there.

    The densities there are 0.55 on the left of a component and 0.3 beyond, and 1/4.
    """
    levels = torch.tensor([0.0, 0.15, 0.7, 1.0], dtype=torch.float32)
    base = PiecewiseLinear(levels, torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float32))
    flat = PiecewiseLinear(
        torch.tensor([0.0, 1.0], dtype=torch.float32),
        torch.tensor([0.0, 4.0], dtype=torch.float32),
    )
    assert base.cdf_left(2.0) == base.cdf(2.0)
    inside = base.log_prob(2.0).exp().item()
    assert inside in (pytest.approx(0.3, rel=1e-5), pytest.approx(0.55, rel=1e-5))
    mixed = Mixture([base, flat]).log_prob(2.0).exp().item()
    assert mixed == pytest.approx((inside + 0.25) / 2, rel=1e-5)
    wide = Affine(base, 0.0, 10.0).log_prob(20.0).exp().item()
    assert wide == pytest.approx(inside / 10, rel=1e-5)
