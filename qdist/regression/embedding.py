r"""A vector for each feature of a row, side by side.

A number $x$ with bins $b_0 < \dots < b_K$ (quantiles of the training rows) is described by how far
it has come through each of them, $\min(\max((x - b_{k-1}) / (b_k - b_{k-1}), 0), 1)$, and by
itself; a linear map of its own and a ReLU make a vector of that. A code has a vector of its own.

Source: "On Embeddings for Numerical Features in Tabular Deep Learning" (Gorishniy, Rubachev,
Babenko, 2022), section 3.2, https://arxiv.org/abs/2203.05556
"""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FeatureEmbedding"]


@final
class FeatureEmbedding(nn.Module):
    """Vectors of numbers and codes.

    Args:
        bins: For each number its bin ends, increasing, at least two.
        levels: For each code the number of levels; the code `levels` stands for none of them.
        width: Length d of a vector.

    Shape:
        numbers (B, F), NaN where missing, and codes (B, C) -> (B, (F + C) d).

    Example:
        >>> embed = FeatureEmbedding([[0.0, 1.0, 3.0]], [2], width=4)
        >>> embed(torch.tensor([[0.5], [torch.nan]]), torch.tensor([[1], [2]])).shape
        torch.Size([2, 8])
    """

    left: Tensor
    width_of: Tensor
    exists: Tensor
    offset: Tensor

    def __init__(
        self, bins: Sequence[Sequence[float]], levels: Sequence[int], *, width: int
    ) -> None:
        super().__init__()
        most = max((len(ends) - 1 for ends in bins), default=1)
        # By numpy: a model of thousands of features is built in a few operations of torch.
        shape, dtype = (len(bins), most), torch.empty(0).numpy().dtype
        left, size, exists = np.zeros(shape, dtype), np.ones(shape, dtype), np.zeros(shape, dtype)
        for f, ends in enumerate(bins):
            e, k = np.array(ends, dtype), len(ends) - 1
            left[f, :k], size[f, :k], exists[f, :k] = e[:-1], np.diff(e), 1
        for name, value in (("left", left), ("width_of", size), ("exists", exists)):
            self.register_buffer(name, torch.from_numpy(value), persistent=False)
        self.pieces = nn.Parameter(torch.randn(len(bins), most, width) * most**-0.5)
        self.slope = nn.Parameter(torch.randn(len(bins), width) * 0.5)
        self.bias = nn.Parameter(torch.zeros(len(bins), width))
        self.missing = nn.Parameter(torch.randn(len(bins), width) * 0.5)
        counts = torch.tensor([0, *[n + 1 for n in levels]]).cumsum(0)
        self.register_buffer("offset", counts[:-1], persistent=False)
        self.codes = nn.Embedding(max(1, int(counts[-1])), width)
        self.outputs = (len(bins) + len(levels)) * width
        self.cells = len(bins) * most  # that a row is described by on the way

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return the vectors side by side."""
        gone = numbers.isnan()
        x = numbers.masked_fill(gone, 0.0).unsqueeze(-1)
        come = ((x - self.left) / self.width_of).clamp(0, 1) * self.exists
        vector = torch.einsum("bfk,fkd->bfd", come, self.pieces) + x * self.slope + self.bias
        vector = functional.relu(torch.where(gone.unsqueeze(-1), self.missing, vector))
        return torch.cat([vector.flatten(1), self.codes(codes + self.offset).flatten(1)], -1)
