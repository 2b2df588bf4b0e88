"""A network for any ranks, held to the raster order: it is told of no pixel too early."""

import numpy as np
import pytest
import torch
from torch import nn

import qdist
from qdist import registry
from qdist.backbones import AbstractBackbone, ImageDomain, RecomputeStepper
from qdist.laws.raster import InRaster
from qdist.orders import sees


class Pool(AbstractBackbone):
    """What is known of lower ranks, weighed and summed."""

    name, serves, takes = "pool", "any", ImageDomain

    def __init__(self, domain, *, context=6):
        super().__init__()
        self.dim, self.context = domain.dim, context
        self.weight = nn.Parameter(torch.randn(self.dim, self.dim, context))
        self.bias = nn.Parameter(torch.randn(self.dim, context))

    def forward(self, y, rank, *, tau=None):
        known = torch.where(sees(rank.expand(y.shape)), y.unsqueeze(1), 0.0)
        return torch.tanh(torch.einsum("bij,ijc->bic", known, self.weight) / 9 + self.bias)


@pytest.fixture(params=[None, 3], ids=["no label", "labels"])
def network(request):
    domain = ImageDomain(2, 3, 2, levels=8, labels=request.param)
    return InRaster(Pool(domain), first=len(domain.conditioning))


def test_it_keeps_what_a_fixed_order_promises(network):
    y = torch.randn(3, network.dim).requires_grad_()
    h = network(y, torch.arange(network.dim))
    for i in range(network.dim):
        (slope,) = torch.autograd.grad(h[:, i].sum(), y, retain_graph=True, allow_unused=True)
        assert (slope[:, i:] == 0).all()
        assert (slope[:, network.first : i] != 0).all()


def test_its_stepper_gives_what_the_forward_pass_does(network):
    y = torch.randn(4, network.dim)
    # Known pixels before and after the one that is asked for.
    visible = torch.rand(4, network.dim) < 0.5
    visible[:, : network.first] = True
    stepper = network.stepper(torch.where(visible, y, torch.nan).nan_to_num(5.0), visible)
    plain = RecomputeStepper(network, y, visible)
    for i in range(network.first, network.dim):
        torch.testing.assert_close(stepper.context(i), plain.context(i))
        hidden = (~visible[:, i]).nonzero().squeeze(1)
        stepper.set(i, y[hidden, i], rows=hidden)


def test_what_was_told_can_be_changed(network):
    y, other = torch.randn(2, 4, network.dim)
    stepper = network.stepper(y, torch.ones(4, network.dim, dtype=torch.bool))
    stepper.context(network.first + 4)
    stepper.set(network.first + 2, other[:, network.first + 2])
    y[:, network.first + 2] = other[:, network.first + 2]
    for i in range(network.first + 4, network.dim):
        wanted = network(y, torch.arange(network.dim))[:, i]
        torch.testing.assert_close(stepper.context(i), wanted)


def test_completions_do_not_see_later_pixels(monkeypatch):
    shared = registry.Registry(group=None)
    shared.register("backbone", Pool)
    monkeypatch.setattr(registry, "_SHARED", shared)
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 3, (60, 1, 3)) * 10).astype(np.uint8)
    model = qdist.ImageModel(backbone="pool", max_steps=5, learning_rate=0.05, random_state=0)
    model.fit(images)
    hidden = np.array([[False, True, False]])
    drawn = [
        model.inpaint(np.array([[[10, 0, last]]], np.uint8), hidden, n_draws=200, random_state=0)
        for last in (0, 10, 20)
    ]
    for other, last in zip(drawn[1:], (10, 20), strict=True):
        np.testing.assert_array_equal(other[..., 1], drawn[0][..., 1])
        assert (other[..., 2] == last).all()
    assert len(np.unique(drawn[0][..., 1])) == 3
