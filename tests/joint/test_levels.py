"""Backbones that see levels, on a chain of normal laws that is known exactly."""

import pytest
import torch
from torch import nn

from qdist.backbones import AbstractBackbone, Coordinate, TableDomain
from qdist.errors import InputError, UnsupportedError
from qdist.heads import ColumnHeads, ImplicitHead, SplineHead
from qdist.joint import Autoregressive, Comonotonic, Ensemble, Independent
from qdist.joint.hidden import by_icdf, choose_member

DOMAIN = TableDomain(tuple(map(Coordinate, "abc")))


class Chain(AbstractBackbone):
    """y_i = y_{i-1} / 2 + z_i with z_i standard normal; the context is y_i at its level."""

    name, serves, takes, sees_levels = "toy_chain", "fixed", TableDomain, "own"

    def __init__(self, domain):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), 2
        self.weight = nn.Parameter(torch.tensor(0.5))

    def forward(self, y, rank, *, tau=None):
        return self.at_levels(self.content(y, rank), tau)

    def content(self, y, rank):
        return self.weight * nn.functional.pad(y, (1, -1)).unsqueeze(-1)

    def at_levels(self, content, tau):
        value = content.squeeze(-1) + torch.special.ndtri(tau)
        return torch.stack([value.relu(), (-value).relu()], -1)  # as the head has a relu


class Echo(Chain):
    """Adds the level before to the mean."""

    sees_levels = "past"

    def forward(self, y, rank, *, tau=None):
        content = self.content(y, rank) + nn.functional.pad(tau, (1, -1)).unsqueeze(-1)
        return self.at_levels(content, tau)


class EchoOfAny(Echo):
    serves = "two_level"


def head():
    """An implicit head that says the first half of its context less the second."""
    made = ImplicitHead(2, n_cos=1, n_tau=3)
    with torch.no_grad():
        for layer, weight, bias in (
            (made.embed, torch.zeros(2, 1), torch.ones(2)),
            (made.hidden, torch.eye(2), torch.zeros(2)),
            (made.output, torch.tensor([[1.0, -1.0]]), torch.zeros(1)),
        ):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return made


def joint(cls, joint_cls=Autoregressive):
    return joint_cls(cls(DOMAIN), ColumnHeads([head()], places=[0, 0, 0]))


@pytest.fixture
def tau(generator):
    return torch.rand(500, 3, generator=generator) * 0.9 + 0.05


def recursion(tau, echo=0.0):
    z = torch.special.ndtri(tau)
    y = [z[:, 0]]
    for i in (1, 2):
        y.append(y[-1] / 2 + echo * tau[:, i - 1] + z[:, i])
    return torch.stack(y, 1)


@pytest.mark.parametrize(("cls", "echo"), [(Chain, 0.0), (Echo, 1.0)])
def test_the_network_is_read_at_the_levels(cls, echo, tau):
    hidden = torch.zeros_like(tau, dtype=torch.bool)
    drawn = joint(cls).fill(torch.zeros_like(tau), hidden, tau=tau, read="network")
    assert torch.allclose(drawn, recursion(tau, echo), atol=1e-12)


def test_where_levels_are_seen_by_themselves_there_are_laws(tau):
    y = recursion(tau)
    model = joint(Chain)
    # The law is that of 256 midpoints joined by lines: no level is off by more than one of them.
    assert (model.rosenblatt(y) - tau).abs().max() < 1 / 256
    hidden = torch.zeros_like(tau, dtype=torch.bool)
    again = model.fill(y, hidden, tau=model.rosenblatt(y))
    assert torch.allclose(again, y, atol=1e-9)


@pytest.mark.parametrize("read", ["law", "network"])
@pytest.mark.parametrize("members", [1, 2])
def test_a_draw_of_ones_own_takes_the_law_at_all_levels(read, members, tau):
    chains = [joint(Chain) for _ in range(members)]
    model = chains[0] if members == 1 else Ensemble(chains)
    hidden = torch.zeros_like(tau, dtype=torch.bool)
    y = torch.zeros_like(tau)
    found = model.fill(y, hidden, tau=tau, draw=by_icdf, read=read)
    if members > 1 and read == "network":  # what is left of a level once it has chosen
        tau = choose_member(tau, members)[1]
    assert torch.allclose(found, chains[0].fill(y, hidden, tau=tau, read="law"), atol=1e-12)


def test_a_draw_of_ones_own_needs_laws(tau):
    hidden = torch.zeros_like(tau, dtype=torch.bool)
    with pytest.raises(
        UnsupportedError, match=r"from laws by a draw.*, but the backbone lets the"
    ):
        joint(Echo).fill(torch.zeros_like(tau), hidden, tau=tau, draw=by_icdf)


