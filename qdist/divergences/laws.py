"""The laws that can be compared, seen through one interface of float64 arrays."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from scipy.stats import distributions
from torch import Tensor

from qdist.divergences.quadrature import Array
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.frozen import Frozen

__all__ = ["Law", "law_of"]

_MOST_ATOMS = 2**16


class Law(Protocol):
    """What the quadratures ask of a law: float64 arrays in and out."""

    def ppf(self, tau: Array) -> Array:
        """Quantiles at lower levels."""

    def isf(self, s: Array) -> Array:
        """Quantiles at upper levels."""

    def cdf(self, x: Array) -> Array:
        """Mass up to and including x."""

    def sf(self, x: Array) -> Array:
        """Mass above x."""

    def breaks(self) -> tuple[Array, Array]:
        """Levels of the kinks and jumps of the quantile function: tau, and 1 - tau."""


class _Torch:
    """A quantile object seen through arrays."""

    def __init__(self, law: QuantileFunction) -> None:
        if law.batch_shape != ():
            raise InputError(
                f"Expected a single law with batch shape (); got {tuple(law.batch_shape)}. "
                "Compare the laws of a batch one by one: law[i] is one of them."
            )
        if law.dtype != torch.float64:
            raise InputError(
                f"Expected a law in torch.float64; got {law.dtype}. Build it from float64 "
                "tensors, because a distance is a small difference of large numbers."
            )
        self._law = law

    def _call(self, f: Callable[[Tensor], Tensor], x: Array) -> Array:
        with torch.no_grad():
            out = f(torch.as_tensor(x, dtype=torch.float64, device=self._law.device))
        result: Array = out.cpu().numpy()
        return result

    def ppf(self, tau: Array) -> Array:
        return self._call(self._law.icdf, tau)

    def isf(self, s: Array) -> Array:
        return self._call(self._law.isf, s)

    def cdf(self, x: Array) -> Array:
        return self._call(self._law.cdf, x)

    def sf(self, x: Array) -> Array:
        return self._call(self._law.sf, x)

    def breaks(self) -> tuple[Array, Array]:
        tau = np.asarray(self._law.breakpoints().cpu().numpy(), dtype=np.float64)
        return tau, 1 - tau


class _Scipy:
    """A frozen scipy law."""

    def __init__(self, frozen: Any) -> None:
        median = frozen.ppf(0.5)
        if np.ndim(median) != 0:
            raise InputError(
                "Expected a frozen law with scalar parameters; got arrays. "
                "Compare the laws of a batch one by one."
            )
        if not np.isfinite(median):
            raise InputError(
                f"Expected a law with a median; got {median}. Check the parameters against those "
                "that scipy.stats allows."
            )
        self._frozen = frozen

    def ppf(self, tau: Array) -> Array:
        return np.asarray(self._frozen.ppf(tau), dtype=np.float64)

    def isf(self, s: Array) -> Array:
        return np.asarray(self._frozen.isf(s), dtype=np.float64)

    def cdf(self, x: Array) -> Array:
        return np.asarray(self._frozen.cdf(x), dtype=np.float64)

    def sf(self, x: Array) -> Array:
        return np.asarray(self._frozen.sf(x), dtype=np.float64)

    def breaks(self) -> tuple[Array, Array]:
        tau = Frozen(self._frozen).breakpoints().numpy()  # the bins of a histogram
        return tau, 1 - tau


class _ScipyDiscrete:
    """A frozen discrete scipy law, by a table of its atoms: its own isf is not exact far out."""

    def __init__(self, frozen: Any) -> None:
        low, high = frozen.support()
        if "xk" in vars(frozen.dist):  # rv_discrete(values=...)
            atoms = frozen.dist.xk - frozen.dist.xk.min() + low
            below = np.cumsum(frozen.dist.pk)
            above = np.append(np.cumsum(frozen.dist.pk[:0:-1])[::-1], 0.0)
        else:
            low = low if np.isfinite(low) else frozen.ppf(1e-15)
            size = high - low if np.isfinite(high) else 64
            while not np.isfinite(high) and frozen.sf(low + size) > 1e-100 and size <= _MOST_ATOMS:
                size *= 2
            if size > _MOST_ATOMS:
                raise InputError(
                    f"Expected a discrete law with at most {_MOST_ATOMS} atoms; got more. "
                    "Use a continuous law that is close to it."
                )
            atoms = low + np.arange(int(size) + 1)
            below, above = frozen.cdf(atoms), frozen.sf(atoms)
        self._atoms = np.asarray(atoms, dtype=np.float64)
        self._below, self._above = below, above

    def ppf(self, tau: Array) -> Array:
        k = np.searchsorted(self._below, tau)
        return self._atoms[np.minimum(k, self._atoms.size - 1)]

    def isf(self, s: Array) -> Array:
        k = np.searchsorted(-self._above, -s)
        return self._atoms[np.minimum(k, self._atoms.size - 1)]

    def cdf(self, x: Array) -> Array:
        k = np.searchsorted(self._atoms, x, side="right")
        return np.append(0.0, self._below)[k]

    def sf(self, x: Array) -> Array:
        k = np.searchsorted(self._atoms, x, side="right")
        return np.append(1.0, self._above)[k]

    def breaks(self) -> tuple[Array, Array]:
        return self._below[:-1], self._above[:-1]


def law_of(law: object) -> Law:
    """The arrays' view of one of our quantile objects or of a frozen scipy law.

    Args:
        law: A `QuantileFunction` with batch shape () in float64, or a frozen `scipy.stats` law.

    Returns:
        The same law.

    Raises:
        InputError: It is neither, or a batch, or not in float64.
    """
    if isinstance(law, QuantileFunction):
        return _Torch(law)
    if isinstance(law, distributions.rv_frozen) and isinstance(
        law.dist, distributions.rv_discrete
    ):
        return _ScipyDiscrete(law)
    if isinstance(law, distributions.rv_frozen):
        return _Scipy(law)
    raise InputError(
        f"Expected a qdist quantile object or a frozen scipy law; got {type(law).__name__}. "
        "Build one, for example qdist.quantile.Empirical(samples) or scipy.stats.norm(0, 1)."
    )
