"""The size of gradients."""

import pytest
import torch
from torch import nn

from qdist.training.gradients import clip


def network():
    generator = torch.Generator().manual_seed(0)
    weights = [nn.Parameter(torch.zeros(shape)) for shape in ((3, 4), (4,), (2,))]
    for w in weights[:2]:  # the last has no gradient
        w.grad = torch.randn(w.shape, generator=generator)
    return weights


@pytest.mark.parametrize("most", [0.1, 1.0, 3.0, 4.0, 100.0])
def test_it_clips_as_torch_does(most):
    own, others = network(), network()
    before = nn.utils.clip_grad_norm_(others, most).item()
    assert clip(own, most) == before
    assert 3.0 < before < 4.0  # so that some of the limits clip and some do not
    for one, other in zip(own, others, strict=True):
        assert one.grad is other.grad is None or torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_gradient_that_is_not_finite_has_no_finite_size(bad):
    weights = network()
    weights[0].grad[0, 0] = bad
    assert not torch.isfinite(torch.tensor(clip(weights, 1.0)))


def test_nothing_to_clip():
    assert clip([], 1.0) == clip(network()[2:], 1.0) == 0.0
