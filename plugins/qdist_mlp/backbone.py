r"""A residual MLP over the visible cells of a row: any column given any others.

Each row is told which of its cells are visible. What is hidden does not enter, so that one network
serves all $2^D$ conditioning sets ("two levels of rank": visible 0, hidden 1).

Source: "Autoregressive Diffusion Models" (Hoogeboom et al., 2022) for training over random visible
sets, https://arxiv.org/abs/2110.02037; "Deep Residual Learning" (He et al., 2015).
"""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.arguments import number
from qdist.backbones import AbstractBackbone, AbstractStepper, BranchingStepper, TableDomain
from qdist.dropout import dropped
from qdist.errors import InputError
from qdist_mlp.embedding import RowEmbedding

__all__ = ["MaskedMLP"]

# Rows that a stepper sends through the trunk at once: few enough to stay in the cache on the way.
_IN_CACHE = 2048


@final
class ResidualBlock(nn.Module):
    """Adds to x a two-layer network of the normalised x; the identity before training.

    Shape:
        (*, width) -> (*, width).
    """

    def __init__(self, width: int, *, expansion: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)
        self.dropout = dropout
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor, *, drop: bool) -> Tensor:
        """Return x plus its residual, with dropout or without."""
        inner = functional.silu(self.up(self.norm(x)))
        if drop:
            inner = dropped(inner, self.dropout)
        residual: Tensor = self.down(inner)
        return residual.add_(x)


@final
class MaskedMLP(AbstractBackbone):
    """The backbone `mlp`: a row embedding, then residual blocks, shared by all columns.

    All hidden columns of a row get the same context, from which each head reads its own. Contexts
    are differences from that of a row of which nothing is known. That row's own context is
    therefore 0: there only a head's biases count, which hold the marginal law. A visible column's
    context is 0 too, as the law of ranks demands.

    Args:
        domain: The table's columns.
        width: Width of the network, which is the length C of a context.
        blocks: Number of residual blocks.
        expansion: Inner width of a block, in widths.
        dropout: Share of inner units dropped in training, rounded to a multiple of 1 / 256.
        frequencies: Number of cosines that describe a number.

    Raises:
        InputError: If the domain is not a table, or an argument is not positive.

    Example:
        >>> import torch
        >>> from qdist.backbones import Coordinate
        >>> domain = TableDomain((Coordinate("a", bins=((0.0, 0.5), (0.5, 1.0))),
        ...                       Coordinate("b", levels=3)))
        >>> net = MaskedMLP(domain, width=8, blocks=1)
        >>> net(torch.tensor([[0.3, 2.0]]), torch.tensor([0, 1])).shape  # a is known, b is not
        torch.Size([1, 2, 8])
    """

    name: ClassVar[str] = "mlp"
    serves: ClassVar[Literal["fixed", "two_level", "any"]] = "two_level"
    takes: ClassVar[type] = TableDomain

    def __init__(
        self,
        domain: TableDomain,
        *,
        width: int = 192,
        blocks: int = 2,
        expansion: int = 2,
        dropout: float = 0.1,
        frequencies: int = 64,
    ) -> None:
        super().__init__()
        if not isinstance(domain, TableDomain) or not domain.coordinates:
            raise InputError(
                f"Expected a table of at least one column for backbone 'mlp'; got {domain!r}. "
                "Use another backbone for images."
            )
        sizes = {"width": width, "blocks": blocks, "expansion": expansion}
        for name, size in {**sizes, "frequencies": frequencies}.items():
            number(f"{name} of backbone 'mlp'", size, least=1, whole=True)
        if not 0 <= dropout < 1:
            raise InputError(f"Expected dropout in [0, 1) for backbone 'mlp'; got {dropout}.")
        self.dim, self.context = len(domain.coordinates), width
        self.embed = RowEmbedding(domain.coordinates, width=width, frequencies=frequencies)
        self.blocks = nn.ModuleList(
            ResidualBlock(width, expansion=expansion, dropout=dropout) for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, y: Tensor, rank: Tensor, *, tau: Tensor | None = None) -> Tensor:
        """Return contexts (B, D, C); see `AbstractBackbone.forward`."""
        del tau  # levels enter in the heads only
        hidden, visible = self._hidden(y, rank)
        return hidden.unsqueeze(1) * (~visible).unsqueeze(2)

    def cells(self, y: Tensor, rank: Tensor, *, row: Tensor, column: Tensor) -> Tensor:
        """Return contexts (N, C) of cells, without making those of all cells.

        In training that is a seventh of a step: a row's context is the same for all its columns.
        """
        hidden, visible = self._hidden(y, rank)
        with_zero = functional.pad(hidden, (0, 0, 0, 1))  # for visible cells
        return with_zero.index_select(0, torch.where(visible[row, column], len(y), row))

    def _hidden(self, y: Tensor, rank: Tensor) -> tuple[Tensor, Tensor]:
        """The context (B, C) of a row's hidden cells, and what is visible, (B, D)."""
        rank = rank.expand(y.shape)
        visible = rank < rank.amax(-1, keepdim=True)
        return self.read(self.embed(y, visible)) - self.origin(), visible

    def read(self, row: Tensor) -> Tensor:
        """Return what the trunk makes of embedded rows (B, W): (B, C), before centring."""
        for block in self.blocks:
            row = block(row, drop=self.training)
        read: Tensor = self.norm(row)
        return read

    def origin(self) -> Tensor:
        """Return what the trunk makes of a row of which nothing is known, (1, C).

        Without dropout, whose noise would be the same for all rows of a batch.
        """
        row = self.embed.nothing()
        for block in self.blocks:
            row = block(row, drop=False)
        origin: Tensor = self.norm(row)
        return origin

    def stepper(self, y: Tensor, visible: Tensor, *, tau: Tensor | None = None) -> AbstractStepper:
        """Return a stepper that keeps the row embedding and adds the cell that became known."""
        del tau
        return _Stepper(self, y, visible)


@final
class _Stepper(BranchingStepper):
    def __init__(self, backbone: MaskedMLP, y: Tensor, visible: Tensor) -> None:
        self._backbone = backbone
        # Where nothing is known yet, the rows need no embedding of their own.
        known = bool(visible.any())
        nothing = backbone.embed.nothing()
        self._row = backbone.embed(y, visible) if known else nothing.repeat(len(y), 1)
        self._origin = backbone.origin()

    def context(self, i: int, *, rows: Tensor | None = None) -> Tensor:
        row = self._row if rows is None else self._row.index_select(0, rows)
        parts = [self._backbone.read(part).sub_(self._origin) for part in row.split(_IN_CACHE)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        reveal = self._backbone.embed.reveal
        if rows is None:
            self._row = reveal(self._row, i, value)
        else:
            self._row = self._row.index_copy(
                0, rows, reveal(self._row.index_select(0, rows), i, value)
            )

    def take(self, rows: Tensor) -> None:
        self._row = self._row.index_select(0, rows)