def test_a_head_is_known_by_its_class_and_not_by_its_name():
    class Stranger(SplineHead):
        """As a plugin may have one."""

    Stranger.__name__ = "ImplicitHead"
    with pytest.raises(UnsupportedError, match="expected implicit heads, got ImplicitHead"):
        Autoregressive(Chain(DOMAIN), ColumnHeads([Stranger(2)], places=[0, 0, 0]))


def test_of_implicit_heads_there_is_no_density(tau):
    with pytest.raises(UnsupportedError, match="has no log_prob"):
        joint(Chain).log_prob(recursion(tau))


@pytest.mark.parametrize("ask", ["log_prob", "rosenblatt"])
def test_where_past_levels_are_seen_there_are_none(ask, tau):
    with pytest.raises(UnsupportedError, match=f"has no {ask}: the backbone lets the levels"):
        getattr(joint(Echo), ask)(recursion(tau))


@pytest.mark.parametrize("other", [Comonotonic, Independent])
def test_joints_of_laws_refuse_them(other):
    with pytest.raises(UnsupportedError, match="needs laws given x alone, but the backbone lets"):
        joint(EchoOfAny, other)


def test_an_ensemble_refuses_them_as_a_level_also_chooses_the_member():
    with pytest.raises(UnsupportedError, match=r"mixes laws .* but the backbone lets"):
        Ensemble([joint(Chain), joint(Echo)])


def test_one_pass_over_the_levels_serves_all_heads():
    heads = [head(), ImplicitHead(2, n_cos=1, n_tau=5), head()]
    with pytest.raises(UnsupportedError, match=r"of one n_tau .* got \[3, 5\]"):
        Autoregressive(Chain(DOMAIN), ColumnHeads(heads))


@pytest.mark.parametrize(("cls", "draws"), [(Chain, 3), (Echo, 1)])
def test_the_loss_is_the_pinball_loss_at_drawn_levels(cls, draws):
    y = torch.tensor([[0.3, -1.0, 2.0], [1.0, 0.0, float("nan")]])
    where = torch.tensor([[True, False, True], [True, True, False]])
    loss = joint(cls).loss(y, where=where, generator=torch.Generator().manual_seed(0))
    tau = torch.rand(draws, 2, 3, generator=torch.Generator().manual_seed(0))
    mean = nn.functional.pad(y, (1, -1)) / 2
    if cls is Echo:
        mean = mean + nn.functional.pad(tau, (1, -1))
    u = y - mean - torch.special.ndtri(tau)
    expected = (u * (tau - (u <= 0).double())).mean(0)
    assert torch.allclose(loss[where], expected[where], atol=1e-12)
    assert (loss[~where] == 0).all()
    model = joint(cls)
    model.loss(y, where=where).sum().backward()
    assert bool(model.backbone.weight.grad.isfinite())


def test_more_draws_leave_the_expected_loss_as_it_is():
    # E rho_tau(Y - Q(tau)) for a standard normal Y and Q its own: half the CRPS, in the mean over
    # Y: E CRPS = E|Y - Y'| / 2 = 1 / sqrt(pi), so half of that.
    y = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1))
    y = torch.stack([y[:, 0], y[:, 0] / 2 + y[:, 1], y[:, 0] / 4 + y[:, 1] / 2 + y[:, 2]], 1)
    loss = joint(Chain).loss(y, generator=torch.Generator().manual_seed(2))
    error = loss.std(0) / 4000**0.5
    assert ((loss.mean(0) - 0.5 / torch.pi**0.5).abs() < 4 * error).all()


def test_what_can_be_read():
    y = torch.zeros(1, 3)
    hidden = torch.zeros_like(y, dtype=torch.bool)
    with pytest.raises(InputError, match="Expected read 'law' or 'network'; got 'raw'"):
        joint(Chain).fill(y, hidden, tau=y + 0.5, read="raw")


@pytest.mark.parametrize("network", [Chain, Echo])
def test_calibration_leaves_heads_alone_that_read_levels(network, monkeypatch):
    def calibrate(*args, **kwargs):
        raise AssertionError("what a stepper gives is no context yet")

    monkeypatch.setattr(ImplicitHead, "calibrate", calibrate)
    joint = Autoregressive(network(DOMAIN), ColumnHeads([head() for _ in range(3)]))
    joint.calibrate(torch.randn(20, 3), n=8, seed=0)
