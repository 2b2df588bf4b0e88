"""The kit itself: one page of names, arguments that reach where they should, no traces left."""

import pytest
import torch
from torch import nn

import qdist.testing
from qdist.backbones import AbstractBackbone, Coordinate, ImageDomain, TableDomain
from qdist.orders import sees
from qdist.testing import check_backbone
from qdist.testing.cases import default_domain, draw_ranks, draw_values, randomise

BINS = ((0.0, 0.2), (0.3, 0.3), (0.4, 1.0))


class Recorder(AbstractBackbone):
    """Remembers what it is asked."""

    name, serves, takes = "recorder", "any", TableDomain
    asked: list = []  # noqa: RUF012 - shared by the copies that the kit makes

    def __init__(self, domain, *, scale=1.0):
        super().__init__()
        self.dim, self.context, self.scale = len(domain.coordinates), 3, scale
        self.weight = nn.Parameter(torch.zeros(self.dim, self.dim, 3))  # zero: hides all at first
        self.constant = nn.Parameter(torch.zeros(self.dim, 3))

    def forward(self, y, rank, *, tau=None):
        self.asked.append((self.scale, y.shape, rank.shape, tau is not None))
        known = torch.where(sees(rank.expand(y.shape)), y.unsqueeze(1), 0)
        return self.constant + torch.einsum("bij,ijc->bic", known, self.weight * self.scale)


def test_the_kit_exports_both_checks():
    assert set(qdist.testing.__all__) == {"check_backbone", "check_head"}


def test_arguments_domain_and_rows_reach_the_backbone():
    Recorder.asked.clear()
    domain = TableDomain((Coordinate("a"), Coordinate("b", levels=2)))
    check_backbone(Recorder, domain, args={"scale": 2.0}, rows=7, seed=3)
    assert {scale for scale, *_ in Recorder.asked} == {2.0}
    assert {tuple(y) for _, y, *_ in Recorder.asked} >= {(7, 2), (1, 2)}
    assert {len(rank) for _, _, rank, _ in Recorder.asked} == {1, 2}  # (D,) and (B, D)
    assert {tau for *_, tau in Recorder.asked} == {True, False}


def test_no_global_random_state_is_touched_and_the_default_dtype_does_not_matter(untouched_rng):
    torch.set_default_dtype(torch.float32)
    check_backbone(Recorder)


