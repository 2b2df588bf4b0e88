import numpy as np
import pytest
import torch

from qdist.errors import InputError
from qdist.numerics import bisection, gauss_legendre, unpack


class TestUnpack:
    @pytest.mark.parametrize("batch", [(), (4,), (2, 0, 3)], ids=str)
    def test_parts_have_their_shapes_and_lose_nothing(self, batch):
        shapes = [(2, 3), (), (4,), (1,)]
        phi = torch.arange(torch.Size(batch).numel() * 12.0).reshape(*batch, 12)
        parts = unpack(phi, shapes)
        assert [part.shape for part in parts] == [(*batch, *shape) for shape in shapes]
        flat = [part.reshape(*batch, -1) if part.numel() else None for part in parts]
        if phi.numel():
            assert torch.equal(torch.cat(flat, dim=-1), phi)

    def test_gradient_reaches_every_entry(self):
        phi = torch.zeros(5, requires_grad=True)
        sum(part.sum() for part in unpack(phi, [(2,), (3,)])).backward()
        assert torch.equal(phi.grad, torch.ones(5))

    @pytest.mark.parametrize("shape", [(3, 4), ()], ids=str)
    def test_wrong_size_says_both(self, shape):
        with pytest.raises(InputError, match=r"Expected a last axis of size 5 .*got shape"):
            unpack(torch.zeros(shape), [(2,), (3,)])


class TestGaussLegendre:
    @pytest.mark.parametrize("n", [1, 2, 7, 32])
    def test_exact_up_to_its_degree_and_no_further(self, n):
        t, w = gauss_legendre(n)
        for degree in (0, 1, 2 * n - 1):
            assert float((w * t**degree).sum()) == pytest.approx(1 / (degree + 1), rel=1e-13)
        if n < 8:
            assert abs(float((w * t ** (2 * n)).sum()) - 1 / (2 * n + 1)) > 1e-12

    def test_nodes_are_levels_inside(self):
        t, _ = gauss_legendre(16, dtype=torch.float32)
        assert t.dtype == torch.float32
        assert bool(((t > 0) & (t < 1)).all())
        assert bool((t.diff() > 0).all())

    def test_no_node_is_refused(self):
        with pytest.raises(InputError, match="Expected at least one quadrature node; got n=0"):
            gauss_legendre(0)


class TestBisection:
    def test_finds_roots_of_a_smooth_function(self):
        target = torch.linspace(-3, 3, 13)
        found = bisection(lambda x: x**3 + x - target, torch.tensor(-5.0), torch.tensor(5.0))
        torch.testing.assert_close(found**3 + found, target, rtol=1e-14, atol=1e-14)

    def test_is_the_generalised_inverse_of_a_step_function(self):
        # F is 0.3 on [0, 1), 0.3 to 0.8 jumps at 1, 1 from 2 on.
        def cdf(x):
            return 0.3 * (x >= 0) + 0.5 * (x >= 1) + 0.2 * (x >= 2)

        tau = torch.tensor([0.1, 0.3, 0.31, 0.8, 0.9])
        low, high = torch.full((5,), -1.0), torch.full((5,), 3.0)
        found = bisection(lambda x: cdf(x) - tau, low, high)
        torch.testing.assert_close(found, torch.tensor([0.0, 0, 1, 1, 2]), rtol=0, atol=1e-15)

    def test_brackets_as_wide_as_the_type(self):
        huge = float(np.finfo(np.float64).max)
        ends = torch.tensor(-huge), torch.tensor(huge)
        found = bisection(lambda x: x - 1.0, *ends, steps=1200)
        assert float(found) == 1.0

    def test_never_reached_gives_the_upper_end(self):
        assert float(bisection(lambda x: x - 9.0, torch.tensor(0.0), torch.tensor(4.0))) == 4.0
