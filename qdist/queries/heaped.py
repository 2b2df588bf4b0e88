"""The law of a heaped column's grid index, from the law on its stretched axis."""

from typing import Self, final

import torch
from torch import Size, Tensor

from qdist.codecs.heaps import Heaps
from qdist.quantile import PiecewiseLinear, QuantileFunction

__all__ = ["Heaped"]


@final
class Heaped(QuantileFunction):
    """Index j where the stretched axis lies in the cell of j; every index is an atom.

    Args:
        base: The law on the stretched axis.
        heaps: The stretch.
        validate_args: Whether arguments are checked.

    Example:
        Uniform over ten places of the axis, of which the cell of index 0 takes nine.

        >>> import torch
        >>> base = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-5.0, 5.0]))
        >>> law = Heaped(base, Heaps(stride=10, offset=0, share=0.9))
        >>> law.icdf(torch.tensor([0.03, 0.5, 0.9])).tolist(), law.cdf_left(0.0).item()
        ([-2.0, 0.0, 0.0], 0.05...)
    """

    can = frozenset({"cdf"})  # all that questions in a column's own type need

    def __init__(
        self, base: PiecewiseLinear, heaps: Heaps, *, validate_args: bool | None = None
    ) -> None:
        self.base, self.heaps = base, heaps
        super().__init__(
            base.batch_shape, dtype=base.dtype, device=base.device, validate_args=validate_args
        )

    def _expand(self, batch_shape: Size) -> Self:
        return type(self)(
            self.base.expand(batch_shape), self.heaps, validate_args=self._validate_args
        )

    def _index(self, w: Tensor) -> Tensor:
        return torch.as_tensor(self.heaps.gather(w.numpy())).to(w).add(0.5).floor()

    def _edge(self, z: Tensor) -> Tensor:
        return torch.as_tensor(self.heaps.spread(z.numpy())).to(z)

    def _icdf(self, tau: Tensor) -> Tensor:
        return self._index(self.base._icdf(tau))

    def _isf(self, s: Tensor) -> Tensor:
        return self._index(self.base._isf(s))

    def _cdf(self, y: Tensor) -> Tensor:
        return self.base._cdf(self._edge(y.floor() + 0.5))

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self.base._cdf(self._edge(y.ceil() - 0.5))

    def _sf(self, y: Tensor) -> Tensor:
        return self.base._sf(self._edge(y.floor() + 0.5))
