r"""Many networks in one: members that share their matrices and differ in their scalings.

Source: "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling" (Gorishniy et
al., 2025), https://arxiv.org/abs/2410.24210, after "BatchEnsemble" (Wen et al., 2020).
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.dropout import dropped

__all__ = ["Members"]


@final
class _SharedLinear(nn.Module):
    """`x W` with scalings and a bias of each member; the matrix is shared."""

    def __init__(self, inputs: int, outputs: int, members: int, *, first: bool) -> None:
        super().__init__()
        bound = max(1, inputs) ** -0.5  # no inputs where all features are constants
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound))
        # NOTE[DIFF] TabM scales the inputs of the first layer by random signs. Scaling its
        # outputs instead lets the largest product be taken once for all members; the random
        # biases and the scalings tell the members apart.
        self.scale_in = None if first else nn.Parameter(torch.ones(members, inputs))
        spread = torch.randn(members, outputs) if first else torch.ones(members, outputs)
        self.scale_out = nn.Parameter(spread)
        self.bias = nn.Parameter(torch.empty(members, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Members first: (B, inputs) or (M, B, inputs) -> (M, B, outputs)."""
        bias, scale_out = self.bias[:, None], self.scale_out[:, None]
        if self.scale_in is None:
            return torch.addcmul(bias, functional.linear(x, self.weight), scale_out)
        if x.shape[1] < 2 * self.weight.shape[0]:
            shared = functional.linear(x * self.scale_in[:, None], self.weight)
            return torch.addcmul(bias, shared, scale_out)
        # With the scalings in the matrices a layer is one product, not a product and three
        # passes over numbers that come from memory. Few rows are smaller than the matrices.
        return torch.baddbmm(bias, x, self.scale_in[:, :, None] * self.weight.T * scale_out)


@final
class Members(nn.Module):
    """M networks of ReLU layers, each with a context of its own for the same row.

    Args:
        inputs: Length of the inputs.
        width: Width of the layers, and length of a context.
        layers: Number of layers, at least 1.
        members: Number M of members.
        dropout: Share of units dropped in training, rounded to a multiple of 1 / 256.

    Shape:
        (B, inputs) -> (B, M, width).

    Example:
        >>> Members(5, width=8, layers=2, members=4, dropout=0.1)(torch.zeros(3, 5)).shape
        torch.Size([3, 4, 8])
    """

    def __init__(
        self, inputs: int, *, width: int, layers: int, members: int, dropout: float
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _SharedLinear(inputs if k == 0 else width, width, members, first=k == 0)
            for k in range(layers)
        )
        # The heads that read the contexts are shared too: a scaling of each member before them.
        self.scale = nn.Parameter(1 + 0.3 * torch.randn(members, width))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Return the members' contexts of embedded rows."""
        for layer in self.layers:
            x = layer(x).relu_()
            if self.training:
                x = dropped(x, self.dropout)
        return (x * self.scale[:, None]).transpose(0, 1)
