r"""Independent coordinates: each its own quantile function and its own level."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from qdist.joint.hidden import Draw, by_icdf
from qdist.joint.marginal import AbstractMarginals

__all__ = ["Independent"]


@final
class Independent(AbstractMarginals):
    r"""The joint $\prod_i F_i(y_i \mid x)$: coordinates see x only, levels are independent.

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
        >>> Independent(net, heads).cdf(torch.tensor([[0.5, 0.25]])).item()  # the product
        0.125
    """

    name = "independent"
    can = frozenset({"cdf", "log_prob", "rosenblatt"})
    cannot = {}  # noqa: RUF012 - a constant

    def _fill(
        self,
        y: Tensor,
        visible: Tensor,
        tau: Tensor,
        order: Tensor | Sequence[int] | None,
        draw: Draw | None,
        read: str,
    ) -> Tensor:
        del read
        draw = by_icdf if draw is None else draw
        filled = y.clone()
        for i, rows, law in self._parts(y, visible, order):
            at = slice(None) if rows is None else rows
            filled[at, i] = draw(i, law, tau[at, i]).to(y.dtype)
        return filled

    def _cdf(self, y: Tensor, visible: Tensor) -> Tensor:
        factors = [law.cdf(y[:, i]) for i, _, law in self._marginals(y, visible)]
        return torch.stack(factors).prod(0)
