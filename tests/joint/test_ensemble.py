"""Several chains as one: each conditional is a mixture, and is sampled as such."""

import numpy as np
import pytest
import torch
from scipy import stats

from qdist.backbones import Coordinate, TableDomain
from qdist.errors import InputError, UnsupportedError
from qdist.heads import ColumnHeads
from qdist.joint import Autoregressive, Ensemble, Independent
from qdist.registry import backbone

N = 10_000
KS = 1.95 / N**0.5  # P(sqrt(n) D > 1.95) = 2 exp(-2 * 1.95^2) = 0.001 (Kolmogorov)
SHIFT = 3.0


@pytest.fixture
def shifted(toys):
    """Of two members the second has conditional means that are higher by 3."""

    class Shifted(toys.backbone):
        def conditionals(self, known, seen):
            return super().conditionals(known, seen) + torch.tensor([SHIFT, 0.0])

    def make(serves="two_level", **args):
        networks = (toys.backbone(serves), Shifted(serves))
        return Ensemble([Autoregressive(net, toys.heads(3), **args) for net in networks])

    return make


def conditionals(toys, y, order):
    """The members' conditional means (N, 3), lower ones, and deviations (3,), by hand."""
    mean, covariance = toys.mean.numpy(), toys.covariance.numpy()
    means, deviations = np.zeros_like(y), np.zeros(3)
    for place, i in enumerate(order):
        known = list(order[:place])
        weights = np.linalg.solve(covariance[np.ix_(known, known)], covariance[known, i])
        means[:, i] = mean[i] + (y[:, known] - mean[known]) @ weights
        deviations[i] = (covariance[i, i] - weights @ covariance[known, i]) ** 0.5
    return means, deviations


@pytest.mark.parametrize("serves", ["any", "two_level"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]], ids=str)
def test_each_conditional_is_the_mixture_of_the_members(toys, shifted, order, serves):
    joint = shifted(serves)
    y = np.random.default_rng(0).normal(size=(20, 3)) * 2
    mean, deviation = conditionals(toys, y, order)
    density = (stats.norm.pdf(y, mean, deviation) + stats.norm.pdf(y, mean + SHIFT, deviation)) / 2
    level = (stats.norm.cdf(y, mean, deviation) + stats.norm.cdf(y, mean + SHIFT, deviation)) / 2
    rows = torch.from_numpy(y)
    log_prob = joint.log_prob(rows, order=order)
    torch.testing.assert_close(log_prob, torch.from_numpy(np.log(density).sum(1)))
    torch.testing.assert_close(joint.rosenblatt(rows, order=order), torch.from_numpy(level))


@pytest.mark.parametrize("law", ["gaussian", "atoms", "binary"])
def test_fill_undoes_rosenblatt(toys, shifted, law):
    if law == "gaussian":
        joint = shifted()
    else:
        joint = Ensemble([getattr(toys, law)(Autoregressive, "two_level") for _ in range(3)])
    draw = torch.Generator().manual_seed(3)
    y = joint.sample(500, generator=draw)
    visible = torch.rand(y.shape, generator=draw) < 0.3
    # A pair of cells of other members can be all but impossible, and its level all but 0.
    visible[:, 1:] &= law != "gaussian"
    tau = joint.rosenblatt(y, visible=visible, generator=draw)
    back = joint.fill(torch.where(visible, y, torch.nan), visible, tau=tau)
    torch.testing.assert_close(back, y, rtol=1e-9, atol=1e-9)
    if law != "gaussian":
        assert torch.equal(back == 0, y == 0)  # atoms come back exactly


@pytest.mark.parametrize("read", ["law", "network"])
def test_rows_follow_the_mixture_whether_one_member_is_asked_or_all(shifted, read):
    joint = shifted()
    tau = torch.rand((N, 3), generator=torch.Generator().manual_seed(0))
    hidden = torch.zeros(N, 3, dtype=torch.bool)
    y = joint.fill(torch.zeros(N, 3), hidden, tau=tau, read=read)
    levels = joint.rosenblatt(y)
    for i in range(3):
        assert stats.kstest(levels[:, i].numpy(), "uniform").statistic < KS
    # A correlation of independent levels has standard error 1 / sqrt(n); five of them.
    assert ((levels.T.corrcoef() - torch.eye(3)).abs() < 5 / N**0.5).all()
    # All members asked, the row is its levels; else it is another row of the same law.
    assert torch.allclose(levels, tau, atol=1e-9) == (read == "law")


def test_one_member_is_asked_for_a_cell_and_all_learn_its_value(shifted):
    joint = shifted("any")  # asked row by row
    for member in joint.members:
        member.backbone.rows_computed = 0
    tau = torch.tensor([[0.2, 0.7, 0.4], [0.1, 0.2, 0.3], [0.9, 0.8, 0.7]])
    joint.fill(torch.zeros(3, 3), torch.zeros(3, 3, dtype=torch.bool), tau=tau, read="network")
    # Levels below 1/2 are the first member's: five of the nine cells.
    assert [member.backbone.rows_computed for member in joint.members] == [5, 4]


