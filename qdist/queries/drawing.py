"""How levels become cells that must be on their grid, or not missing."""

from typing import final

import torch
from torch import Tensor

from qdist.codecs.curved import CurvedColumn
from qdist.codecs.table import TableCodec
from qdist.quantile import QuantileFunction

__all__ = ["OnGrid", "PresentOnly"]


@final
class OnGrid:
    """Draws what the cell will show: numbers of a grid move to the middle of their cell.

    So a later column sees what it would see in a row that is read, and turning levels into rows is
    exactly the inverse of turning rows into levels.

    Args:
        codec: The codec of the columns.
    """

    def __init__(self, codec: TableCodec) -> None:
        self._columns = [codec.column(name) for name in codec.names]

    def __call__(self, i: int, law: QuantileFunction, tau: Tensor) -> Tensor:
        """Values (R,) of column i at levels (R,)."""
        return self.snap(i, law.icdf(tau))

    def snap(self, i: int, value: Tensor) -> Tensor:
        """Values (R,) of column i, moved to their points of the grid."""
        column = self._columns[i]
        if not (isinstance(column, CurvedColumn) and column.axis.gridded):
            return value
        u = value.to("cpu", torch.float64).numpy()
        return torch.from_numpy(column.snap(u)).to(value)


@final
class PresentOnly:
    """Draws from the law given that the cell is not missing.

    Args:
        codec: The codec of the columns.
    """

    def __init__(self, codec: TableCodec) -> None:
        self._columns = [codec.column(name) for name in codec.names]
        self._on_grid = OnGrid(codec)

    def __call__(self, i: int, law: QuantileFunction, tau: Tensor) -> Tensor:
        """Values (R,) of column i at levels (R,), none of them missing."""
        column = self._columns[i]
        if column.missing_value is None:
            return self._on_grid(i, law, tau)
        if isinstance(column, CurvedColumn):
            curve = column.curve  # missing comes first: what lies below its end is left out
            mass = law.cdf_left(curve.missing).to(tau)
            top = 1 - torch.finfo(tau.dtype).eps / 2
            cut = torch.maximum(mass + tau * (1 - mass), torch.nextafter(mass, tau.new_tensor(2)))
            value = law.icdf(cut.clamp(max=top)).to(tau)
            # Where the law has nothing else, the marginal stands in for it.
            marginal = curve.missing + tau * (1 - curve.missing)
            return self._on_grid.snap(i, torch.where(value < curve.missing, marginal, value))
        last = column.missing_value  # the code after the last level
        mass = law.cdf_left(last).to(tau)
        return law.icdf(tau * mass).to(tau).clamp(max=last - 1)
