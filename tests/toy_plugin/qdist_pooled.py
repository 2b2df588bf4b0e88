"""A backbone that pools what it sees: one message from each visible cell, averaged."""

import torch
from torch import nn

from qdist.backbones import AbstractBackbone, TableDomain
from qdist.hookspecs import hookimpl
from qdist.orders import sees


class Pooled(AbstractBackbone):
    name = "pooled"
    serves = "any"
    takes = TableDomain

    def __init__(self, domain, *, context=32):
        super().__init__()
        self.dim, self.context = len(domain.coordinates), context
        self.slope = nn.Parameter(torch.randn(self.dim, context))
        self.shift = nn.Parameter(torch.randn(self.dim, context))
        self.asked = nn.Parameter(torch.randn(self.dim, context))
        self.mix = nn.Sequential(nn.Linear(context, context), nn.Tanh())

    def forward(self, y, rank, *, tau=None):
        seen = sees(rank.expand(y.shape))  # (B, i, j): may h_i see y_j?
        known = torch.where(seen, y.unsqueeze(1), 0.0).unsqueeze(-1)
        message = torch.tanh(known * self.slope + self.shift)  # (B, i, j, C)
        total = (message * seen.unsqueeze(-1)).sum(2)
        mean = total / seen.sum(2).clamp(min=1).unsqueeze(-1)
        return self.asked + self.mix(mean)


@hookimpl
def qdist_register_backbones():
    return Pooled
