"""The incremental sampler is the forward pass, at every value, in whatever order it is asked."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qdist.backbones import Coordinate, ImageDomain, RecomputeStepper
from qdist.errors import UnsupportedError
from qdist.heads import (
    BinnedHead,
    CategoricalHead,
    ColumnHeads,
    ImplicitHead,
    SplineHead,
)
from qdist.joint import Autoregressive
from qdist.testing.cases import randomise
from qdist_pixelcnn import GatedPixelCNN
from qdist_pixelcnn.stepper import threads

LEVELS = ["head", "query", "blocks"]
ODD = st.sampled_from([3, 5, 7])


@st.composite
def networks(draw):
    """Any shape, channels, kernels, depth, conditioning and road of the levels."""
    domain = ImageDomain(
        draw(st.integers(1, 6)),
        draw(st.integers(1, 6)),
        draw(st.integers(1, 3)),
        levels=draw(st.sampled_from([1, 2, 256])),
        labels=draw(st.sampled_from([None, 3])),
    )
    torch.manual_seed(draw(st.integers(0, 99)))
    net = GatedPixelCNN(
        domain,
        features=draw(st.integers(1, 7)),
        layers=draw(st.integers(1, 4)),
        first=draw(ODD),
        kernel=draw(ODD),
        context=draw(st.integers(1, 5)),
        place=draw(st.integers(0, 2)),
        levels=draw(st.sampled_from(LEVELS)),
        cosines=3,
    )
    return net.eval()


def images(net, rows=3):
    y = torch.randint(net.domain.levels, (rows, net.dim)).double()
    if net.domain.labels is not None:
        y[:, 0] = torch.randint(net.domain.labels, (rows,)).double()
    return y


def unknown(net, y):
    """The images with all but the label unknown."""
    visible = torch.zeros_like(y, dtype=torch.bool)
    visible[:, list(net.domain.conditioning)] = True
    return torch.where(visible, y, torch.nan), visible


@torch.no_grad()
def farthest(net, y, tau):
    """The greatest distance between a context of the stepper and of the forward pass."""
    want = net.content(y, None, tau=tau)
    stepper = net.stepper(*unknown(net, y), tau=tau)
    worst = 0.0
    for i in range(len(net.domain.conditioning), net.dim):
        worst = max(worst, float((stepper.context(i) - want[:, i]).abs().max()))
        stepper.set(i, y[:, i])
    return worst


@given(net=networks())
@settings(max_examples=60)
def test_contexts_are_those_of_the_forward_pass(net):
    y = images(net)
    tau = torch.rand_like(y)
    assert farthest(net, y, tau) < 1e-10
    assert farthest(net.float(), y.float(), tau.float()) < 1e-5


@given(net=networks(), data=st.data())
@settings(max_examples=25)
def test_the_order_of_asking_does_not_matter(net, data):
    # What is asked twice, passed over, gone back to or set for some rows only.
    y = images(net)
    tau = torch.rand_like(y)
    first = len(net.domain.conditioning)
    start, visible = unknown(net, y)
    stepper = net.stepper(start, visible, tau=tau)
    slow = RecomputeStepper(net, start, visible, tau=tau)
    coordinates = st.integers(first, net.dim - 1)
    for i in data.draw(st.lists(coordinates, max_size=6)):
        known = data.draw(st.integers(first, i))
        for j in range(known, i):  # a walk from wherever up to i
            rows = torch.tensor([0, 2]) if j % 2 else None
            value = y[:, j] if rows is None else y[rows, j]
            for one in (stepper, slow):
                one.set(j, value, rows=rows)
        got, want = stepper.context(i), slow.context(i)
        assert torch.allclose(got, want, atol=1e-10)
        rows = torch.tensor([2, 0])
        assert torch.equal(stepper.context(i, rows=rows), got[rows])


@pytest.mark.parametrize("rows", [None, torch.tensor([0, 2])], ids=["all", "some"])
@pytest.mark.parametrize("ahead", [0, 5], ids=["in order", "ahead"])
@pytest.mark.parametrize("odd", [12.0, -3.0, torch.inf])
def test_values_off_the_grid_are_read_as_the_forward_pass_reads_them(odd, ahead, rows):
    net = GatedPixelCNN(ImageDomain(3, 3, 1, levels=8), features=4, layers=2)
    y = images(net)
    stepper = net.stepper(y, torch.zeros_like(y, dtype=torch.bool))
    stepper.context(0)
    y[slice(None) if rows is None else rows, ahead] = odd
    stepper.set(ahead, y[:, ahead] if rows is None else y[rows, ahead], rows=rows)
    for i in range(ahead + 1, 9):
        assert torch.allclose(stepper.context(i), net(y, None)[:, i], atol=1e-12)


@pytest.mark.parametrize("levels", LEVELS)
def test_a_place_that_is_asked_for_again_is_not_stepped_through_again(levels):
    net = GatedPixelCNN(ImageDomain(2, 3, 1), features=4, layers=2, levels=levels)
    y = images(net)
    stepper = net.stepper(y, torch.zeros_like(y, dtype=torch.bool), tau=torch.rand_like(y))
    for i in (0, 2, 4):
        assert stepper.context(i) is stepper.context(i)


def test_a_label_can_become_known_late():
    net = GatedPixelCNN(ImageDomain(3, 3, 1, labels=3), features=4, layers=2)
    y = images(net)
    stepper = net.stepper(y.nan_to_num(), torch.zeros_like(y, dtype=torch.bool))
    stepper.context(5)
    stepper.set(0, torch.tensor([2.0, 1.0]), rows=torch.tensor([0, 2]))
    y[0, 0], y[2, 0] = 2, 1
    for i in range(1, 10):
        assert torch.allclose(stepper.context(i), net(y, None)[:, i], atol=1e-12)
        stepper.set(i, y[:, i])


@pytest.mark.parametrize("levels", LEVELS)
def test_contexts_that_were_handed_out_stay_as_they_were(levels):
    net = GatedPixelCNN(ImageDomain(2, 3, 1), features=4, layers=2, levels=levels)
    y = images(net)
    stepper = net.stepper(*unknown(net, y), tau=torch.rand_like(y))
    first = stepper.context(0)
    kept = first.clone()
    stepper.set(0, y[:, 0])
    stepper.context(1)
    assert torch.equal(first, kept)


def test_no_gradient_is_kept_and_none_is_needed():
    net = GatedPixelCNN(ImageDomain(2, 3, 1), features=4, layers=2)
    assert not net.stepper(*unknown(net, images(net))).context(0).requires_grad


GREY = Coordinate("grey", levels=16, ordered=True)
HEADS = {
    "categorical": (CategoricalHead, {}),
    "binned": (BinnedHead, {}),
    "spline": (SplineHead, {"levels": "free", "score": "both"}),
    "implicit": (ImplicitHead, {}),
}


def joint(head, *, stream="head", channels=1, **args):
    domain = ImageDomain(4, 3, channels, levels=16, labels=2)
    net = GatedPixelCNN(domain, features=6, layers=3, context=5, levels=stream)
    heads = [head.for_coordinate(GREY, 5, **args) for _ in range(channels)]
    places = [0, *list(range(channels)) * 12]
    model = Autoregressive(net, ColumnHeads(heads, places=places), conditioning=(0,)).eval()
    randomise(model, torch.Generator().manual_seed(3))
    return model


def blank(model, rows, generator):
    y = torch.full((rows, model.dim), torch.nan)
    y[:, 0] = torch.arange(rows) % 2
    tau = torch.rand(y.shape, generator=generator)
    return y, torch.zeros_like(y, dtype=torch.bool), tau


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("head", "args"), HEADS.values(), ids=HEADS)
def test_every_head_draws_what_a_full_pass_a_value_would(head, args, channels, generator):
    model = joint(head, channels=channels, **args)
    y, visible, tau = blank(model, 5, generator)
    drawn = model.fill(y, visible, tau=tau, read="network")
    model.backbone.stepper = lambda y, v: RecomputeStepper(model.backbone, y, v)
    slow = model.fill(y, visible, tau=tau, read="network")
    assert torch.equal(drawn, slow)
    assert set(drawn[:, 1:].flatten().tolist()) <= set(range(16))
    assert len(drawn[:, 1:].unique()) > 2


@pytest.mark.parametrize(("head", "args"), HEADS.values(), ids=HEADS)
def test_what_a_network_says_follows_the_law(head, args, generator):
    model = joint(head, **args)
    y, visible, tau = blank(model, 50, generator)
    by_law, by_network = (
        model.fill(y, visible, tau=tau, read=read) for read in ("law", "network")
    )
    if head is not ImplicitHead:  # whose network may cross
        assert torch.equal(by_law, by_network)
    else:
        h = torch.randn(5)
        law = model.heads[1](h)
        tau = (torch.arange(4000) + 0.5) / 4000
        drawn = model.heads[1].value_at(h.expand(4000, 5), tau)
        # The law is read on a grid of 256 levels: each end of a branch may be off by one of them.
        share = (drawn.unsqueeze(1) <= torch.arange(16.0)).double().mean(0)
        assert (share - law.cdf(torch.arange(16.0))).abs().max() < 4 / 256


@pytest.mark.parametrize("levels", ["query", "blocks"])
@pytest.mark.parametrize("channels", [1, 2])
def test_levels_in_the_network_draw_alike(levels, channels, generator):
    model = joint(ImplicitHead, stream=levels, channels=channels)
    y, visible, tau = blank(model, 5, generator)
    drawn = model.fill(y, visible, tau=tau, read="network")
    model.backbone.stepper = lambda y, v, tau=None: RecomputeStepper(model.backbone, y, v, tau=tau)
    assert torch.equal(drawn, model.fill(y, visible, tau=tau, read="network"))


def test_a_query_stream_has_laws(generator):
    model = joint(ImplicitHead, stream="query")
    y, visible, tau = blank(model, 30, generator)
    y = model.fill(y, visible, tau=tau)  # by the law: the rearrangement
    levels = model.rosenblatt(y, generator=generator)
    assert torch.equal(model.fill(y, visible, tau=levels.nan_to_num(0.5)), y)
    assert model.log_prob(y).isfinite().all()
    loss = model.loss(y, generator=generator)
    assert (loss[:, 0] == 0).all()
    assert (loss[:, 1:] > 0).any()


def test_levels_in_the_blocks_have_none(generator):
    model = joint(ImplicitHead, stream="blocks")
    y, visible, tau = blank(model, 3, generator)
    y = model.fill(y, visible, tau=tau)
    for ask in (model.log_prob, model.rosenblatt, model.cdf):
        with pytest.raises(UnsupportedError, match="The autoregressive joint has no"):
            ask(y)
    assert model.loss(y, generator=generator).isfinite().all()


def test_the_loss_of_the_paper_is_that_of_one_pass_at_the_drawn_levels():
    model = joint(ImplicitHead, stream="blocks")
    y = images(model.backbone)
    loss = model.loss(y, generator=torch.Generator().manual_seed(5))
    tau = torch.rand((1, *y.shape), generator=torch.Generator().manual_seed(5))[0]
    h = model.backbone(y, None, tau=tau)
    for i in range(1, model.dim):
        expected = model.heads[i].loss_at(h[:, i], y[:, i], tau[:, i])
        assert torch.allclose(loss[:, i], expected, atol=1e-12)


@pytest.mark.parametrize("levels", ["query", "blocks"])
def test_heads_that_cannot_read_levels_are_refused(levels):
    with pytest.raises(UnsupportedError, match="expected implicit heads, got CategoricalHead"):
        joint(CategoricalHead, stream=levels)


def test_the_number_of_threads_is_put_back(generator):
    model = joint(CategoricalHead)
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
        model.fill(*blank(model, 3, generator)[:2], tau=torch.rand(3, model.dim))
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_same_levels_give_the_same_images_bit_for_bit(generator):
    model = joint(CategoricalHead, channels=3).float()
    y, visible, tau = blank(model, 4, generator)
    one, two = (model.fill(y.float(), visible, tau=tau.float(), read="network") for _ in range(2))
    assert torch.equal(one, two)
