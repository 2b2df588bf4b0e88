import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.errors import InputError
from qdist.losses import huber_pinball, pinball

levels = st.floats(0, 1)
residuals = st.floats(-1e6, 1e6)


class TestPinball:
    def test_by_hand(self):
        u = torch.tensor([-2.0, -2.0, 0.0, 4.0])
        tau = torch.tensor([0.25, 1.0, 0.5, 0.25])
        # (1 - 0.25) * 2, 0 * 2, 0, 0.25 * 4
        torch.testing.assert_close(pinball(u, tau), torch.tensor([1.5, 0.0, 0.0, 1.0]))

    def test_broadcasts_levels_against_residuals(self):
        loss = pinball(torch.ones(3, 1), torch.tensor([0.1, 0.9]))
        torch.testing.assert_close(loss, torch.tensor([[0.1, 0.9]]).expand(3, 2))

    def test_gradient_is_the_level_less_the_side(self):
        u = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
        pinball(u, 0.3).sum().backward()
        # tau - 1 where u <= 0, else tau
        torch.testing.assert_close(u.grad, torch.tensor([-0.7, -0.7, 0.3]))

    @pytest.mark.parametrize("tau", [0.1, 0.5, 0.8])
    def test_least_at_the_quantile(self, tau):
        y = torch.arange(1.0, 11.0)  # the 0.1 k quantile is between k and k + 1
        q = torch.linspace(0, 11, 1101)
        loss = pinball(y - q[:, None], tau).mean(1)
        best = float(q[loss.argmin()])
        assert 10 * tau - 1e-9 <= best <= 10 * tau + 1 + 1e-9

    def test_keeps_the_type(self):
        assert pinball(torch.ones(2, dtype=torch.float32), 0.3).dtype == torch.float32


class TestHuberPinball:
    def test_by_hand(self):
        u = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
        # L_2 / 2: (3 - 1), 1/4, 0, 1/4, (3 - 1), times 0.75 for u <= 0 and 0.25 above
        expected = torch.tensor([1.5, 0.1875, 0.0, 0.0625, 0.5])
        torch.testing.assert_close(huber_pinball(u, 0.25, kappa=2.0), expected)

    @given(residuals, levels)
    def test_kappa_zero_is_the_pinball_loss(self, u, tau):
        u = torch.tensor(u)
        assert torch.equal(huber_pinball(u, tau, kappa=0.0), pinball(u, tau))

    @given(residuals, levels, st.floats(1e-6, 1e3))
    def test_below_the_pinball_loss_by_at_most_half_kappa(self, u, tau, kappa):
        u = torch.tensor(u)
        gap = float(pinball(u, tau) - huber_pinball(u, tau, kappa=kappa))
        rounding = 1e-15 * (1 + abs(float(u)))
        assert -rounding <= gap <= kappa / 2 + rounding

    def test_slope_is_continuous_at_the_joints(self):
        u = torch.tensor([-1 - 1e-9, -1 + 1e-9, -1e-9, 1e-9, 1 - 1e-9, 1 + 1e-9])
        u.requires_grad_()
        huber_pinball(u, 0.5, kappa=1.0).sum().backward()
        slope = torch.tensor([-0.5, -0.5, 0.0, 0.0, 0.5, 0.5])
        torch.testing.assert_close(u.grad, slope, atol=1e-8, rtol=0)

    def test_huge_residuals_stay_finite(self):
        u = torch.tensor([1e30, -1e30], dtype=torch.float32)
        assert bool(huber_pinball(u, 0.5, kappa=1.0).isfinite().all())

    @pytest.mark.parametrize("kappa", [-1.0, float("nan"), float("inf"), None, "1"])
    def test_refuses_a_kappa_that_is_not_a_width(self, kappa):
        with pytest.raises(InputError, match="Expected kappa to be a number >= 0; got"):
            huber_pinball(torch.zeros(1), 0.5, kappa=kappa)
