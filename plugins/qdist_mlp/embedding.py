r"""One vector for a row of which some cells are known: a sum with one term for each column.

A code has a vector of its own, and so has an atom of a number. A number between atoms is
described by a cosine series of its position $p \in [0, 1]$ within the column's continuous bins,

$$ \sum_{k=1}^{M} w_k \frac{\cos(\pi k p)}{\sqrt{1 + k}}, $$

whose damped high frequencies are a prior for smooth functions: a table of one vector for each bin
fits the training rows faster and the others worse. A hidden cell has a vector that says so.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.backbones import Coordinate

__all__ = ["RowEmbedding"]


@final
class RowEmbedding(nn.Module):
    """Sum of the columns' vectors.

    Args:
        coordinates: The columns, D of them.
        width: Length W of the vectors.
        frequencies: Number M of cosines for a number.

    Shape:
        y (B, D), visible (B, D) -> (B, W).

    Example:
        >>> bins = ((0.1, 0.1), (0.2, 0.6), (0.6, 1.0))  # an atom and two continuous bins
        >>> embed = RowEmbedding((Coordinate("a", bins=bins), Coordinate("b", levels=3)), width=8)
        >>> y, visible = torch.tensor([[0.3, 2.0]]), torch.tensor([[True, False]])
        >>> row = embed(y, visible)
        >>> step = embed.change(1, y[:, 1])  # the second cell becomes known
        >>> torch.allclose(row + step, embed(y, torch.tensor([[True, True]])), atol=1e-6)
        True
    """

    left: Tensor
    right: Tensor
    offset: Tensor
    count: Tensor
    before: Tensor
    continuous: Tensor
    coded: Tensor
    last: Tensor
    damping: Tensor

    def __init__(
        self, coordinates: tuple[Coordinate, ...], *, width: int, frequencies: int = 16
    ) -> None:
        super().__init__()
        dim = len(coordinates)
        most = max(len(c.bins) for c in coordinates)
        # Bins of all columns side by side; +inf where a column has fewer than the most.
        left = torch.full((dim, max(most, 1)), torch.inf)
        right = torch.full((dim, max(most, 1)), torch.inf)
        before = torch.zeros(dim, max(most, 1))  # continuous bins before each bin
        for i, coordinate in enumerate(coordinates):
            if coordinate.bins:
                ends = torch.tensor(coordinate.bins, dtype=left.dtype)
                left[i, : len(ends)], right[i, : len(ends)] = ends.unbind(-1)
                smooth = (ends[:, 1] > ends[:, 0]).to(left.dtype)
                before[i, : len(ends)] = smooth.cumsum(0) - smooth
        self.register_buffer("left", left, persistent=False)
        self.register_buffer("right", right, persistent=False)
        self.register_buffer("before", before, persistent=False)
        continuous = ((right > left) & right.isfinite()).sum(-1).clamp(min=1)
        self.register_buffer("continuous", continuous.to(left.dtype), persistent=False)
        self.register_buffer(
            "coded", torch.tensor([c.levels is not None for c in coordinates]), persistent=False
        )

        # Rows of the table, for each column: hidden, its codes or bins (those of continuous bins
        # are one and the same: the first one's).
        sizes = [1 + (c.levels if c.levels is not None else len(c.bins)) for c in coordinates]
        starts = torch.tensor([0, *sizes]).cumsum(0)
        self.register_buffer("offset", starts[:-1], persistent=False)
        self.register_buffer("last", torch.tensor(sizes) - 2, persistent=False)
        self.table = nn.Embedding(int(starts[-1]), width)
        nn.init.normal_(self.table.weight, std=dim**-0.5)

        k = torch.arange(1, frequencies + 1)
        self.register_buffer("damping", (1.0 + k).rsqrt(), persistent=False)
        self.register_buffer("count", k * torch.pi, persistent=False)
        self.waves = nn.Parameter(torch.randn(dim, frequencies, width) * dim**-0.5)

    def forward(self, y: Tensor, visible: Tensor) -> Tensor:
        """Return the sum over columns, (B, W), of rows y (B, D) of which `visible` is known."""
        index, position, smooth = self._locate(torch.where(visible, y, 0.0))
        cells = self.offset + torch.where(visible, index + 1, 0)
        row = functional.embedding_bag(cells, self.table.weight, mode="sum")
        waves = self._waves(position) * (smooth & visible).unsqueeze(-1)
        return row + waves.flatten(1) @ self.waves.flatten(0, 1)

    def change(self, i: int, value: Tensor) -> Tensor:
        """Return what is added, (B, W), when cell i takes on a value (B,), having been hidden."""
        index, position, smooth = self._locate(value.unsqueeze(-1), slice(i, i + 1))
        start = self.offset[i]
        known = self.table(start + 1 + index[:, 0]) - self.table(start)
        change: Tensor = (
            known + (self._waves(position) * smooth.unsqueeze(-1))[:, 0] @ self.waves[i]
        )
        return change

    def _locate(self, y: Tensor, at: slice = slice(None)) -> tuple[Tensor, Tensor, Tensor]:
        """Return row of the table, position among the continuous bins, and whether there is one.

        All of shape (B, d), for the columns `at`.
        """
        left, right = self.left[at], self.right[at]
        y = y.to(left.dtype)
        # The last bin that begins at or below y; of an atom and a bin that begin together, the
        # atom is the one of right end y.
        found = torch.searchsorted(left, y.t().contiguous(), right=True).sub_(1).clamp_(min=0)
        previous = (found - 1).clamp_(min=0)
        is_atom = right.gather(1, previous) == y.t()
        atom = is_atom & (left.gather(1, previous) == y.t())
        found = torch.where(atom, previous, found)
        low, high = left.gather(1, found), right.gather(1, found)
        smooth = (high > low) & high.isfinite()
        share = ((y.t() - low) / torch.where(smooth, high - low, 1.0)).clamp(0, 1)
        position = (self.before[at].gather(1, found) + share) / self.continuous[at].unsqueeze(1)
        position = torch.where(smooth, position, 0.0).t()
        smooth = smooth.t()
        codes = torch.minimum(y.nan_to_num().clamp(min=0).long(), self.last[at])
        bins = torch.where(smooth, 0, found.t())
        return torch.where(self.coded[at], codes, bins), position, smooth

    def _waves(self, position: Tensor) -> Tensor:
        return (position.unsqueeze(-1) * self.count).cos() * self.damping
