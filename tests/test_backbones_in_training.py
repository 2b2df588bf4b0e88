"""Networks that keep the contract in evaluation, and break it in training: each is caught."""

import pytest
import torch
from torch import nn

from qdist.backbones import AbstractBackbone, TableDomain
from qdist.orders import sees
from qdist.testing import check_backbone


class AnyRank(AbstractBackbone):
    """One masked linear map for each pair of coordinates."""

    name, serves, takes = "toy_any", "any", TableDomain

    def __init__(self, domain, *, context=6):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), context
        self.values = nn.Parameter(torch.randn(self.dim, self.dim, context))
        self.known = nn.Parameter(torch.randn(self.dim, self.dim, context))

    def seen(self, rank, y):
        return sees(rank.expand(y.shape))

    def forward(self, y, rank, *, tau=None):
        seen = self.seen(rank, y)
        known = torch.where(seen, y.unsqueeze(1), 0)
        mixed = torch.einsum("bij,ijw->biw", known, self.values)
        return (mixed + torch.einsum("bij,ijw->biw", seen.to(y.dtype), self.known)).tanh()


class ComparesCodes(AnyRank):
    """Centres codes over the batch in training; a looked-up code has no gradient."""

    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        batch = (y[:, 2].nan_to_num() == 1).to(h).mean()
        return h + batch if self.training else h


class ForgetsNaNInTraining(AnyRank):
    """Masks by a product in training only."""

    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        seen = self.seen(rank, y).to(h)
        return h + (seen * y.unsqueeze(1)).sum(2, keepdim=True) if self.training else h


class SharesTauInTraining(AnyRank):
    """Mixes the levels of all coordinates in training only."""

    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        return h + tau.sum() if self.training and tau is not None else h


class RoundsTauInTraining(AnyRank):
    """Compares levels in training only, so that no gradient tells."""

    def forward(self, y, rank, *, tau=None):
        h = super().forward(y, rank)
        return h + (tau > 0.5).to(h).sum() if self.training and tau is not None else h


BROKEN = {
    "codes of a batch": (ComparesCodes, r"row 0 to depend on no other row.*got a change in train"),
    "NaN leaks in training": (ForgetsNaNInTraining, r"on y\[\d\].*got a NaN in training mode"),
    "tau in training": (SharesTauInTraining, r"no level.*a gradient in training mode from tau"),
    "tau compared": (RoundsTauInTraining, r"no level.*a change in training mode from tau\[\d\]"),
}


def test_the_network_that_they_are_made_of_keeps_it():
    check_backbone(AnyRank)


@pytest.mark.parametrize(("cls", "match"), BROKEN.values(), ids=BROKEN)
def test_a_leak_in_training_alone_is_caught(cls, match):
    with pytest.raises(AssertionError, match=f"^{cls.__name__}: .*{match}"):
        check_backbone(cls)
