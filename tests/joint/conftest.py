"""Joints whose every conditional law is known exactly, in any order and for any visible set."""

from types import SimpleNamespace
from typing import final

import pytest
import torch
from torch.distributions import Normal as TorchNormal

from qdist.backbones import AbstractBackbone, Coordinate, TableDomain
from qdist.heads import AbstractHead, ColumnHeads
from qdist.joint import Autoregressive, Comonotonic, Independent
from qdist.orders import sees
from qdist.quantile import Categorical, PiecewiseLinear, QuantileFunction

MEAN = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
COVARIANCE = torch.tensor(
    [[2.0, 1.2, -0.5], [1.2, 1.0, 0.1], [-0.5, 0.1, 1.5]], dtype=torch.float64
)
TABLE = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64)  # P(y_0, y_1)


@final
class Normal(QuantileFunction):
    can = frozenset({"cdf", "log_prob", "sample"})

    def __init__(self, law):
        self.law = law
        super().__init__(law.batch_shape, dtype=law.mean.dtype, validate_args=False)

    def _icdf(self, tau):
        return self.law.icdf(tau)

    def _cdf(self, y):
        return self.law.cdf(y)

    def _log_prob(self, y):
        return self.law.log_prob(y)

    def _expand(self, batch_shape):
        return Normal(self.law.expand(batch_shape))


class ScoredHead(AbstractHead):
    """A head whose loss is the log score of its law."""

    def loss(self, h, target, *, generator=None):
        return -self(h).log_prob(target)

    @classmethod
    def for_coordinate(cls, coordinate, context, **args):
        return cls()


class NormalHead(ScoredHead):
    """Context: mean and standard deviation."""

    name = "toy_normal"

    def forward(self, h):
        return Normal(TorchNormal(h[..., 0], h[..., 1], validate_args=False))


class BinaryHead(ScoredHead):
    """Context: the logits of 0 and 1."""

    name = "toy_binary"

    def forward(self, h):
        return Categorical(h)


class AtomHead(ScoredHead):
    """Context: a share p in (0, 1). Mass p on 0, the rest uniform on [0, 1]."""

    name = "toy_atom"
    start = 0.0  # of the rest

    def forward(self, h):
        p = h[..., 0]
        levels = torch.stack([torch.zeros_like(p), p, p, torch.ones_like(p)], -1)
        values = torch.tensor([0.0, 0.0, self.start, 1.0], dtype=h.dtype).expand_as(levels)
        return PiecewiseLinear(levels, values)


class GapHead(AtomHead):
    """The rest is uniform on [0.5, 1]."""

    start = 0.5


class ToyBackbone(AbstractBackbone):
    """Counts the rows that it computes."""

    name, serves, takes = "toy_any", "any", TableDomain

    def __init__(self, dim, context, serves):
        super().__init__()
        self.dim, self.context, self.serves = dim, context, serves
        self.name = f"toy_{serves}"
        self.rows_computed = 0

    def forward(self, y, rank, *, tau=None):
        self.rows_computed += len(y)
        seen = sees(rank.expand(y.shape))
        return self.conditionals(torch.where(seen, y.unsqueeze(1), 0), seen)


class Gaussian(ToyBackbone):
    """The conditional mean and deviation of each coordinate of a multivariate normal law."""

    def __init__(self, serves="any"):
        super().__init__(3, 2, serves)

    def conditionals(self, known, seen):
        # Unseen coordinates leave the normal equations: S_ss w = S_si, mean + w (y_s - mean_s).
        pairs = seen.unsqueeze(-1) & seen.unsqueeze(-2)
        inner = torch.where(pairs, COVARIANCE, torch.eye(3, dtype=torch.float64))
        cross = torch.where(seen, COVARIANCE, 0)
        weights = torch.linalg.solve(inner, cross)
        mean = MEAN + (weights * (known - MEAN)).sum(-1)
        variance = COVARIANCE.diagonal() - (weights * cross).sum(-1)
        return torch.stack([mean, variance.sqrt()], -1)


class Binary(ToyBackbone):
    """The conditional log probabilities of two dependent bits."""

    def __init__(self, serves="any"):
        super().__init__(2, 2, serves)

    def conditionals(self, known, seen):
        contexts = []
        for i, table in enumerate((TABLE, TABLE.T)):  # rows of `table`: the value of coordinate i
            given = table[:, known[:, i, 1 - i].long()].T
            given = torch.where(seen[:, i, 1 - i].unsqueeze(-1), given, table.sum(1))
            contexts.append(given.log())
        return torch.stack(contexts, 1)


class Atoms(ToyBackbone):
    """The share of the atom is 0.5, and 0.8 for a coordinate that sees another 0."""

    def __init__(self, serves="any"):
        super().__init__(3, 1, serves)

    def conditionals(self, known, seen):
        zero = ((known == 0) & seen).any(-1)
        return torch.where(zero, 0.8, 0.5).to(known.dtype).unsqueeze(-1)


def _joint(joint, backbone, head, serves="any", **args):
    net = backbone(serves)
    return joint(net, ColumnHeads([head() for _ in range(net.dim)]), **args)


@pytest.fixture(scope="session")
def toys():
    """Constructors: (joint class, serves="any", **arguments) -> a joint that is known exactly."""
    return SimpleNamespace(
        gaussian=lambda joint, *a, **k: _joint(joint, Gaussian, NormalHead, *a, **k),
        binary=lambda joint, *a, **k: _joint(joint, Binary, BinaryHead, *a, **k),
        atoms=lambda joint, *a, **k: _joint(joint, Atoms, AtomHead, *a, **k),
        gaps=lambda joint, *a, **k: _joint(joint, Atoms, GapHead, *a, **k),
        heads=lambda n: ColumnHeads([NormalHead() for _ in range(n)]),
        backbone=Gaussian,
        domain=TableDomain(tuple(map(Coordinate, "abc"))),
        joints={j.name: j for j in (Comonotonic, Independent, Autoregressive)},
        mean=MEAN,
        covariance=COVARIANCE,
        table=TABLE,
    )
