"""The Gated PixelCNN keeps the law of ranks: no leak, no blind spot, levels where they belong."""

import numpy as np
import pytest
import torch

from qdist import registry
from qdist.backbones import ImageDomain, TableDomain
from qdist.errors import InputError, UnsupportedError
from qdist.orders import sees
from qdist.testing import check_backbone
from qdist_pixelcnn import GatedPixelCNN
from qdist_pixelcnn.tests.reach import reach

DOMAINS = {
    "grey": ImageDomain(3, 4, 1, levels=8),
    "colour": ImageDomain(3, 2, 3, levels=8),
    "two channels and a label": ImageDomain(2, 3, 2, levels=4, labels=3),
    "one row": ImageDomain(1, 5, 1, levels=8),
    "one column": ImageDomain(5, 1, 1, levels=8, labels=2),
    "one pixel": ImageDomain(1, 1, 3, levels=8),
}
# Wide enough that in some row some relu of each value is open.
SMALL = {"features": 30, "layers": 2, "context": 24, "place": 2, "cosines": 4}
NARROW = {**SMALL, "first": 3, "kernel": 3}


def view(domain, layers=2, first=3, kernel=3):
    return reach(
        domain.height,
        domain.width,
        domain.channels,
        layers=layers,
        first=first,
        kernel=kernel,
        labels=domain.labels is not None,
    )


@pytest.mark.parametrize("levels", ["head", "query", "blocks"])
@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_the_contract(domain, levels):
    check_backbone(
        GatedPixelCNN, domain, args={**NARROW, "levels": levels}, reach=view(domain), rows=9
    )


def test_the_contract_on_the_domain_of_the_kit():
    check_backbone(GatedPixelCNN, args={**SMALL, "place": 0})


def test_it_is_found_by_its_name():
    assert registry.backbone("pixelcnn") is GatedPixelCNN


@pytest.mark.parametrize(
    ("layers", "first", "kernel"), [(1, 3, 3), (3, 3, 3), (2, 7, 3), (2, 3, 5)], ids=str
)
@pytest.mark.parametrize("shape", [(6, 7, 1), (4, 5, 3)], ids=str)
def test_the_view_is_that_of_the_two_stacks(shape, layers, first, kernel):
    domain = ImageDomain(*shape, levels=4)
    args = {"features": 24, "layers": layers, "first": first, "kernel": kernel, "context": 9}
    net = GatedPixelCNN(domain, **args)
    expected = view(domain, layers, first, kernel)
    assert torch.equal(seen_by(net), expected)
    assert bool((expected <= sees(torch.arange(domain.dim))).all())


def test_there_is_no_blind_spot():
    # Three layers of width 3 in a stack of masked 3 x 3 convolutions would leave a wedge on the
    # right of the rows above; here all that lies within three columns there is seen.
    domain = ImageDomain(4, 9, 1)
    net = GatedPixelCNN(domain, features=24, layers=3, first=3, kernel=3)
    at = seen_by(net)[domain.index(3, 4)].view(4, 9)
    # The row above is read three times with one column to each side.
    assert at[2, 1:8].all()
    assert at[1, 1:8].all()
    assert not at[:, 0].any()
    assert not at[:, 8].any()


def test_with_enough_layers_all_is_seen():
    domain = ImageDomain(3, 4, 2)
    net = GatedPixelCNN(domain, features=24, layers=4, first=5, kernel=3)
    assert torch.equal(seen_by(net), sees(torch.arange(domain.dim)))


def test_channels_of_a_pixel_come_one_after_the_other():
    domain = ImageDomain(1, 1, 3)
    assert seen_by(GatedPixelCNN(domain, features=24, layers=2)).tolist() == [
        [False, False, False],  # R
        [True, False, False],  # G given R
        [True, True, False],  # B given R and G
    ]


def seen_by(net):
    """[i, j]: whether h_i has a gradient from y_j, in one of several rows."""
    with torch.no_grad():  # away from the flat parts of the last relu
        net.output.bias += 1
    y = torch.randint(net.domain.levels, (16, net.dim)).double().requires_grad_()
    h = net(y, None)
    weight = torch.randn(net.context)
    rows = [
        torch.autograd.grad((h[:, i] @ weight).sum(), y, retain_graph=True)[0]
        for i in range(net.dim)
    ]
    return (torch.stack(rows).abs() > 0).any(1)


@pytest.mark.parametrize("levels", ["query", "blocks"])
def test_levels_have_no_effect_on_contents_but_by_their_road(levels):
    domain = ImageDomain(3, 3, 2, levels=4)
    net = GatedPixelCNN(domain, **SMALL, levels=levels)
    y, tau = torch.randint(4, (2, 18)).double(), torch.rand(2, 18)
    other = tau.clone()
    other[:, 7] = 1 - other[:, 7]
    changed = (net(y, None, tau=tau) - net(y, None, tau=other)).abs().amax((0, 2)) > 0
    assert changed[7]
    assert not changed[:7].any()
    assert bool(changed[8:].any()) == (levels == "blocks")