def test_the_same_seed_tries_the_same_values():
    first, again, other = (
        draw_values(default_domain(TableDomain), 4, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_default_domains_are_of_the_kind_asked_for():
    assert isinstance(default_domain(ImageDomain), ImageDomain)
    coordinates = default_domain(TableDomain).coordinates
    assert {c.levels is None for c in coordinates} == {True, False}  # reals and codes
    assert any(left == right for c in coordinates for left, right in c.bins)  # and an atom


def test_values_are_those_that_the_domain_allows(generator):
    domain = TableDomain((Coordinate("code", levels=3), Coordinate("bins", bins=BINS)))
    codes, reals = draw_values(domain, 200, generator).T
    assert codes.unique().tolist() == [0, 1, 2]
    inside = torch.stack([(left <= reals) & (reals <= right) for left, right in BINS]).any(0)
    assert inside.all()
    assert (reals == 0.3).any()
    pixels = draw_values(ImageDomain(2, 3, 1, levels=4), 50, generator)
    assert pixels.shape == (50, 6)
    assert pixels.unique().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("serves", ["fixed", "two_level", "any"])
def test_ranks_are_those_that_the_class_serves(serves, generator):
    net = Recorder(default_domain(TableDomain))
    net.serves = serves
    ranks = draw_ranks(net, 6, generator)
    for rank in ranks.values():
        net.check_rank(rank)
    if serves == "any":
        # Not its own inverse: an order that is taken for a rank shows.
        rank = ranks["the order [1, 2, ..., 0]"]
        assert not torch.equal(rank.argsort(), rank)


def test_weights_that_begin_at_zero_are_moved(generator):
    net = Recorder(default_domain(TableDomain))
    randomise(net, generator)
    assert (net.weight != 0).all()


class OtherCells(Recorder):
    """Gives other contexts where it is asked for single cells."""

    def cells(self, y, rank, *, row, column):
        return super().cells(y, rank, row=column.clamp(max=len(y) - 1), column=column)


def test_cells_that_are_not_those_of_the_whole_are_caught():
    with pytest.raises(AssertionError, match="OtherCells: expected the contexts that `cells`"):
        check_backbone(OtherCells)


class Nameless(Recorder):
    name = None


class Endless(Recorder):
    """Forgets how long its contexts are, or says so in words."""

    def __init__(self, domain, *, forgotten="context", said=None):
        super().__init__(domain)
        delattr(self, forgotten)
        if said is not None:
            setattr(self, forgotten, said)


def test_a_class_without_a_name_is_caught():
    with pytest.raises(AssertionError, match="Nameless: expected a class attribute `name`"):
        check_backbone(Nameless)


@pytest.mark.parametrize("forgotten", ["dim", "context"])
@pytest.mark.parametrize("said", [None, "three", 0])
def test_a_network_that_does_not_say_its_sizes_is_caught(forgotten, said):
    words = f"Endless: expected `self.{forgotten}`, .*; got {said!r}. Set it in __init__"
    with pytest.raises(AssertionError, match=words):
        check_backbone(Endless, args={"forgotten": forgotten, "said": said})


# A network of images, and how it can fail where grey images without labels would not tell.


class Triangle(AbstractBackbone):
    """Each coordinate from all before it, by a masked matrix."""

    name, serves, takes = "triangle", "fixed", ImageDomain

    def __init__(self, domain, *, context=4):
        super().__init__()
        self.dim, self.context, self.domain = domain.dim, context, domain
        self.weight = nn.Parameter(torch.randn(self.dim, self.dim, context))
        self.bias = nn.Parameter(torch.randn(self.dim, context))

    def seen(self):
        return torch.ones(self.dim, self.dim, dtype=torch.bool).tril(-1)

    def forward(self, y, rank, *, tau=None):
        y = y.nan_to_num(0.0) / 8
        return torch.tanh(
            torch.einsum("bj,ijc->bic", y, self.weight * self.seen().unsqueeze(-1)) + self.bias
        )


class LaterChannel(Triangle):
    def seen(self):
        seen, first = super().seen(), len(self.domain.conditioning)
        if self.domain.channels > 1:
            seen[first, first + 1] = True
        return seen


class SeenByLabel(Triangle):
    def seen(self):
        seen = super().seen()
        seen[0, 3] = self.domain.labels is not None
        return seen


class BlindToLabel(Triangle):
    def seen(self):
        seen = super().seen()
        if self.domain.labels is not None:
            seen[:, 0] = False
        return seen


class LeaksInTraining(Triangle):
    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        return h + y.nan_to_num(0.0).mean(1)[:, None, None] if self.training else h


class LooksUpLabel(Triangle):
    """Takes the class for a whole number, which it always is: it is given, never drawn."""

    def __init__(self, domain):
        super().__init__(domain)
        self.label = nn.Embedding(domain.labels, self.context)

    def forward(self, y, rank, *, tau=None):
        label = self.label(y[:, 0].long()).unsqueeze(1).repeat(1, self.dim, 1)
        label[:, 0] = 0
        return super().forward(y, rank) + label


class Drops(Triangle):
    def forward(self, y, rank, *, tau=None):
        return nn.functional.dropout(super().forward(y, rank), 0.5, self.training)


class OwnLevel(Triangle):
    sees_levels = "own"

    def content(self, y, rank):
        return super().forward(y, rank)

    def at_levels(self, content, tau):
        return content + (4 * tau).floor().unsqueeze(-1)  # without a gradient

    def forward(self, y, rank, *, tau=None):
        return self.at_levels(self.content(y, rank), tau)


class LevelBefore(OwnLevel):
    def at_levels(self, content, tau):
        before = nn.functional.pad(tau[..., :-1], (1, 0))
        return super().at_levels(content, tau) + (before > 0.5).to(content).unsqueeze(-1)


class SaysNoLevel(Triangle):
    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        return h if tau is None else h + (tau > 0.5).to(h).unsqueeze(-1)


class AnyPixels(Triangle):
    """Each coordinate from those of lower rank; a class is looked up, as it is always given."""

    serves = "any"

    def __init__(self, domain, *, label=True):
        super().__init__(domain)
        self.label = nn.Embedding(domain.labels, self.context) if label else None

    def forward(self, y, rank, *, tau=None):
        seen = sees(rank.expand(y.shape))
        known = torch.where(seen, y.unsqueeze(1), 0) / 8
        h = torch.einsum("bij,ijc->bic", known[:, :, 1:], self.weight[:, 1:]) + self.bias
        if self.label is not None:
            h = h + self.label(y[:, 0].long()).unsqueeze(1) * seen[:, :, :1]
        return torch.tanh(h)


class OwnLevelOfAnyPixels(AnyPixels):
    sees_levels = "own"

    def content(self, y, rank):
        return super().forward(y, rank)

    def at_levels(self, content, tau):
        level = (4 * tau).floor().unsqueeze(-1)
        return content + nn.functional.pad(level[..., 1:, :], (0, 0, 1, 0))  # a class has none

    def forward(self, y, rank, *, tau=None):
        return self.at_levels(self.content(y, rank), tau)


@pytest.mark.parametrize("cls", [Triangle, Drops, OwnLevel, AnyPixels, OwnLevelOfAnyPixels])
def test_honest_networks_of_images_pass(cls, untouched_rng):
    check_backbone(cls)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("domain", [None, ImageDomain(1, 1, 1, labels=3)], ids=["small", "1 x 1"])
def test_a_class_is_never_hidden(domain, seed):
    check_backbone(LooksUpLabel, domain, seed=seed)


def test_a_class_is_a_condition_in_any_order():
    with pytest.raises(AssertionError, match=r"h\[1\] to depend on y\[0\] under equal ranks"):
        check_backbone(AnyPixels, args={"label": False})


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (LaterChannel, r"h\[1\] not to depend on y\[2\]"),
        (SeenByLabel, r"h\[0\] not to depend on y\[3\]"),
        (BlindToLabel, r"h\[\d+\] to depend on y\[0\]"),
        (LeaksInTraining, "got a change in training mode"),
        (LevelBefore, r"its own level only .* got a change from tau"),
        (SaysNoLevel, r"no level .* got a change from tau"),
    ],
)
def test_leaks_that_grey_images_gradients_and_eval_mode_do_not_show(cls, words):
    with pytest.raises(AssertionError, match=words):
        check_backbone(cls)
