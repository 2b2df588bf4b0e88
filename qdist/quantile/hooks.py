r"""What the author of a quantile-function object writes.

A law is described by its quantile function $Q(\tau)$. The author writes a few elementwise hooks
that may assume tensors of shape (S..., *batch) and of the right dtype; the public methods, the
checks and the broadcasting are those of [`QuantileFunction`][qdist.quantile.QuantileFunction].
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

import torch
from torch import Size, Tensor

from qdist.errors import UnsupportedError
from qdist.quantile.edge import TensorLike
from qdist.quantile.part import Part

__all__ = ["AbstractHooks"]


class AbstractHooks(ABC):
    r"""The hooks, with defaults where there is one.

    A class states what it can do in `can`, a subset of

        {"cdf", "log_prob", "crps", "mean", "variance", "sample", "rsample"}

    (`icdf` always, unless `cannot` names it); anything else raises `UnsupportedError` with the
    reason from `cannot`. It must
    implement `_icdf` and `_expand`, then the hooks of what it `can` do:

    - `_icdf(tau)`, `_isf(s)`: values at levels; `_isf` is $Q(1 - s)$, by default `_icdf(1 - s)`;
    - `_cdf(y)`, `_cdf_left(y)`, `_sf(y)`: by default the law has no atom and `_sf` is `1 - _cdf`;
    - `_log_prob(y)`, `_crps(y)`; `_mean()`, `_variance()`, of shape (*batch);
    - `_read(y)`: values in place of what else the class knows them by, such as names;
    - `_draw(tau)`: a draw for a uniform level, by default `_icdf`;
    - `_breakpoints()`: levels at which Q has a kink or a jump, by default none;
    - `_expand(batch_shape)`: the same laws over a larger batch;
    - `_take(part)`: the laws of a [`Part`][qdist.quantile.part.Part] of the batch, by default
      refused;
    - `extra_repr()`: what `repr` shows besides the batch shape.

    [`Affine`][qdist.quantile.Affine] is the shortest example.
    """

    can: frozenset[str] = frozenset()
    """What the object can do besides `icdf`."""
    cannot: Mapping[str, str] = {}
    """For each lacking capability, why and what to do about it."""

    def extra_repr(self) -> str:
        """What `repr` shows besides the batch shape."""
        return ""

    def _require(self, capability: str) -> None:
        if capability not in self.can:
            reason = self.cannot.get(capability, f"Use one of {sorted(self.can)}.")
            raise UnsupportedError(f"{type(self).__name__} has no {capability}. {reason}")

    @abstractmethod
    def _icdf(self, tau: Tensor) -> Tensor: ...

    @abstractmethod
    def _expand(self, batch_shape: Size) -> Self: ...

    def _take(self, part: Part) -> Self:
        raise UnsupportedError(
            f"{type(self).__name__} answers for its batch as a whole. Ask all of its laws, and "
            "index the answers."
        )

    def _read(self, y: TensorLike) -> TensorLike:
        return y

    def _isf(self, s: Tensor) -> Tensor:
        return self._icdf(1 - s)

    def _cdf(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self._cdf(y)

    def _sf(self, y: Tensor) -> Tensor:
        return 1 - self._cdf(y)

    def _log_prob(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def _crps(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def _mean(self) -> Tensor:
        raise NotImplementedError

    def _variance(self) -> Tensor:
        raise NotImplementedError

    def _draw(self, tau: Tensor) -> Tensor:
        return self._icdf(tau)

    def _breakpoints(self) -> Tensor:
        return torch.empty(0, dtype=torch.float64)
