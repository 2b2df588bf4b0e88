"""Layers: a gate closes as far as its numbers go, and no further."""

import pytest
import torch

from qdist_pixelcnn.layers import gate


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_shut_gate_has_no_number_below_the_smallest_normal_one(dtype):
    tiny = torch.finfo(dtype).tiny
    a, b = torch.meshgrid(
        torch.linspace(-40, 40, 41, dtype=dtype),
        torch.linspace(-800, 40, 421, dtype=dtype),
        indexing="ij",
    )
    z = torch.stack([a.flatten(), b.flatten()], dim=1).requires_grad_()
    out = gate(z, dim=1).squeeze(1)
    out.backward(torch.full_like(out, 1e-20))  # what comes back may be small itself
    for found in (out, z.grad):
        assert ((found == 0) | (found.abs() >= tiny)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gate_is_a_tanh_times_a_sigmoid_to_the_precision_of_its_numbers(dtype):
    z = torch.stack([torch.linspace(-3, 3, 200), torch.linspace(-60, 20, 200)], 1).to(dtype)
    exact = z[:, 0].double().tanh() * z[:, 1].double().sigmoid()
    found = gate(z, dim=1).squeeze(1).double()
    assert (found - exact).abs().max() <= 2 * torch.finfo(dtype).eps
