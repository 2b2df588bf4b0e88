"""Categorical and empirical laws: staircases."""

import math

import numpy as np
import pytest
import scoringrules
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.errors import InputError
from qdist.quantile import Categorical, Empirical, PiecewiseLinear
from qdist.quantile.steps import stairs


def test_a_categorical_law_by_hand():
    # masses 1/2, 1/4, 1/4
    law = Categorical(torch.tensor([0.5, 0.25, 0.25]).log())
    assert law.icdf([0.0, 0.5, 0.51, 0.75, 0.76, 1.0]).tolist() == [0, 0, 1, 1, 2, 2]
    assert law.cdf([-1.0, 0.0, 0.5, 1.0, 2.0]).tolist() == [0.0, 0.5, 0.5, 0.75, 1.0]
    assert law.log_prob([1.0, 2.0]).exp().tolist() == pytest.approx([0.25, 0.25])
    assert law.log_prob([-1.0, 0.5, 3.0]).tolist() == [-math.inf] * 3
    assert law.mean == pytest.approx(0.75)
    assert law.variance == pytest.approx(1 / 4 + 1 - 0.75**2)
    # ranked probability score of code 2: 0.5^2 + 0.75^2
    assert law.crps(2.0) == pytest.approx(0.8125)


def test_the_mass_of_a_categorical_agrees_with_torch(generator):
    logits = torch.randn((4, 7), generator=generator)
    law, oracle = Categorical(logits), torch.distributions.Categorical(logits=logits)
    codes = torch.randint(0, 7, (5, 4), generator=generator)
    torch.testing.assert_close(law.log_prob(codes), oracle.log_prob(codes))


def test_a_code_without_mass_is_never_drawn():
    # in float32 the masses of 5,000 codes do not add up to 1
    logits = torch.randn(5000, dtype=torch.float32)
    logits[:10] = -torch.inf
    logits[-2000:] = -torch.inf
    law = Categorical(logits)
    tau = torch.tensor([0.0, 1e-30, 1 - 2**-24, 1.0], dtype=torch.float32)
    assert law.log_prob(law.icdf(tau)).isfinite().all()


def test_gradients_of_the_scores_reach_the_logits():
    logits = torch.tensor([[0.3, -1.0, 0.5], [0.0, 2.0, 1.0]], requires_grad=True)
    y = torch.tensor([0.0, 2.0])
    for name in ("log_prob", "crps", "cdf"):
        assert torch.autograd.gradcheck(
            lambda logits, name=name: getattr(Categorical(logits), name)(y), [logits]
        )


def test_a_look_without_gradients_does_not_cut_those_of_a_later_one():
    logits = torch.zeros(3, requires_grad=True)
    law = Categorical(logits)
    samples = torch.tensor([2.0, 1.0], requires_grad=True)
    cloud = Empirical(samples)
    with torch.no_grad():
        law.crps(0.0), law.log_prob(0.0), cloud.mean
    assert torch.autograd.grad(law.crps(0.0) + law.log_prob(0.0), logits)[0].abs().sum() > 0
    assert torch.autograd.grad(cloud.mean, samples)[0].tolist() == [0.5, 0.5]


def test_an_empirical_law_by_hand():
    law = Empirical(torch.tensor([3.0, 1.0, 2.0, 2.0]))
    assert law.icdf([0.0, 0.25, 0.26, 0.75, 0.76, 1.0]).tolist() == [1, 1, 2, 2, 3, 3]
    assert law.cdf([0.0, 1.0, 2.0, 3.0]).tolist() == [0.0, 0.25, 0.75, 1.0]
    assert law.cdf_left([0.0, 1.0, 2.0, 3.0]).tolist() == [0.0, 0.0, 0.25, 0.75]
    # below 1, between 1 and 2, between 2 and 3, above: (1 - F)^2 right of y and F^2 left of it
    assert law.crps(0.0) == pytest.approx(1 + 0.75**2 + 0.25**2)
    assert law.crps(1.5) == pytest.approx(0.5 * 0.25**2 + 0.5 * 0.75**2 + 0.25**2)
    assert law.crps(5.0) == pytest.approx(0.25**2 + 0.75**2 + 2)


