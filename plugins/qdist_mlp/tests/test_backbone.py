"""The masked MLP keeps the law of ranks, and its cached stepper is the forward pass."""

import math

import pytest
import torch

from qdist import registry
from qdist.backbones import Coordinate, ImageDomain, RecomputeStepper, TableDomain
from qdist.errors import InputError, UnsupportedError
from qdist.testing import check_backbone
from qdist.testing.cases import draw_values
from qdist_mlp import MaskedMLP

BINS = ((0.0, 0.2), (0.3, 0.3), (0.4, 1.0))
ATOMS = ((0.25, 0.25), (0.75, 0.75))
DOMAINS = {
    "one column": (Coordinate("a", bins=BINS),),
    "codes only": (Coordinate("a", levels=3), Coordinate("b", levels=4, ordered=True)),
    "binned": (Coordinate("a", bins=BINS), Coordinate("b", bins=BINS[:1])),
    "of unknown range": (Coordinate("a"), Coordinate("b", bins=BINS)),
    "coded, binned and atoms": (
        Coordinate("a", levels=5),
        Coordinate("b", bins=BINS),
        Coordinate("c", bins=ATOMS),
        Coordinate("d", levels=2, ordered=True),
    ),
}
SMALL = {"width": 8, "blocks": 2, "frequencies": 4}


@pytest.mark.parametrize("coordinates", DOMAINS.values(), ids=DOMAINS)
def test_the_contract(coordinates):
    check_backbone(MaskedMLP, TableDomain(coordinates), args=SMALL)


def test_the_contract_on_the_domain_of_the_kit():
    check_backbone(MaskedMLP, args=SMALL)


def test_it_is_found_by_its_name():
    assert registry.backbone("mlp") is MaskedMLP


@pytest.fixture(params=DOMAINS.values(), ids=DOMAINS)
def domain(request):
    return TableDomain(request.param)


@pytest.fixture
def y(domain, generator):
    return draw_values(domain, 7, generator)


@pytest.fixture
def net(domain):
    backbone = MaskedMLP(domain, **SMALL).eval()
    for block in backbone.blocks:  # blocks begin as the identity
        torch.nn.init.normal_(block.down.weight)
    return backbone


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_stepper_is_the_forward_pass(net, y, generator, share):
    visible = torch.rand(y.shape, generator=generator) < share
    stepper = net.stepper(torch.where(visible, y, math.nan), visible)
    slow = RecomputeStepper(net, y, visible)
    for i in torch.randperm(net.dim, generator=generator).tolist():
        rows = (~visible[:, i]).nonzero()[:, 0]
        expected = net(y, (~visible).long())[rows, i]
        assert torch.allclose(stepper.context(i, rows=rows), expected, atol=1e-12)
        assert torch.allclose(slow.context(i, rows=rows), expected, atol=1e-12)
        for one in (stepper, slow):
            one.set(i, y[rows, i], rows=rows)
        visible = visible.clone()
        visible[:, i] = True


def test_many_rows_come_out_in_their_order(net, y):
    """5,000 rows are sent through the trunk in three parts."""
    many = y.repeat(-(-5000 // len(y)), 1)[:5000]
    last = net.dim - 1
    visible = torch.arange(net.dim).expand(many.shape) < last
    stepper = net.stepper(many, visible)
    expected = net(many, (~visible).long())[:, last]
    torch.testing.assert_close(stepper.context(last), expected, rtol=1e-9, atol=1e-9)
    rows = torch.arange(4999, 100, -1)
    found = stepper.context(last, rows=rows)
    torch.testing.assert_close(found, expected[rows], rtol=1e-9, atol=1e-9)


def test_a_nan_in_a_hidden_cell_reaches_neither_contexts_nor_gradients(net, y, generator):
    rank = (torch.rand(y.shape, generator=generator) < 0.5).long()
    expected = net(y, rank)
    hidden = rank == rank.amax(-1, keepdim=True)
    y[hidden] = math.nan
    h = net(y, rank)
    assert torch.equal(h, expected)
    h.square().sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in net.parameters())


def test_visible_columns_know_nothing_of_the_row(net, y):
    rank = torch.ones(net.dim, dtype=torch.long)
    rank[0] = 0
    nothing = net(y, torch.zeros_like(rank))
    assert torch.allclose(net(y, rank)[:, 0], nothing[:, 0], atol=1e-12)


def test_three_ranks_are_refused():
    net = MaskedMLP(TableDomain(DOMAINS["coded, binned and atoms"]), **SMALL)
    with pytest.raises(UnsupportedError, match="serves two levels of rank, visible and hidden"):
        net.check_rank(torch.tensor([0, 1, 2, 2]))


def test_no_rows_are_no_contexts():
    net = MaskedMLP(TableDomain(DOMAINS["codes only"]), **SMALL)
    assert net(torch.zeros(0, 2), torch.tensor([0, 1])).shape == (0, 2, 8)


def test_dropout_only_in_training():
    net = MaskedMLP(TableDomain(DOMAINS["codes only"]), dropout=0.5, **SMALL)
    torch.nn.init.normal_(net.blocks[0].down.weight)
    y, rank = torch.tensor([[0.0, 3.0], [2.0, 1.0]]), torch.tensor([0, 1])
    assert not torch.equal(net(y, rank), net(y, rank))
    net.eval()
    assert torch.equal(net(y, rank), net(y, rank))


WRONG = {
    "width": ({"width": 0}, "Expected width of backbone 'mlp' .* >= 1; got 0"),
    "blocks": ({"blocks": 0}, "Expected blocks of backbone 'mlp' .* >= 1; got 0"),
    "expansion": ({"expansion": -1}, "Expected expansion of backbone 'mlp' .* >= 1; got -1"),
    "frequencies": ({"frequencies": 0}, "Expected frequencies of backbone 'mlp' .* >= 1; got 0"),
    "half": ({"width": 2.5}, "Expected width of backbone 'mlp' to be a whole number.*; got 2.5"),
    "true": ({"blocks": True}, "Expected blocks .* to be a whole number >= 1; got True"),
    "dropout": ({"dropout": 1.0}, r"Expected dropout in \[0, 1\) for backbone 'mlp'; got 1.0"),
}


@pytest.mark.parametrize(("args", "words"), WRONG.values(), ids=WRONG)
def test_arguments_that_make_no_network(args, words):
    with pytest.raises(InputError, match=words):
        MaskedMLP(TableDomain(DOMAINS["codes only"]), **args)


@pytest.mark.parametrize("domain", [TableDomain(()), ImageDomain(2, 2, 1)], ids=["empty", "image"])
def test_a_domain_that_is_no_table(domain):
    with pytest.raises(InputError, match="Expected a table of at least one column for backbone"):
        MaskedMLP(domain)


def test_of_a_row_of_which_nothing_is_known_the_context_is_zero(net, y):
    # So a head's biases alone speak there, and hold the marginal law.
    h = net(y, torch.zeros(net.dim, dtype=torch.long))
    assert h.abs().max() < 1e-12