def test_known_cells_are_seen_and_kept(toys, shifted):
    joint = shifted()
    y = torch.zeros(N, 3)
    y[:, 2] = 3.0
    visible = torch.tensor([False, False, True]).expand(N, 3)
    tau = torch.rand((N, 3), generator=torch.Generator().manual_seed(1))
    filled = joint.fill(y, visible, tau=tau, order=[1, 0, 2], read="network")
    assert torch.equal(filled[:, 2], y[:, 2])
    # Of y_1 given y_2 = 3: mean -2 + 0.1 / 1.5 * 2.5, variance 1 - 0.1^2 / 1.5; or 3 more.
    one = stats.norm(-2 + 0.1 / 1.5 * 2.5, (1 - 0.01 / 1.5) ** 0.5)
    statistic = stats.kstest(
        filled[:, 1].numpy(), lambda x: (one.cdf(x) + one.cdf(x - SHIFT)) / 2
    ).statistic
    assert statistic < KS
    law = joint.conditional(1, y[:2], visible[:2])
    torch.testing.assert_close(
        law.cdf(0.5), torch.full((2,), (one.cdf(0.5) + one.cdf(0.5 - SHIFT)) / 2)
    )


@pytest.fixture
def mixed():
    """Three networks over a number and a code, with weights of their own."""
    domain = TableDomain(
        (Coordinate("a", bins=((0.0, 0.5), (0.5, 1.0))), Coordinate("b", levels=3))
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        members = []
        for _ in range(3):
            net = backbone("mlp")(domain, width=8, blocks=1, dropout=0.0)
            heads = ColumnHeads.build(domain.coordinates, "binned", net.context)
            members.append(Autoregressive(net, heads))
    return Ensemble(members).eval()


def test_each_member_learns_from_rows_of_its_own(mixed):
    y = torch.rand(7, 2, generator=torch.Generator().manual_seed(0))
    y[:, 1] = torch.tensor([0.0, 1, 2, 0, 1, 2, 0])
    rank, where = torch.tensor([0, 1]), torch.ones(7, 2, dtype=torch.bool)
    loss = mixed.loss(y, rank=rank)
    for k, member in enumerate(mixed.members):
        own = member.loss(y, rank=rank, where=where)
        torch.testing.assert_close(loss[k::3], own[k::3])
        assert not torch.allclose(loss[(k + 1) % 3 :: 3], own[(k + 1) % 3 :: 3])
    for few in (2, 1, 0):  # the last members have none
        assert mixed.loss(y[:few], rank=rank).shape == (few, 2)


def test_the_score_is_that_of_the_mixture(mixed):
    y = torch.tensor([[0.2, 1.0], [0.9, 2.0], [0.6, 0.0]])
    rank, where = torch.tensor([0, 1]), torch.tensor([[True, True], [True, False], [False, True]])
    each = [m.loss(y, rank=rank, where=where) for m in mixed.members]
    mean = sum(each) / 3
    score = mixed.score(y, rank=rank, where=where)
    mass = sum((-losses).exp() for losses in each) / 3
    torch.testing.assert_close(score, -mass.log() * where)
    assert (score <= mean + 1e-12).all()  # Jensen
    assert bool((score[:, 1] < mean[:, 1])[where[:, 1]].any())
    by_law = -mixed.log_prob(y[:1], order=[0, 1])
    torch.testing.assert_close(score[:1].sum(1), by_law)


def test_a_head_whose_loss_is_no_log_score_is_not_mixed_from_losses(toys, shifted):
    y = torch.zeros(2, 3)
    rank, where = torch.zeros(3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool)
    joint = shifted()
    each = [member.loss(y, rank=rank, where=where) for member in joint.members]
    torch.testing.assert_close(joint.score(y, rank=rank, where=where), sum(each) / 2)


def test_capabilities_are_those_of_all_members(toys, shifted):
    assert shifted().can == {"log_prob", "rosenblatt"}
    with pytest.raises(UnsupportedError, match="densities factor along the chain"):
        shifted().cdf(torch.zeros(1, 3))
    with pytest.raises(UnsupportedError, match=r"got order \[2, 1, 0\]"):
        shifted("fixed").fill(
            torch.zeros(1, 3),
            torch.zeros(1, 3, dtype=torch.bool),
            tau=torch.full((1, 3), 0.5),
            order=[2, 1, 0],
        )


def test_members_must_be_alike(toys):
    with pytest.raises(InputError, match="at least one member; got none"):
        Ensemble([])
    with pytest.raises(InputError, match=r"members of the same coordinates, order"):
        Ensemble([toys.gaussian(Autoregressive), toys.gaussian(Autoregressive, order=[2, 1, 0])])
    for other in (toys.gaussian(Independent), 3):
        with pytest.raises(InputError, match=r"each member to be of class Autoregressive; got"):
            Ensemble([other])
    with pytest.raises(UnsupportedError, match="leave drawn values as they are; got one with"):
        Ensemble(
            [toys.gaussian(Autoregressive), toys.gaussian(Autoregressive, settle=torch.round)]
        )
