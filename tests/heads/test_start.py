"""Heads start at the marginal law of weighed targets: a weight of two is a target twice."""

from functools import partial

import pytest
import torch

from qdist.heads import BinnedHead, CategoricalHead, ImplicitHead, SplineHead
from qdist.heads.spline import _ranks

BINS = [(0.0, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 1.0)]
HEADS = {
    "binned": (lambda: BinnedHead(3, BINS), torch.rand),
    "categorical": (lambda: CategoricalHead(3, 4), lambda n, generator: codes(n, 4, generator)),
    "many codes": (
        lambda: CategoricalHead(3, 1500),
        lambda n, generator: codes(n, 1500, generator),
    ),
    "spline": (lambda: SplineHead(3, knots=8), torch.randn),
    "implicit": (lambda: ImplicitHead(3, loc=1.0, scale=2.0), torch.randn),
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


def test_an_implicit_head_starts_at_the_marginal_law(generator):
    """At any context and at all levels, for weighed targets as well; jumps last 1/1024 of them."""
    head = ImplicitHead(3, lower=0.0, upper=9.0, step=1.0, loc=4.0, scale=3.0)
    # P(0) = 0.7, P(5) = 0.1, P(9) = 0.2, of targets that come as bytes.
    head.start(torch.tensor([5, 9, 0], dtype=torch.uint8), weight=torch.tensor([0.3, 0.6, 2.1]))
    h, tau = torch.randn(20_000, 3, generator=generator), (torch.arange(20_000) + 0.5) / 20_000
    share = (head.value_at(h, tau)[:, None] == torch.arange(10.0)).double().mean(0)
    truth = torch.zeros(10)
    truth[[0, 5, 9]] = torch.tensor([0.7, 0.1, 0.2])
    assert (share - truth).abs().max() <= 2 / 1024
    # The law is read at 256 levels, and a jump between two of them is shared out by a line.
    mass = head(h[0]).log_prob(torch.arange(10.0)).exp()
    assert (mass - truth).abs().max() <= 2 / 256


def test_bytes_are_counted_to_the_same_start(generator):
    y = torch.randint(2, 9, (301,), generator=generator)  # neither end of the range is met
    heads = [ImplicitHead(3, lower=0.0, upper=9.0, step=1.0) for _ in range(3)]
    heads[0].start(y.to(torch.uint8))
    heads[1].start(y)
    heads[2].start(y.to(torch.uint8), weight=torch.ones(301))
    for head in heads:
        assert torch.equal(head.marginal, heads[0].marginal)
    # Quantile k / 1024 is the value of rank ceil(301 k / 1024), at least the first.
    rank = (torch.arange(1025) * 301 / 1024).ceil().long().clamp(min=1)
    assert torch.equal(heads[0].marginal, y.double().sort().values[rank - 1])


@pytest.mark.parametrize("levels", ["fixed", "free"])
def test_bytes_are_counted_to_the_same_quantiles(generator, levels, monkeypatch):
    y = torch.randint(2, 9, (301,), generator=generator)  # neither end of the range is met
    make = partial(SplineHead, 3, knots=5, lower=0.0, upper=9.0, step=1.0, levels=levels)
    heads = [make() for _ in range(2)]
    heads[1].load_state_dict(heads[0].state_dict())
    heads[0].start(y)

    def never(target):
        raise AssertionError("a sort takes many bytes for each of those of images")

    monkeypatch.setattr(torch.Tensor, "sort", never, raising=False)
    heads[1].start(y.to(torch.uint8))
    assert torch.equal(heads[0].layer.bias, heads[1].layer.bias)


def test_an_implicit_head_learns_all_its_layers_after_a_start(generator):
    head = ImplicitHead(3)
    head.start(torch.randn(50, generator=generator))
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    for _ in range(2):  # the last layer starts at zero: others follow it by a step
        optimizer.zero_grad()
        head.loss(torch.ones(9, 3), torch.ones(9), generator=generator).mean().backward()
        optimizer.step()
    for name, p in head.named_parameters():
        assert p.grad.abs().sum() > 0, name


def test_the_last_of_many_targets_is_there():
    """In single precision 2^24 + 3 is 2^24 + 4, one beyond the last of so many targets."""
    levels = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float32)
    assert _ranks(levels, 2**24 + 4).tolist() == [0, 2**23 + 2, 2**24 + 3]


@pytest.mark.parametrize("name", ["binned", "categorical", "many codes"])
def test_bytes_are_counted(name, generator):
    """The same shares, whatever the type of the codes, and however many there are."""
    bins = [(float(k), float(k)) for k in range(4)]
    make = (lambda: BinnedHead(3, bins)) if name == "binned" else HEADS[name][0]
    # Of many codes a byte holds the first 256, which are in seven blocks.
    target = torch.randint(256 if name == "many codes" else 4, (3000,), generator=generator)
    counted, summed = make(), make()
    counted.start(target.to(torch.uint8))
    summed.start(target.double())
    same, started = summed.state_dict(), ("bias", "layer.bias", "offset")
    found = {key: value for key, value in counted.state_dict().items() if key in started}
    assert len(found) == (2 if name == "many codes" else 1)
    for key, value in found.items():
        assert value.unique().numel() > 3, key
        torch.testing.assert_close(value, same[key])
