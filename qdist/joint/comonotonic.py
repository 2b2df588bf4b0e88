r"""Comonotonic coordinates: each its own quantile function, one level shared by all."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone
from qdist.errors import InputError
from qdist.heads import ColumnHeads
from qdist.joint.hidden import Draw, by_icdf, check_levels
from qdist.joint.marginal import AbstractMarginals

__all__ = ["Comonotonic"]


@final
class Comonotonic(AbstractMarginals):
    r"""The joint $\min_i F_i(y_i \mid x)$: coordinates see x only, and share one level.

    All coordinates rise together along a curve, so there is no density over D > 1 coordinates. In
    `fill` the shared level is `tau[:, 0]`; the other columns of `tau` are not looked at. A value
    that is given (beyond x) confines the level to $[F_j(y_j-), F_j(y_j)]$, to which
    `tau[:, 0]` is scaled; values that lie on no common level have probability 0 together and are
    refused.

    Args:
        backbone: A backbone that serves equal ranks ("two_level" or "any").
        heads: One head for each coordinate.
        conditioning: The coordinates that are conditioning variables x.

    Raises:
        InputError: If heads and backbone differ in their number of coordinates.
        UnsupportedError: If the backbone cannot serve equal ranks.

    Example:
        Two coordinates that are uniform on (0, 1), whatever the weights.

        >>> import torch
        >>> from qdist.backbones import Coordinate, TableDomain
        >>> from qdist.heads import ColumnHeads
        >>> from qdist.registry import backbone
        >>> columns = tuple(Coordinate(name, bins=((0.0, 1.0),)) for name in "ab")
        >>> net = backbone("mlp")(TableDomain(columns), width=8)
        >>> heads = ColumnHeads.build(columns, "binned", net.context)
        >>> Comonotonic(net, heads).cdf(torch.tensor([[0.5, 0.25]])).item()  # the least
        0.25
    """

    name = "comonotonic"
    cannot = {  # noqa: RUF012 - a constant
        "log_prob": "all coordinates share one level, so the law lives on a curve and has no "
        "density. Use `cdf`, or the independent or autoregressive joint.",
        "rosenblatt": "all coordinates share one level, so the levels of a row are not "
        "independent. Use the independent or autoregressive joint.",
    }

    def __init__(
        self, backbone: AbstractBackbone, heads: ColumnHeads, *, conditioning: Sequence[int] = ()
    ) -> None:
        super().__init__(backbone, heads, conditioning=conditioning)
        modelled = backbone.dim - len(self.conditioning)
        self.can = frozenset({"cdf", "log_prob"} if modelled == 1 else {"cdf"})

    def _fill(
        self,
        y: Tensor,
        visible: Tensor,
        tau: Tensor,
        order: Tensor | Sequence[int] | None,
        draw: Draw | None,
        read: str,
    ) -> Tensor:
        del read  # coordinates that rise together are read as laws
        # The first column counts even where its cell is visible, unless there is nothing to draw.
        check_levels(tau[:, :1], visible.all(1, keepdim=True))
        lower, upper = self._confine(y, visible)
        level = lower + tau[:, 0].to(lower.dtype) * (upper - lower)
        draw = by_icdf if draw is None else draw
        filled = y.clone()
        for i, rows, law in self._parts(y, visible, order):
            at = slice(None) if rows is None else rows
            filled[at, i] = draw(i, law, level[at]).to(y.dtype)
        return filled

    def _confine(self, y: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """The interval of levels, each of shape (B,), that the given values leave."""
        lower, upper = torch.zeros_like(y[:, 0]), torch.ones_like(y[:, 0])
        not_given = ~visible
        not_given[:, list(self.conditioning)] = True
        if bool(not_given.all()):
            return lower, upper
        # `_marginals` gives the laws of what is hidden: here, of the given cells.
        for i, rows, law in self._marginals(y, not_given):
            at = slice(None) if rows is None else rows
            lower[at] = torch.maximum(lower[at], law.cdf_left(y[at, i]).to(y.dtype))
            upper[at] = torch.minimum(upper[at], law.cdf(y[at, i]).to(y.dtype))
        # Continuous values of one level agree only up to rounding.
        if bool((lower > upper + torch.finfo(y.dtype).eps ** 0.5).any()):
            raise InputError(
                "Expected given values that lie on one common level; got a row in which they do "
                "not, which has probability 0 in the comonotonic joint. Give one value a row, or "
                "use the autoregressive joint."
            )
        return lower, torch.maximum(lower, upper)

    def _cdf(self, y: Tensor, visible: Tensor) -> Tensor:
        factors = [law.cdf(y[:, i]) for i, _, law in self._marginals(y, visible)]
        return torch.stack(factors).amin(0)
