"""Heads start at the marginal law of weighed targets: a weight of two is a target twice."""

import pytest
import torch

from qdist.heads import BinnedHead, CategoricalHead, SplineHead

BINS = [(0.0, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 1.0)]
HEADS = {
    "binned": (lambda: BinnedHead(3, BINS), torch.rand),
    "categorical": (lambda: CategoricalHead(3, 4), lambda n, generator: codes(n, 4, generator)),
    "many codes": (
        lambda: CategoricalHead(3, 1500),
        lambda n, generator: codes(n, 1500, generator),
    ),
    "spline": (lambda: SplineHead(3, knots=8), torch.randn),
}


def codes(n, levels, generator):
    return torch.randint(levels, (n,), generator=generator).to(torch.get_default_dtype())


@pytest.mark.parametrize(("make", "draw"), HEADS.values(), ids=HEADS)
def test_a_weight_is_so_many_targets(make, draw, generator):
    target = draw(300, generator=generator)
    times = torch.randint(4, (300,), generator=generator)
    weighed, repeated = make(), make()
    repeated.load_state_dict(weighed.state_dict())
    weighed.start(target, weight=times.to(target.dtype))
    repeated.start(target.repeat_interleave(times))
    nothing = torch.zeros(3)
    levels = torch.linspace(0.01, 0.99, 50)
    # The spline takes quantiles of as many targets as there were: within a rank or two of 450.
    tolerance = 0.05 if make is HEADS["spline"][0] else 1e-12
    assert torch.allclose(
        weighed(nothing).icdf(levels), repeated(nothing).icdf(levels), atol=tolerance
    )


@pytest.mark.parametrize(("make", "draw"), HEADS.values(), ids=HEADS)
def test_equal_weights_are_none(make, draw, generator):
    target = draw(300, generator=generator)
    weighed, plain = make(), make()
    plain.load_state_dict(weighed.state_dict())
    weighed.start(target, weight=torch.ones(300))
    plain.start(target)
    same = plain.state_dict()
    for name, parameter in weighed.state_dict().items():
        assert torch.equal(parameter, same[name]), name
