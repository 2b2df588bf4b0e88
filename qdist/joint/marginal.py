"""What the two joints of marginals share: every coordinate sees x, and nothing else."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone
from qdist.errors import UnsupportedError
from qdist.heads import ColumnHeads
from qdist.joint.hidden import Part, hidden_rows
from qdist.joint.levels import PAST
from qdist.joint.network import NetworkJoint

__all__ = ["AbstractMarginals"]


class AbstractMarginals(NetworkJoint):
    """A joint law made of the marginals given x; a concrete one says how they go together.

    Args:
        backbone: A backbone that serves equal ranks ("two_level" or "any").
        heads: One head for each coordinate.
        conditioning: The coordinates that are conditioning variables x.

    Raises:
        InputError: If heads and backbone differ in D, or a conditioning variable is none of D.
        UnsupportedError: If the backbone always chains its coordinates.
    """

    def __init__(
        self, backbone: AbstractBackbone, heads: ColumnHeads, *, conditioning: Sequence[int] = ()
    ) -> None:
        super().__init__(backbone, heads, conditioning=conditioning)
        if backbone.serves == "fixed" and self.dim > 1:
            raise UnsupportedError(
                f"The {self.name} joint needs contexts that see x only (equal ranks); got "
                f"backbone {backbone.name!r}, which serves the order 0 ... {self.dim - 1} only. "
                "Use the autoregressive joint, or a backbone that serves any visible set."
            )
        if backbone.sees_levels == "past":
            raise UnsupportedError(f"The {self.name} joint needs laws given x alone, but {PAST}")

    def _default_rank(self) -> Tensor:
        rank = torch.zeros(self.dim, dtype=torch.long)
        rank[list(self.conditioning)] = -1
        return rank

    def _check_own_rank(self, rank: Tensor) -> None:
        if bool((rank > 0).any()):
            raise UnsupportedError(
                f"The {self.name} joint lets a coordinate see x only: expected ranks 0, and -1 "
                f"for x; got up to {int(rank.max())}. Leave `rank` out, or use the autoregressive "
                "joint."
            )

    def _marginals(self, y: Tensor, visible: Tensor) -> Iterator[Part]:
        """The laws of the hidden coordinates given x alone."""
        h = self.backbone.content(y, self._default_rank().to(y.device))
        for i, rows in hidden_rows(visible):
            yield i, rows, self._law(i, h[:, i] if rows is None else h[rows, i])

    def _parts(
        self, y: Tensor, visible: Tensor, order: Tensor | Sequence[int] | None
    ) -> Iterator[Part]:
        del order  # the law does not depend on it
        return self._marginals(y, visible)
