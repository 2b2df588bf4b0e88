"""One check proves the rank contract for unlike networks, and catches each way to break it."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from qdist.backbones import (
    AbstractBackbone,
    Coordinate,
    ImageDomain,
    TableDomain,
)
from qdist.errors import InputError, UnsupportedError
from qdist.orders import rank_of, sees
from qdist.testing import check_backbone


class AnyRank(AbstractBackbone):
    """One masked linear map for each pair of coordinates, then a small network."""

    name, serves, takes = "toy_any", "any", TableDomain

    def __init__(self, domain, *, context=6, width=8):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), int(context)
        self.values = nn.Parameter(torch.randn(self.dim, self.dim, width))
        self.known = nn.Parameter(torch.randn(self.dim, self.dim, width))
        self.out = nn.Linear(width, context)

    def seen(self, rank, y):
        return sees(rank.expand(y.shape))

    def forward(self, y, rank, *, tau=None):
        seen = self.seen(rank, y)
        known = torch.where(seen, y.unsqueeze(1), 0)
        mixed = torch.einsum("bij,ijw->biw", known, self.values)
        mixed = mixed + torch.einsum("bij,ijw->biw", seen.to(y.dtype), self.known)
        return self.out(mixed.tanh())


class TwoLevel(AbstractBackbone):
    """A masked MLP: values where visible, and what is visible; the lowest rank sees nothing."""

    name, serves, takes = "toy_two_level", "two_level", TableDomain

    def __init__(self, domain, *, context=6, width=32):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), context
        self.inside = nn.Sequential(nn.Linear(2 * self.dim, width), nn.ReLU())
        self.outside = nn.Linear(width, self.dim * context)

    def run(self, y, visible):
        known = torch.cat([torch.where(visible, y, 0), visible.to(y.dtype)], -1)
        return self.outside(self.inside(known)).unflatten(-1, (self.dim, self.context))

    def forward(self, y, rank, *, tau=None):
        rank = rank.expand(y.shape)
        visible = rank < rank.amax(1, keepdim=True)
        nothing = self.run(y, torch.zeros_like(visible))
        return torch.where(visible.unsqueeze(-1), nothing, self.run(y, visible))


class Raster(AbstractBackbone):
    """Two masked convolutions in raster order; a level enters beside the content, never in it."""

    name, serves, takes, sees_levels = "toy_raster", "fixed", ImageDomain, "own"

    def __init__(self, domain, *, context=4, kernel=3):
        super().__init__()
        self.shape = (domain.height, domain.width)
        self.dim, self.context = domain.height * domain.width, context
        self.scale = domain.levels - 1
        mask = (torch.arange(kernel**2) < kernel**2 // 2).view(kernel, kernel)
        self.register_buffer("before", mask)
        self.register_buffer(
            "upto", mask | (torch.arange(kernel**2) == kernel**2 // 2).view_as(mask)
        )
        self.first = nn.Parameter(torch.randn(8, 2, kernel, kernel))
        self.second = nn.Parameter(torch.randn(context, 8, kernel, kernel))
        self.level = nn.Parameter(torch.randn(context))

    def forward(self, y, rank, *, tau=None):
        return self.at_levels(self.content(y, rank), tau)

    def at_levels(self, content, tau):
        return content + tau.unsqueeze(-1) * self.level

    def content(self, y, rank):
        # Under a mask 0 times NaN is NaN still, so an unknown pixel is replaced where it stands.
        image = (y.nan_to_num() / self.scale).view(-1, 1, *self.shape)
        image = torch.cat([image, torch.ones_like(image)], 1)
        pad = self.before.shape[0] // 2
        hidden = functional.conv2d(image, self.first * self.before, padding=pad).tanh()
        h = functional.conv2d(hidden, self.second * self.upto, padding=pad)
        return h.flatten(2).transpose(1, 2)


class RasterOfLevels(Raster):
    """Reads the levels of the pixels before as if they were pixels."""

    name, sees_levels = "toy_levels", "past"

    def forward(self, y, rank, *, tau=None):
        return Raster.content(self, y, rank) * (1 + self.shifted(tau)) + tau.unsqueeze(-1)

    def shifted(self, tau):
        return functional.pad(tau, (1, -1)).unsqueeze(-1) * self.level


def raster_reach(height, width, pad):
    """A pixel's view through one convolution before it and one up to it, each `pad` wide."""
    dim = height * width

    def near(strict):
        pairs = torch.zeros(dim, dim, dtype=torch.bool)
        for i in range(dim):
            for j in range(dim):
                close = abs(i // width - j // width) <= pad and abs(i % width - j % width) <= pad
                pairs[i, j] = close and (j < i if strict else j <= i)
        return pairs.int()

    return (near(False) @ near(True)) > 0


GREY = ImageDomain(3, 4, 1, levels=8)
NEAR = {"domain": GREY, "reach": raster_reach(3, 4, 1)}
GOOD = {
    "any": (AnyRank, {}),
    "any, other arguments": (AnyRank, {"args": {"context": 3, "width": 5}}),
    "two_level": (TwoLevel, {}),
    "fixed": (Raster, NEAR),
    "fixed, with the levels of the past": (RasterOfLevels, NEAR),
    "one coordinate": (TwoLevel, {"domain": TableDomain((Coordinate("only"),))}),
    "codes": (AnyRank, {"domain": TableDomain(tuple(Coordinate(c, levels=3) for c in "abc"))}),
}


@pytest.mark.parametrize(("cls", "arguments"), GOOD.values(), ids=GOOD)
def test_the_contract_holds_for_unlike_networks(cls, arguments, untouched_rng):
    check_backbone(cls, **arguments)


class Leaky(AnyRank):
    """Lets the coordinate itself through: <= for <."""

    def seen(self, rank, y):
        rank = rank.expand(y.shape)
        return rank.unsqueeze(-2) <= rank.unsqueeze(-1)


class OrderForRank(AnyRank):
    """Takes the order for the rank, which the identity and the reversal hide."""

    def seen(self, rank, y):
        return sees(rank.expand(y.shape).argsort(1))


class OrderOfEach(AnyRank):
    """Right for ties, wrong for permutations that are not their own inverse."""

    def seen(self, rank, y):
        rank = rank.expand(y.shape)
        whole = torch.equal(rank.sort(1).values, torch.arange(self.dim).expand(y.shape))
        return sees(rank.argsort(1) if whole else rank)


class ForgetsNaN(AnyRank):
    """Masks by a product: 0 times NaN is NaN."""

    def forward(self, y, rank, *, tau=None):
        seen = self.seen(rank, y).to(y.dtype)
        return self.out(torch.einsum("bij,ijw->biw", seen * y.unsqueeze(1), self.values))


class MasksTooLate(AnyRank):
    """Hides a NaN from the contexts, but not from the gradients of the parameters."""

    def forward(self, y, rank, *, tau=None):
        seen = self.seen(rank, y).unsqueeze(-1)
        message = (y[:, None, :, None] * self.values).tanh() + self.known
        return self.out(torch.where(seen, message, 0).sum(2))


class BatchNorm(TwoLevel):
    """Normalises over the batch in training."""

    def __init__(self, domain, *, context=6, width=32):
        super().__init__(domain, context=context, width=width)
        self.inside.append(nn.BatchNorm1d(width))


class FirstRow(AnyRank):
    """Uses the first row's ranks for all rows."""

    def seen(self, rank, y):
        return super().seen(rank.expand(y.shape)[:1], y).expand(len(y), -1, -1)


class PeeksAtCodes(AnyRank):
    """Rounds what it may not see, so that no gradient tells."""

    def forward(self, y, rank, *, tau=None):
        return super().forward(y, rank) + y.nan_to_num().round().sum(1)[:, None, None]


class SharesTau(AnyRank):
    """Mixes the levels of all coordinates."""

    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        return h if tau is None else h + tau.sum(1)[:, None, None]


class SharesPast(RasterOfLevels):
    """Says that each level is seen by its own pixel only."""

    sees_levels = "own"


class SaysPast(RasterOfLevels):
    """Says more than is true."""

    def shifted(self, tau):
        return self.level


class BlindToLevels(RasterOfLevels):
    """Takes levels, and does not look at its own."""

    def forward(self, y, rank, *, tau=None):
        return Raster.content(self, y, rank) * (1 + self.shifted(tau))


class TwoTongues(Raster):
    """Contexts are not contents read at levels."""

    def forward(self, y, rank, *, tau=None):
        return super().forward(y, rank, tau=tau / 2)


class RankValue(AnyRank):
    """Depends on the rank itself, not only on what it lets be seen."""

    def forward(self, y, rank, *, tau=None):
        return super().forward(y, rank) + rank.expand(y.shape).unsqueeze(-1)


class HiddenState(AnyRank):
    """Keeps a random constant outside the state dict."""

    def __init__(self, domain):
        super().__init__(domain)
        self.secret = torch.rand(())

    def forward(self, y, rank, *, tau=None):
        return super().forward(y, rank) + self.secret


class Idle(AnyRank):
    """Has a parameter of no use."""

    def __init__(self, domain):
        super().__init__(domain)
        self.idle = nn.Parameter(torch.zeros(3))


class Noisy(AnyRank):
    """Draws from the global generator when asked."""

    def forward(self, y, rank, *, tau=None):
        return super().forward(y, rank) + 0 * torch.rand(())


class WrongShape(AnyRank):
    """Promises another context width."""

    def __init__(self, domain):
        super().__init__(domain)
        self.context += 1


BROKEN = {
    "sees itself": (Leaky, r"expected h\[0\] not to depend on y\[0\] under equal ranks.*gradient"),
    "order for rank": (OrderForRank, r"not to depend on y\[\d\] under equal ranks"),
    "order for rank, hidden": (OrderOfEach, r"not to depend on y\[\d\] under the order \[1, 2"),
    "NaN leaks": (ForgetsNaN, r"not to depend on y\[\d\].*got a NaN.*torch.where"),
    "NaN leaks into gradients": (MasksTooLate, r"a finite gradient for parameter values"),
    "batch norm": (BatchNorm, r"row 0 to depend on no other row of the batch.*gradient from row"),
    "first row's ranks": (FirstRow, r"not to depend on y\[\d\] under a visible set for each row"),
    "no gradient": (PeeksAtCodes, r"not to depend on y\[\d\] under equal ranks.*got a change"),
    "tau": (SharesTau, r"h\[0\] to depend on no level.*got a gradient from tau\[0\]"),
    "rank value": (RankValue, r"depend on its rank only through what it sees"),
    "hidden state": (HiddenState, r"a copy from its arguments and state dict"),
    "idle parameter": (Idle, r"a gradient for parameter idle; got None"),
    "global random state": (Noisy, r"no use of torch's global random state"),
    "shape": (WrongShape, r"contexts of shape \(12, 5, 7\); got \(12, 5, 6\)"),
}


BROKEN_LEVELS = {
    "past for own": (SharesPast, r"h\[1\] to depend on its own level only.*from tau\[0\]"),
    "own for past": (SaysPast, r"some h to depend on the level of another coordinate"),
    "none for past": (BlindToLevels, r"h\[0\] to depend on its own level.*got no dependence"),
    "no composition": (TwoTongues, r"to be at_levels\(content\(y, rank\), tau\); they differ"),
}


@pytest.mark.parametrize(("cls", "match"), BROKEN_LEVELS.values(), ids=BROKEN_LEVELS)
def test_levels_that_reach_elsewhere_are_caught(cls, match):
    with pytest.raises(AssertionError, match=f"^{cls.__name__}: .*{match}"):
        check_backbone(cls, **NEAR)


@pytest.mark.parametrize(("cls", "match"), BROKEN.values(), ids=BROKEN)
def test_a_broken_backbone_is_caught(cls, match):
    with pytest.raises(AssertionError, match=f"^{cls.__name__}: .*{match}"):
        check_backbone(cls)


def test_arguments_must_be_json_able():
    with pytest.raises(AssertionError, match="expected JSON-able arguments; got Object of type"):
        check_backbone(AnyRank, args={"context": torch.tensor(3)})


def test_a_short_sighted_network_must_say_so():
    with pytest.raises(AssertionError, match=r"to depend on y\[\d+\] under the fixed order"):
        check_backbone(Raster, GREY)


RANKS = {
    # serves -> ranks over three coordinates that are refused, with the words of the refusal
    "fixed": (Raster, ImageDomain(1, 3, 1), [1, 2, 0], "fixes the order 0 ... 2; got other ranks"),
    "two_level": (
        TwoLevel,
        TableDomain(tuple(map(Coordinate, "abc"))),
        [0, 1, 2],
        "serves two levels of rank, visible and hidden; got a row with more",
    ),
}


@pytest.mark.parametrize(("cls", "domain", "rank", "match"), RANKS.values(), ids=RANKS)
def test_ranks_that_are_not_served_are_refused(cls, domain, rank, match):
    with pytest.raises(UnsupportedError, match=match):
        cls(domain).check_rank(torch.tensor(rank))


@pytest.mark.parametrize("rank", [torch.zeros(3), torch.zeros(2, dtype=torch.long)])
def test_malformed_ranks_are_refused(rank):
    with pytest.raises(InputError, match=r"Expected integer ranks of shape \(3,\) or \(B, 3\)"):
        AnyRank(TableDomain(tuple(map(Coordinate, "abc")))).check_rank(rank)


def test_served_ranks_pass():
    abc = TableDomain(tuple(map(Coordinate, "abc")))
    AnyRank(abc).check_rank(rank_of(torch.tensor([1, 2, 0])))
    TwoLevel(abc).check_rank(torch.tensor([[0, 1, 1], [-1, -1, 0]]))
    Raster(ImageDomain(1, 3, 1)).check_rank(torch.arange(3))