def test_a_query_can_be_read_at_many_levels():
    domain = ImageDomain(2, 3, 1)
    net = GatedPixelCNN(domain, **SMALL, levels="query")
    y, tau = torch.randint(256, (4, 6)).double(), torch.rand(5, 4, 6)
    many = net.at_levels(net.content(y, None), tau)
    assert many.shape == (5, 4, 6, net.context)
    for k in range(5):
        assert torch.allclose(many[k], net(y, None, tau=tau[k]), atol=1e-12)


def test_a_label_enters_and_is_not_modelled():
    domain = ImageDomain(2, 2, 1, labels=3)
    net = GatedPixelCNN(domain, **SMALL)
    y = torch.tensor([[0.0, 9, 8, 7, 6], [2.0, 9, 8, 7, 6]])
    h = net(y, torch.arange(5))
    assert (h[:, 0] == 0).all()
    assert (h[0, 1:] != h[1, 1:]).any(-1).all()


def test_places_tell_pixels_apart():
    # Without places, in a constant image, pixels far from any border see the same.
    domain = ImageDomain(1, 12, 1)
    y = torch.full((1, 12), 100.0)
    args = {"features": 4, "layers": 2, "first": 3, "kernel": 3}
    h = GatedPixelCNN(domain, **args, place=0)(y, None)[0]
    assert torch.allclose(h[5], h[8], atol=1e-12)
    h = GatedPixelCNN(domain, **args, place=4)(y, None)[0]
    assert not torch.allclose(h[5], h[8])


def test_the_border_is_not_a_grey_value():
    # Grey half way, -1 + 2 * 127.5 / 255 = 0, is not what lies beyond the border.
    domain = ImageDomain(1, 6, 1)
    net = GatedPixelCNN(domain, features=4, layers=1, first=5, place=0)
    h = net(torch.full((1, 6), 127.5), None)[0]
    assert not torch.allclose(h[0], h[4])


def test_other_orders_are_refused():
    net = GatedPixelCNN(ImageDomain(1, 3, 1), **SMALL)
    with pytest.raises(UnsupportedError, match=r"fixes the order 0 \.\.\. 2"):
        net.check_rank(torch.tensor([1, 2, 0]))


def test_levels_that_are_missing():
    net = GatedPixelCNN(ImageDomain(1, 3, 1), **SMALL, levels="blocks")
    with pytest.raises(InputError, match=r"Expected levels tau of shape \(B, 3\)"):
        net(torch.zeros(1, 3), torch.arange(3))


def test_no_images_are_no_contexts():
    net = GatedPixelCNN(ImageDomain(2, 3, 3), **SMALL)
    assert net(torch.zeros(0, 18), torch.arange(18)).shape == (0, 18, 24)


def test_saved_weights_hold_no_masks():
    assert not [
        name
        for name in GatedPixelCNN(ImageDomain(2, 2, 1), **SMALL).state_dict()
        if "mask" in name
    ]


WRONG = {
    "features": ({"features": 0}, "features of backbone 'pixelcnn' to be a whole .* >= 1; got 0"),
    "half a layer": ({"layers": 1.5}, "layers of backbone 'pixelcnn' to be a whole .*; got 1.5"),
    "context": ({"context": True}, "context of backbone 'pixelcnn' to be a whole .*; got True"),
    "even kernel": ({"kernel": 4}, "Expected an odd kernel for backbone 'pixelcnn'; got 4"),
    "first of one": ({"first": 1}, "first of backbone 'pixelcnn' to be a whole .* >= 3; got 1"),
    "place": ({"place": -1}, "place of backbone 'pixelcnn' to be a whole .* >= 0; got -1"),
    "levels": (
        {"levels": "mean"},
        "Expected levels to be one of head, query, blocks for backbone 'pixelcnn'; got 'mean'",
    ),
}


@pytest.mark.parametrize(("args", "words"), WRONG.values(), ids=WRONG)
def test_arguments_that_make_no_network(args, words):
    with pytest.raises(InputError, match=words):
        GatedPixelCNN(ImageDomain(2, 2, 1), **args)


def test_numbers_of_numpy_make_the_same_network():
    sizes = {"features": 5, "layers": 2, "first": 3, "kernel": 3, "context": 6, "place": 2}
    nets = []
    for args in (sizes, {name: np.int64(size) for name, size in sizes.items()}):
        torch.manual_seed(0)
        nets.append(GatedPixelCNN(ImageDomain(2, 2, 2), **args))
    y, visible = torch.zeros(3, 8), torch.zeros(3, 8, dtype=torch.bool)
    contexts = [net.stepper(y, visible).context(5) for net in nets]
    assert torch.equal(*contexts)


def test_a_domain_that_is_no_image():
    with pytest.raises(InputError, match="Expected an image for backbone 'pixelcnn'"):
        GatedPixelCNN(TableDomain(()))
