"""The laws of all heads."""

import pytest
import torch

from qdist.heads import AbstractHead, CategoricalHead, ImplicitHead, SplineHead
from qdist.quantile import PiecewiseLinear
from qdist.testing import check_head
from tests.heads.conftest import CASES


def test_conforms(case):
    torch.set_default_dtype(torch.float32)  # the fixture of the suite puts it back
    check_head(case.make, target_range=case.target_range, integer=case.integer)


def test_heads_say_which_losses_are_log_scores():
    said = {name for name, case in CASES.items() if case.make(3).log_score}
    assert said == {"spline_log", "binned", "categorical", "categorical_large"}


def test_a_loss_with_a_unit_is_in_that_of_the_target():
    units = {name: case.make(3).loss_unit for name, case in CASES.items()}
    assert {name: unit for name, unit in units.items() if unit != 1} == {"binned_crps": 6.0}
    assert ImplicitHead(3, scale=2.0).loss_unit == SplineHead(3, scale=2.0).loss_unit == 2.0
    assert SplineHead(3, scale=2.0, lower=0, upper=5, step=1, score="log").loss_unit == 1.0
    assert CategoricalHead(3, 7, ordered=True, score="rps").loss_unit == 6.0


def test_context_and_target_broadcast(case):
    """One context for many targets is the same as the context repeated."""
    head = case.make(3)
    h = torch.randn(3)
    low, high = case.target_range
    y = torch.linspace(low, high, 6)
    if case.integer:
        y = y.round()
    draws = [torch.Generator().manual_seed(3) for _ in range(2)]
    one = head.loss(h, y, generator=draws[0])
    many = head.loss(h.expand(6, 3), y, generator=draws[1])
    assert one.shape == (6,)
    torch.testing.assert_close(one, many)


def test_values_at_levels_are_quantiles(case, generator):
    """Of a law in a batch, of one law at many levels, and under autocast."""
    torch.manual_seed(5)
    head = case.make(3)
    h = torch.randn(7, 3)
    tau = torch.rand(4, 7, generator=generator)
    tau[0, :2] = torch.tensor([0.0, 1.0])
    law = head(h)
    if isinstance(head, ImplicitHead):  # its network may cross: see its own tests
        assert head.value_at(h, tau).shape == tau.shape
        return
    # Codes are the same; numbers may be worked out in another order of the same sums.
    for levels in (tau[0], tau):
        values = head.value_at(h, levels)
        torch.testing.assert_close(values, law.icdf(levels), rtol=1e-13, atol=1e-13)
    with torch.autocast("cpu", torch.bfloat16):
        values = head.value_at(h, tau[1])
        torch.testing.assert_close(values, head(h).icdf(tau[1]), rtol=1e-13, atol=1e-13)


def test_values_of_rows_that_share_contexts_are_those_of_each_row(case, generator):
    torch.manual_seed(5)
    head = case.make(3)
    h, tau = torch.randn(3, 3), torch.rand(9, generator=generator)
    tau[:2] = torch.tensor([0.0, 1.0])
    row = torch.tensor([2, 0, 0, 2, 0, 2, 2, 2, 0])  # none has the second context
    values = head.value_of(h, tau, row=row)
    torch.testing.assert_close(values, head.value_at(h[row], tau), rtol=1e-13, atol=1e-13)


def test_loss_is_proper_score_of_the_law(case):
    """No other law of the same head does better on draws from a head's own law."""
    if case.integer and isinstance(case.make(3), ImplicitHead):
        return  # it is scored before its law is rounded
    torch.manual_seed(5)
    truth, other = case.make(3), case.make(3)
    h = torch.ones(3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        y = truth(h).sample((4000,), generator=generator)
        other.load_state_dict(
            {
                k: v + (v * 0.3 if v.is_floating_point() and "." in k else 0)
                for k, v in truth.state_dict().items()
            }
        )
        a = truth.loss(h, y, generator=torch.Generator().manual_seed(1))
        b = other.loss(h, y, generator=torch.Generator().manual_seed(1))
    gain = b - a
    # The mean gain is positive, up to three standard errors of its sampling noise.
    assert gain.mean() > -3 * gain.std() / 4000**0.5


class _Constant(AbstractHead):
    """A head with one mistake, chosen by a test."""

    name = "constant"

    def __init__(self, context, mistake):
        super().__init__()
        self.layer = torch.nn.Linear(context, 2)
        self.unused = torch.nn.Parameter(torch.zeros(())) if mistake == "unused" else None
        self.mistake = mistake

    def forward(self, h):
        with torch.autocast("cpu", enabled=self.mistake == "autocast"):
            raw = self.layer(h.to(self.layer.weight.dtype).clamp(-1e4, 1e4))
        if self.mistake == "batch" and h.ndim > 1:
            raw = raw - raw.mean(0)
        size = raw[..., 1:] if self.mistake == "crossing" else raw[..., 1:].abs()
        values = torch.cat([raw[..., :1], raw[..., :1] + size], -1)
        levels = torch.tensor([0, 1], dtype=values.dtype)
        return PiecewiseLinear(levels, values, validate_args=False)

    def loss(self, h, target, *, generator=None):
        if self.mistake == "global":
            torch.rand(())
        loss = self(h).crps(target)
        return loss.mean() if self.mistake == "reduced" else loss

    def value_of(self, h, tau, *, row):
        if self.mistake == "first row":
            row = row[:1].expand(row.shape)
        return super().value_of(h, tau, row=row)

    @property
    def log_score(self):
        return self.mistake == "no log score"

    def start(self, target, **weighted):
        if self.mistake == "no weight" and weighted:
            raise TypeError("start() got an unexpected keyword argument 'weight'")

    def calibrate(self, h, target, *, weight=None):
        if self.mistake == "moved":
            torch.nn.init.ones_(self.layer.bias)

    @classmethod
    def for_coordinate(cls, coordinate, context, **args):
        return cls(context, **args)


@pytest.mark.parametrize(
    ("mistake", "match"),
    [
        ("first row", "`value_of` to give what `value_at` does"),
        ("crossing", "do not cross|a level beyond"),
        ("batch", "alone and in a batch"),
        ("unused", "gradient of the loss for unused"),
        ("global", "global random state"),
        ("reduced", "unreduced loss"),
        ("autocast", "under autocast|bfloat16"),
        ("no log score", "a loss of minus log_prob, as `log_score` is True"),
        ("no weight", "start.*weight=None.*; got .* argument 'weight'"),
        ("moved", "`calibrate` to leave the law at context 0"),
    ],
)
def test_check_head_finds_mistakes(mistake, match):
    torch.set_default_dtype(torch.float32)
    with pytest.raises(AssertionError, match=match):
        check_head(lambda c: _Constant(c, mistake))


def test_check_head_passes_a_sound_head():
    check_head(lambda c: _Constant(c, ""))
    check_head(SplineHead)
