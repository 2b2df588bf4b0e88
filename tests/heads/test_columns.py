"""ColumnHeads: only the cells asked for, one head a column."""

import pytest
import torch

from qdist.backbones import Coordinate
from qdist.errors import InputError, UnknownNameError
from qdist.heads import BinnedHead, CategoricalHead, ColumnHeads, ImplicitHead, SplineHead

COORDINATES = (
    Coordinate("x", bins=((0.0, 0.5), (0.5, 1.0))),
    Coordinate("k", levels=3),
    Coordinate("o", levels=4, ordered=True),
)


@pytest.fixture
def heads():
    return ColumnHeads([SplineHead(4), CategoricalHead(4, 3), ImplicitHead(4)])


@pytest.fixture
def batch():
    h = torch.randn(6, 3, 4)
    y = torch.stack([torch.randn(6), torch.arange(6.0) % 3, torch.randn(6)], 1)
    where = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 1, 1]]).bool()
    return h, y, where


@pytest.mark.parametrize("name", ["implicit", "spline", "binned"])
def test_build_by_name(name):
    heads = ColumnHeads.build(COORDINATES, name, 5)
    assert [type(heads[i]).name for i in range(3)] == [name, "categorical", "binned"]
    assert heads[1].levels == 3
    assert heads[2](torch.zeros(5)).quantiles(torch.tensor([0.01, 1.0])).tolist() == [0, 3]
    assert len(heads) == 3


def test_build_by_class_passes_arguments():
    heads = ColumnHeads.build(COORDINATES, SplineHead, 5, knots=7)
    assert heads[0].knots == 7
    assert (heads[0].lower, heads[0].upper) == (0.0, 1.0)


@pytest.mark.parametrize("head", [SplineHead, ImplicitHead])
def test_ordered_codes_are_a_grid(head):
    built = head.for_coordinate(Coordinate("grey", levels=5, ordered=True), 3)
    assert built.grid.tolist() == [0, 1, 2, 3, 4]
    assert (built.lower, built.upper, built.loc) == (0.0, 4.0, 2.0)
    assert built.scale == pytest.approx(2**0.5)  # of 0, 1, 2, 3, 4: (4 + 1 + 0 + 1 + 4) / 5 = 2


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="spline"):
        ColumnHeads.build(COORDINATES, "spleen", 5)


def test_equals_each_head_alone(heads, batch):
    h, y, _ = batch
    found = heads.loss(h, y, generator=torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(2)
    for i in range(3):
        torch.testing.assert_close(
            found[:, i], heads[i].loss(h[:, i], y[:, i], generator=generator)
        )


def test_outside_where_is_zero_and_unread(heads, batch):
    h, y, where = batch
    clean = heads.loss(h, y, where=where, generator=torch.Generator().manual_seed(2))
    assert torch.equal(clean == 0, ~where)
    dirty_h = torch.where(where.unsqueeze(-1), h, torch.nan).requires_grad_()
    dirty = heads.loss(
        dirty_h,
        torch.where(where, y, torch.nan),
        where=where,
        generator=torch.Generator().manual_seed(2),
    )
    assert torch.equal(clean, dirty)
    dirty.sum().backward()
    assert (dirty_h.grad[~where] == 0).all()
    assert (dirty_h.grad[where] != 0).any(-1).all()
    for name, parameter in heads.named_parameters():
        assert parameter.grad.isfinite().all(), name


def test_nowhere(heads, batch):
    h, y, where = batch
    assert torch.equal(heads.loss(h, y, where=torch.zeros_like(where)), torch.zeros(6, 3))


def test_only_the_cells_asked_for_are_computed(batch):
    h, y, where = batch
    seen = []
    head = SplineHead(4)
    loss = head.loss

    def counting(h, target, *, generator=None):
        seen.append(len(h))
        return loss(h, target, generator=generator)

    head.loss = counting
    ColumnHeads([head, head, head]).loss(h, y, where=where)
    assert seen == where.sum(0).tolist()


def test_shared_heads_are_those_of_their_places(batch):
    h, y, where = batch
    first, second = SplineHead(4), SplineHead(4, loc=3.0)
    shared = ColumnHeads([first, second], places=[1, 0, 1])
    assert len(shared) == 3
    assert [shared[i] for i in range(3)] == [second, first, second]
    found = shared.loss(h, y, where=where)
    apart = ColumnHeads([second, first, second]).loss(h, y, where=where)
    torch.testing.assert_close(found, apart)
    assert len(shared.state_dict()) == len(first.state_dict()) + len(second.state_dict())


def test_a_shared_head_starts_from_all_its_columns():
    head, y = BinnedHead(4, [(0.0, 0.0), (1.0, 1.0)]), torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    ColumnHeads([head], places=[0, 0]).start(y, weight=torch.tensor([0.5, 1.5]))
    # Mass 0.5 at 0, 0.5 + 1.5 + 1.5 at 1; each of the two counts 0.005 * 4 / 2 = 0.01 more.
    assert head(torch.zeros(4)).cdf(torch.tensor(0.0)).item() == pytest.approx(0.51 / 4.02)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ColumnHeads([]), "at least one head"),
        (lambda: ColumnHeads([SplineHead(2)], places=[0, 1]), r"places out of 0 ... 0, .* \[0, 1"),
        (lambda: ColumnHeads([SplineHead(2)], places=[]), "one a coordinate; got"),
        (
            lambda: ColumnHeads([SplineHead(2)]).loss(torch.zeros(3, 2, 2), torch.zeros(3, 2)),
            r"Expected contexts \(B, 1, C\)",
        ),
        (
            lambda: BinnedHead.for_coordinate(Coordinate("x"), 2),
            "Expected bins for coordinate 'x'",
        ),
        (lambda: CategoricalHead.for_coordinate(Coordinate("x"), 2), "got a real coordinate"),
        (lambda: SplineHead.for_coordinate(Coordinate("x", levels=2), 2), "got the codes of 'x'"),
        (lambda: ImplicitHead.for_coordinate(Coordinate("x", levels=2), 2), "or ordered codes"),
    ],
)
def test_errors(make, match):
    with pytest.raises(InputError, match=match):
        make()
