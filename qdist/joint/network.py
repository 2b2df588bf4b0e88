"""What joints of one network share: a backbone that gives contexts, and heads that read them."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone
from qdist.errors import InputError, UnsupportedError
from qdist.heads import ColumnHeads
from qdist.joint.base import AbstractJoint
from qdist.joint.branches import Contexts
from qdist.joint.hidden import Draw
from qdist.joint.levels import PAST, check_levels_are_read, law_of, loss_at_levels
from qdist.quantile import QuantileFunction

__all__ = ["NetworkJoint"]


class NetworkJoint(AbstractJoint):
    """A joint law over (backbone, heads).

    Args:
        backbone: Any backbone.
        heads: One head for each coordinate.
        conditioning: The coordinates that are conditioning variables x.

    Raises:
        InputError: If heads and backbone differ in D, or a conditioning variable is none of D.
        UnsupportedError: If the backbone sees levels that the heads do not read.
    """

    def __init__(
        self, backbone: AbstractBackbone, heads: ColumnHeads, *, conditioning: Sequence[int] = ()
    ) -> None:
        if len(heads) != backbone.dim:
            raise InputError(
                f"Expected one head for each of the {backbone.dim} coordinates of backbone "
                f"{backbone.name!r}; got {len(heads)}. Build both from the same domain."
            )
        super().__init__(backbone.dim, conditioning=conditioning)
        check_levels_are_read(backbone, heads)
        self.backbone = backbone
        self.heads = heads

    def start(self, y: Tensor, *, weight: Tensor | None = None) -> None:
        """Let the heads take first parameters from training rows y (N, D) of weights (N,)."""
        self.heads.start(y, weight=weight)

    def _check_rank(self, rank: Tensor) -> None:
        self._check_own_rank(rank)
        self.backbone.check_rank(rank)

    @abstractmethod
    def _check_own_rank(self, rank: Tensor) -> None:
        """Raises UnsupportedError for ranks that would be another joint."""

    def _loss(
        self, y: Tensor, rank: Tensor, where: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        if self.backbone.sees_levels != "none":
            return loss_at_levels(
                self.backbone, self.heads, y, rank, where=where, generator=generator
            )
        cells = self.heads.cells(where)
        h = self.backbone.cells(y, rank, row=cells.row, column=cells.column)
        return self.heads.loss_of_cells(h, y, cells=cells, generator=generator)

    def _law(self, i: int, content: Tensor) -> QuantileFunction:
        """The law of coordinate i given contents (B, K)."""
        return law_of(self.backbone, self.heads[i], content)

    def _value(
        self, i: int, contexts: Contexts, tau: Tensor, read: str, *, draw: Draw | None = None
    ) -> Tensor:
        """The values of coordinate i at levels tau (B,), given what steppers say of B rows."""
        if draw is not None and self.backbone.sees_levels == "past":
            raise UnsupportedError(
                f"Values are drawn from laws by a draw of one's own, but {PAST}"
            )
        if draw is not None:
            return draw(i, self._law(i, contexts.each()), tau)
        if read == "law" and self.backbone.sees_levels != "past":
            return self._law(i, contexts.each()).icdf(tau)
        if self.backbone.sees_levels == "own":
            contexts = Contexts(self.backbone.at_levels(contexts.each(), tau))
        if contexts.row is None:
            return self.heads[i].value_at(contexts.h, tau)
        return self.heads[i].value_of(contexts.h, tau, row=contexts.row)
