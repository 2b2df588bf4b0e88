"""After calibration the mean of a head's laws is the marginal law, and only where it was asked."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.heads import BinnedHead, CategoricalHead, ImplicitHead
from qdist.heads.calibration import _coefficients, shares_of

ATOMS = [(float(k), float(k)) for k in range(4)]
MIXED = [(0.0, 0.0), (0.0, 0.5), (0.5, 0.75), (0.75, 1.0), (1.0, 1.0)]
HEADS = {
    "codes": lambda: CategoricalHead(3, 4),
    "many codes": lambda: CategoricalHead(3, 1050),
    "atoms": lambda: BinnedHead(3, ATOMS),
    "bins and atoms": lambda: BinnedHead(3, MIXED),
}


def parts(head):
    """What is calibrated: codes, or blocks of codes, or bins."""
    if isinstance(head, BinnedHead):
        return len(head.bias)
    return head.layer.out_features


def masses(head, h):
    """The masses (N, K) of the parts."""
    logits = head._logits(h) if isinstance(head, BinnedHead) else head.layer(h)
    return logits.softmax(-1)


def draws(head, n, generator):
    """Targets whose parts are not equally likely."""
    k = (torch.rand(n, generator=generator) ** 1.3 * parts(head)).long()
    if isinstance(head, BinnedHead):
        return (head.left + head.right)[k] / 2
    return (k * (head.fine or 1)).to(torch.get_default_dtype())


def shares(head, target):
    if isinstance(head, BinnedHead):
        return shares_of(head.bin_of(target), size=parts(head))
    found = shares_of(target.long(), size=head.levels)
    return head._in_blocks(found).sum(-1) if head.fine else found


@pytest.fixture(params=HEADS.values(), ids=HEADS)
def trained(request, generator):
    """A head whose mean law is off, contexts as a network gives them, and targets."""
    head = request.param()
    target = draws(head, 5000, generator)
    head.start(target)
    with torch.no_grad():
        head.layer.weight.copy_(0.1 * torch.randn(head.layer.weight.shape, generator=generator))
    # Contexts have a mean of their own, or nothing could move all of them and leave 0 alone.
    h = torch.randn(400, 3, generator=generator) * 0.2 + torch.tensor([1.0, 0.5, -0.5])
    return head, h, target


def test_the_mean_is_moved_to_the_shares(trained):
    head, h, target = trained
    wanted = shares(head, target)
    before = (masses(head, h).mean(0) - wanted).abs().sum()
    head.calibrate(h, target)
    after = (masses(head, h).mean(0) - wanted).abs().sum()
    assert before > 0.01
    assert after < 0.05 * before  # the gate is 1 give or take a tenth, so not to the last digit


def test_where_nothing_is_known_the_law_stays(trained):
    head, h, target = trained
    before = masses(head, torch.zeros(3))
    head.calibrate(h, target)
    assert torch.equal(masses(head, torch.zeros(3)), before)


def test_a_weight_is_so_many_targets(trained, generator):
    head, h, target = trained
    first = head.layer.weight.clone()
    times = torch.randint(4, target.shape, generator=generator)
    head.calibrate(h, target, weight=times.to(target.dtype))
    weighed = head.layer.weight.clone()
    with torch.no_grad():
        head.layer.weight.copy_(first)
    head.calibrate(h, target.repeat_interleave(times))
    assert not torch.equal(weighed, first)
    torch.testing.assert_close(head.layer.weight, weighed)


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_contexts_of_which_nothing_is_known_change_nothing(trained, noise):
    head, h, target = trained
    before = head.layer.weight.clone()
    head.calibrate(noise * h, target)
    assert torch.equal(head.layer.weight, before)


def test_one_context_by_hand():
    """A law (0.6, 0.4) of one context is moved by log(0.5 / 0.6) and log(0.5 / 0.4)."""
    head = CategoricalHead(1, 2)
    with torch.no_grad():
        head.layer.weight.zero_()
        head.layer.bias.copy_(torch.tensor([0.6, 0.4]).log())
    # 10,001 targets of each code and half a one more: shares (0.5, 0.5).
    target = torch.tensor([0.0, 1.0]).repeat(10_001)
    head.calibrate(torch.ones(7, 1), target)
    # The direction is 1 / (1 + 0.001), so the last thousandth is missing.
    expected = torch.tensor([[0.5 / 0.6], [0.5 / 0.4]]).log() / 1.001
    torch.testing.assert_close(head.layer.weight, expected)


def test_laws_that_are_nearly_sure_take_several_rounds():
    """Half of the contexts say 0.9 and half 0.1; a mean of 0.52 needs a shift s with
    (0.9 a / (0.9 a + 0.1) + 0.1 a / (0.1 a + 0.9)) / 2 = 0.52, a = e^s: s is about 0.22, while one
    round moves by log(0.52 / 0.5) + log(0.5 / 0.48) = 0.08.
    """
    head = CategoricalHead(2, 2)
    odds = torch.tensor(9.0).log() / 2
    with torch.no_grad():
        head.layer.weight.copy_(torch.stack([torch.zeros(2), torch.zeros(2)]))
        head.layer.weight[:, 1] = torch.stack([-odds, odds])
        head.layer.bias.zero_()
    h = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).repeat(50, 1)
    target = (torch.arange(100_000) < 52_000).to(h.dtype)
    head.calibrate(h, target)
    assert masses(head, h)[:, 1].mean().item() == pytest.approx(0.52, abs=2e-4)


def test_a_code_that_was_not_seen_counts_a_part_of_a_target():
    # Of 600 targets three in all may be more, one for each of three codes: a half is less.
    codes = torch.tensor([0, 1]).repeat_interleave(300)
    torch.testing.assert_close(
        shares_of(codes, size=3), torch.tensor([300.5, 300.5, 0.5], dtype=torch.float64) / 601.5
    )
    # Of 200 it is one in all, a quarter for each of four codes.
    found = shares_of(torch.zeros(200, dtype=torch.long), size=4)
    expected = torch.tensor([200.25, 0.25, 0.25, 0.25], dtype=torch.float64) / 201
    torch.testing.assert_close(found, expected)


def test_many_empty_codes_take_little_from_a_frequent_one():
    """30 % of 1,000 targets in one code, the others evenly in 199: 0.3 comes back within 0.002."""
    codes = torch.cat([torch.zeros(300), 1 + torch.arange(700) % 199]).long()
    assert shares_of(codes, size=200)[0].item() == pytest.approx(0.3, abs=0.002)


def test_small_weights_of_targets_count_for_little():
    codes, weight = torch.arange(100).repeat(10), torch.ones(1000)
    weight[codes >= 50] = 0.01
    found = shares_of(codes, size=100, weight=weight)
    # Half a per cent of all is spread evenly, half of that over these codes.
    assert found[50:].sum().item() == pytest.approx((0.01 / 1.01 + 0.0025) / 1.005, rel=1e-6)


def test_logits_that_move_alike_move_nothing():
    shares = torch.tensor([0.4, 0.3, 0.1, 0.1, 0.05, 0.05])
    shift = torch.tensor([0.1, -0.2, 0.0, 0.3, 0.05, -0.1])
    edges = torch.linspace(0, 1, 7)
    head = BinnedHead(3, torch.stack([edges[:-1], edges[1:]], -1), waves=3)
    basis = head.basis.double()
    one, other = (_coefficients(shift + more, basis, shares) @ basis for more in (0.0, 0.25))
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_no_probability_moves_far():
    """Targets that the contexts do not explain at all: each log mass moves by 0.3 at most."""
    head = CategoricalHead(1, 2)
    h = torch.ones(5, 1)
    before = masses(head, h).log()
    head.calibrate(h, torch.ones(10_000))
    moved = masses(head, h).log() - before
    # Odds move by 0.6; from even ones to e^0.6 : 1.
    torch.testing.assert_close(
        (moved[:, 1] - moved[:, 0]).exp(), torch.full((5,), 1.8221), rtol=2e-3, atol=0
    )


@given(seed=st.integers(0, 10_000), spread=st.floats(0, 5), size=st.floats(0, 20))
def test_it_never_ends_further_away(seed, spread, size):
    generator = torch.Generator().manual_seed(seed)
    head = BinnedHead(2, MIXED)
    target = draws(head, 50, generator)
    head.start(target)
    with torch.no_grad():
        head.layer.weight.copy_(size * torch.randn(head.layer.weight.shape, generator=generator))
    h = spread * torch.randn(30, 2, generator=generator) + 1
    wanted = shares(head, target)
    before = (masses(head, h).mean(0) - wanted).abs().sum()
    head.calibrate(h, target)
    assert head.layer.weight.isfinite().all()
    assert (masses(head, h).mean(0) - wanted).abs().sum() <= before + 1e-9


def test_a_head_that_cannot_stays_as_it_is(generator):
    head = ImplicitHead(3)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    head.calibrate(torch.ones(5, 3), torch.rand(5, generator=generator))
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())


def test_sums_of_weights_have_digits_for_millions_of_rows():
    """A sum of 0.7 in single precision grows by 0.5 each beyond 2^22."""
    codes = torch.arange(2).repeat_interleave(torch.tensor([2**23, 2**20]))
    weight = torch.where(codes == 0, 0.7, 2.2).float()
    shares = shares_of(codes, size=2, weight=weight)
    assert shares[0].item() == pytest.approx(8 * 0.7 / (8 * 0.7 + 2.2), rel=1e-6)