def test_the_crps_of_samples_agrees_with_scoringrules(generator):
    samples = torch.randn((5, 40), generator=generator)
    y = 2 * torch.randn(5, generator=generator)
    expected = scoringrules.crps_ensemble(y.numpy(), samples.numpy(), estimator="nrg")
    torch.testing.assert_close(Empirical(samples).crps(y), torch.from_numpy(expected))


def test_the_gradient_of_draws_counts_them(generator):
    samples = torch.tensor([0.0, 5.0, 1.0], requires_grad=True)
    draws = Empirical(samples).rsample((3000,), generator=generator)
    (gradient,) = torch.autograd.grad(draws.mean(), samples)
    shares = [(draws == v).double().mean().item() for v in (0.0, 5.0, 1.0)]
    assert gradient.tolist() == pytest.approx(shares)


@given(
    samples=st.lists(st.integers(-4, 4), min_size=1, max_size=12),
    raw=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    y=st.floats(-6, 6),
)
def test_weights_are_repetitions(samples, raw, y):
    weights = raw[: len(samples)]
    weights[0] += 1
    repeated = np.repeat(samples, weights).astype(float)
    weighted = Empirical(torch.tensor(samples, dtype=torch.float64), weights=torch.tensor(weights))
    plain = Empirical(torch.from_numpy(repeated))
    for name in ("cdf", "cdf_left", "sf", "crps"):
        torch.testing.assert_close(getattr(weighted, name)(y), getattr(plain, name)(y))
    torch.testing.assert_close(weighted.mean, plain.mean)
    torch.testing.assert_close(weighted.variance, plain.variance)
    assert weighted.icdf([0.0, 1.0]).tolist() == plain.icdf([0.0, 1.0]).tolist()


def test_a_staircase_is_a_piecewise_linear_law_without_slopes(generator):
    values = torch.tensor([0.0, 1.0, 4.0])
    law = Categorical(torch.tensor([0.2, 0.3, 0.5]).log(), values=values)
    levels = stairs(torch.tensor([0.2, 0.5, 1.0]))
    assert levels.tolist() == [0.0, 0.2, 0.2, 0.5, 0.5, 1.0]
    line = PiecewiseLinear(levels, values.repeat_interleave(2))
    y = torch.tensor([-1.0, 0.0, 0.5, 1.0, 3.0, 4.0, 9.0])
    for name in ("cdf", "cdf_left", "log_prob", "crps"):
        torch.testing.assert_close(getattr(law, name)(y), getattr(line, name)(y))
    torch.testing.assert_close(law.variance, line.variance)


BAD = {
    "no code": (lambda: Categorical(torch.empty(3, 0)), "Expected logits of shape"),
    "NaN logit": (lambda: Categorical(torch.tensor([0.0, math.nan])), "got 1 NaN"),
    "no mass": (lambda: Categorical(torch.tensor([-math.inf, -math.inf])), "row without mass"),
    "wrong values": (
        lambda: Categorical(torch.zeros(3), values=torch.zeros(2)),
        r"values of shape \(3,\); got \(2,\)",
    ),
    "equal values": (
        lambda: Categorical(torch.zeros(2), values=torch.zeros(2)),
        "finite increasing values",
    ),
    "no sample": (lambda: Empirical(torch.empty(0)), "at least one sample"),
    "NaN sample": (lambda: Empirical(torch.tensor([0.0, math.nan])), "got 1 that are not"),
    "wrong weights": (
        lambda: Empirical(torch.zeros(3), weights=torch.ones(2)),
        r"weights of shape \(3,\)",
    ),
    "negative weight": (
        lambda: Empirical(torch.zeros(2), weights=torch.tensor([1.0, -1.0])),
        "non-negative weights",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_refused(case):
    construct, message = BAD[case]
    with pytest.raises(InputError, match=message):
        construct()


def test_the_repr_shows_the_size():
    assert repr(Categorical(torch.zeros(2, 5))) == "Categorical(batch_shape=(2,), codes=5)"
    law = Empirical(torch.zeros(4), weights=torch.ones(4))
    assert repr(law) == "Empirical(batch_shape=(), samples=4, weighted)"
