"""The same questions under the names that scipy, numpy and others give them."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from qdist.quantile.edge import TensorLike
from qdist.quantile.hooks import AbstractHooks
from qdist.rng import seed_of

__all__ = ["Names"]


class Names(AbstractHooks, Distribution):
    """Other names of what a law can be asked. `sf`, `isf` and `interval` are scipy's as they are.

    Example:
        >>> import torch
        >>> from qdist.quantile import PiecewiseLinear
        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 4.0]))
        >>> law.ppf(0.25), law.pdf(0.5), law.median
        (tensor(1.), tensor(0.2500), tensor(2.))
        >>> torch.equal(law.rvs(3, random_state=0), law.rvs(3, random_state=0))
        True
    """

    device: torch.device

    @abstractmethod
    def icdf(self, tau: TensorLike) -> Tensor:
        """Quantiles at the levels `tau`."""

    @abstractmethod
    def log_prob(self, y: TensorLike) -> Tensor:
        """Log density at `y`; at an atom, the log of its mass."""

    @abstractmethod
    def sample(
        self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draws without gradient."""

    def ppf(self, tau: TensorLike) -> Tensor:
        """The name of scipy for [`icdf`][qdist.quantile.QuantileFunction.icdf]."""
        return self.icdf(tau)

    def logpdf(self, y: TensorLike) -> Tensor:
        """The name of scipy for [`log_prob`][qdist.quantile.QuantileFunction.log_prob]."""
        return self.log_prob(y)

    def prob(self, y: TensorLike) -> Tensor:
        """Density at `y`; at an atom, its mass: the exponential of `log_prob`."""
        return self.log_prob(y).exp()

    def pdf(self, y: TensorLike) -> Tensor:
        """The name of scipy for [`prob`][qdist.quantile.names.Names.prob]."""
        return self.prob(y)

    @property
    def median(self) -> Tensor:
        """Median, shape (*batch): the quantile at the level 1/2."""
        return self.icdf(0.5)

    @property
    def std(self) -> Tensor:
        """The name of numpy and scipy for `stddev`, the root of the variance, shape (*batch)."""
        return self.stddev

    def rvs(self, size: int | Sequence[int] | None = None, random_state: Any = None) -> Tensor:
        """The name of scipy for [`sample`][qdist.quantile.QuantileFunction.sample].

        Args:
            size: Shape of the draws of each law; a number is a shape of one axis.
            random_state: A seed, or a generator of torch or numpy; torch's global one if None.

        Returns:
            Draws, shape (*size, *batch).

        Raises:
            InputError: The size is no shape, or the random state none of these.
            UnsupportedError: "sample" is not in `can`.
        """
        generator = random_state
        if random_state is not None and not isinstance(random_state, torch.Generator):
            generator = torch.Generator(self.device).manual_seed(seed_of(random_state))
        shape = (int(size),) if isinstance(size, int | np.integer) else size
        return self.sample(() if shape is None else shape, generator=generator)
