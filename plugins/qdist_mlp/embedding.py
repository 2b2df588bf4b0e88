r"""One vector for a row of which some cells are known: a sum with one term for each column.

Each code has a vector of its own, and so has each atom of a number. What has an order (numbers
and ordered codes) is also described by its place $p \in [0, 1]$ among the column's bins: by the
normal score of $p$ and a cosine series,

$$ w_0 \Phi^{-1}(p) + \sum_{k=1}^{M} w_k \frac{\cos(\pi k p)}{(1 + k)^s}. $$

The score makes the dependence of a Gaussian copula linear; from cosines its tails must be pieced
together. The damped high frequencies are a prior for smooth functions: one vector for each bin
fits the training rows faster and all others worse. Each column learns how smooth it is: its
exponent s begins at 1. A hidden cell has a vector that says so.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.backbones import Coordinate

__all__ = ["RowEmbedding"]

# Places closer to the ends than this share one score, 3.7: too few values lie there to learn more.
_TAIL = 1e-4
# Exponents learn this many times faster than weights of the same step: a column has only one.
_HASTE = 4.0


@final
class RowEmbedding(nn.Module):
    """Sum of the columns' vectors, outside autocast as its terms are many.

    Args:
        coordinates: The columns, D of them.
        width: Length W of the vectors.
        frequencies: Number M of cosines.

    Shape:
        y (B, D), visible (B, D) -> (B, W).

    Example:
        >>> bins = ((0.1, 0.1), (0.2, 0.6), (0.6, 1.0))  # an atom and two continuous bins
        >>> columns = (Coordinate("a", bins=bins), Coordinate("b", levels=3))
        >>> embed = RowEmbedding(columns, width=8, frequencies=16)
        >>> y, visible = torch.tensor([[0.3, 2.0]]), torch.tensor([[True, False]])
        >>> row = embed(y, visible)
        >>> row = embed.reveal(row, 1, y[:, 1])  # the second cell becomes known
        >>> torch.allclose(row, embed(y, torch.tensor([[True, True]])), atol=1e-6)
        True
    """

    left: Tensor
    right: Tensor
    vector: Tensor
    hidden: Tensor
    bins: Tensor
    ranked: Tensor
    pi_k: Tensor
    log_k: Tensor

    def __init__(
        self, coordinates: tuple[Coordinate, ...], *, width: int, frequencies: int
    ) -> None:
        super().__init__()
        dim = len(coordinates)
        ends = [_ends(coordinate) for coordinate in coordinates]
        sizes = torch.tensor([len(e) for e in ends])
        # The bins of all columns side by side, with +inf after the last bin of a shorter column.
        # NaN is sorted there too, so places past the last bin stand for the last bin.
        left = torch.full((dim, int(sizes.max())), torch.inf)
        right = torch.full_like(left, torch.inf)
        # Which vector of the table a bin has. A column's first is that of a hidden cell, and its
        # second is shared by all continuous bins.
        vector = torch.zeros_like(left, dtype=torch.long)
        hidden = torch.zeros(dim, dtype=torch.long)
        n_vectors = 0
        for i, e in enumerate(ends):
            left[i, : len(e)], right[i, : len(e)] = e.unbind(-1)
            atom = e[:, 0] == e[:, 1]
            vector[i, : len(e)] = n_vectors + 1 + torch.where(atom, atom.cumsum(0), 0)
            vector[i, len(e) :] = vector[i, len(e) - 1]
            hidden[i] = n_vectors
            n_vectors += 2 + int(atom.sum())
        self.first = (*hidden.tolist(), n_vectors)  # a column's vectors begin with its hidden one
        k = torch.arange(1, frequencies + 1)
        self.order_known = [c.levels is None or c.ordered for c in coordinates]
        ranked = torch.tensor(self.order_known).nonzero().squeeze(-1)
        for name, value in (
            ("left", left),
            ("right", right),
            ("vector", vector),
            ("hidden", hidden),
            ("bins", sizes.to(left.dtype)),
            ("ranked", ranked),
            ("pi_k", k * torch.pi),
            ("log_k", torch.cat([torch.zeros(1), (1.0 + k).log()])),  # the score is not damped
        ):
            self.register_buffer(name, value, persistent=False)
        self.table = nn.Embedding(n_vectors, width)
        nn.init.normal_(self.table.weight, std=dim**-0.5)
        self.waves = nn.Parameter(torch.randn(dim, 1 + frequencies, width) * dim**-0.5)
        self.smoothness = nn.Parameter(torch.full((dim,), 1 / _HASTE))

    def forward(self, y: Tensor, visible: Tensor) -> Tensor:
        """Return the sum over columns, (B, W), of rows y (B, D) of which `visible` is known."""
        with torch.autocast(y.device.type, enabled=False):
            return self._sum(y, visible)

    def nothing(self) -> Tensor:
        """Return the sum for a row of which nothing is known, (1, W)."""
        row: Tensor = self.table(self.hidden).sum(0, keepdim=True)
        return row

    def reveal(self, row: Tensor, i: int, value: Tensor) -> Tensor:
        """Add to rows (B, W) what changes when cell i, until then hidden, takes a value (B,).

        Without gradients this is done in place: a sampler does it thousands of times.
        """
        with torch.autocast(row.device.type, enabled=False):
            return self._add(row, i, value)

    def _sum(self, y: Tensor, visible: Tensor) -> Tensor:
        vector, place = self._describe(torch.where(visible, y, 0.0))
        vector = torch.where(visible, vector, self.hidden)
        row = functional.embedding_bag(vector, self.table.weight, mode="sum")
        # Only for columns with an order: in many tables most have none, and would cost the most.
        waves = self._waves(place[:, self.ranked]) * visible[:, self.ranked].unsqueeze(-1)
        weight = self._weights(self.ranked)
        return torch.addmm(row, waves.flatten(1), weight.flatten(0, 1))

    def _add(self, row: Tensor, i: int, value: Tensor) -> Tensor:
        vector, place = self._describe(value.unsqueeze(-1), slice(i, i + 1))
        first = self.first[i]
        own = self.table.weight[first : self.first[i + 1]]
        at = vector[:, 0] - first
        # Whichever is less to subtract: there may be ten thousand vectors, or ten thousand rows.
        if len(own) < len(at):
            known = (own - own[0]).index_select(0, at)
        else:
            known = own.index_select(0, at) - own[0]
        row = row + known if row.requires_grad or known.requires_grad else row.add_(known)
        if not self.order_known[i]:
            return row
        waves = self._waves(place)[:, 0]
        weight = self._weights(i)
        return row.addmm(waves, weight) if weight.requires_grad else row.addmm_(waves, weight)

    def _describe(self, y: Tensor, at: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Return each cell's vector of the table and its place in [0, 1], (B, d) each."""
        left, right = self.left[at], self.right[at]
        y = y.to(left.dtype).t().contiguous()  # (d, B), as the bins are
        # The last bin that begins at or below y; the atom, if an atom and a bin begin there.
        found = torch.searchsorted(left, y, right=True).sub_(1).clamp_(min=0)
        before = (found - 1).clamp_(min=0)
        found = torch.where(
            (left.gather(1, before) == y) & (right.gather(1, before) == y), before, found
        )
        low, high = left.gather(1, found), right.gather(1, found)
        wide = high > low
        share = torch.where(wide, (y - low) / torch.where(wide, high - low, 1.0), 0.5).clamp(0, 1)
        place = ((found + share) / self.bins[at].unsqueeze(1)).t()
        return self.vector[at].gather(1, found).t(), place

    def _waves(self, place: Tensor) -> Tensor:
        """Return the normal scores and cosines (B, d, 1 + M) of places (B, d)."""
        score = torch.special.ndtri(place.clamp(_TAIL, 1 - _TAIL)).unsqueeze(-1)
        return torch.cat([score, (place.unsqueeze(-1) * self.pi_k).cos()], dim=-1)

    def _weights(self, at: Tensor | int) -> Tensor:
        """Return the damped vectors (..., 1 + M, W) of columns."""
        exponent = _HASTE * self.smoothness[at].unsqueeze(-1)
        return (-exponent * self.log_k).exp().unsqueeze(-1) * self.waves[at]


def _ends(coordinate: Coordinate) -> Tensor:
    """The bins (K, 2) of a column; its codes are atoms."""
    if coordinate.levels is None:
        return torch.tensor(coordinate.bins or ((0.0, 1.0),), dtype=torch.get_default_dtype())
    codes = torch.arange(coordinate.levels, dtype=torch.get_default_dtype())
    return torch.stack([codes, codes], dim=-1)
