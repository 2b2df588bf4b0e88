r"""What a user calls on every quantile-function object, checked and broadcast in one place.

The formulae are the hooks of the class (see `hooks.py`); here are the public methods, the checks
and the broadcasting.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import Size, Tensor
from torch.distributions import constraints

from qdist.errors import InputError, UnsupportedError
from qdist.quantile import edge
from qdist.quantile.batch import Batch
from qdist.quantile.edge import TensorLike, align, check_expands, check_shares, floating, uniform
from qdist.quantile.names import Names
from qdist.quantile.refused import Refused

__all__ = ["QuantileFunction"]


class QuantileFunction(Batch, Names, Refused):
    r"""Abstract base of the laws that are described by their quantile function.

    An object holds plain tensors, no parameters. Values broadcast as in `torch.distributions`: an
    argument of shape (S..., *batch), or one that broadcasts to it, gives a result of that shape.

    Conventions: `icdf` is left-continuous, $Q(\tau) = \inf\{y : F(y) \ge \tau\}$; `cdf` is
    right-continuous; `cdf_left(y)` is $F(y-)$, so an atom is where the two differ. `log_prob` is
    against Lebesgue measure plus the counting measure on the atoms: at an atom it is the log of
    its mass, elsewhere the log of the density.

    A concrete class is final: it calls `super().__init__` and implements the hooks of
    [`AbstractHooks`][qdist.quantile.hooks.AbstractHooks].

    Args:
        batch_shape: Shape of the batch of laws.
        dtype: Of the values.
        device: Of the values.
        validate_args: Whether arguments are checked; the default of `torch.distributions` if None.
    """

    arg_constraints = {}  # noqa: RUF012 - declared by torch as a plain attribute

    def __init__(
        self,
        batch_shape: Size,
        *,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        validate_args: bool | None = None,
    ) -> None:
        self.dtype, self.device = floating(dtype), torch.device(device)
        super().__init__(batch_shape, validate_args=validate_args)

    # -- quantiles

    def icdf(self, tau: TensorLike) -> Tensor:
        """Quantiles at the levels `tau`.

        Args:
            tau: Levels in [0, 1], shape (S..., *batch).

        Returns:
            Values, shape (S..., *batch), non-decreasing in `tau`.

        Raises:
            InputError: A level lies outside [0, 1], or the shape does not broadcast.
        """
        law, tau = self._enter_levels(tau)
        return law._icdf(tau)

    def isf(self, s: TensorLike) -> Tensor:
        r"""Quantiles $Q(1 - s)$; laws with an upper tail keep the digits of a tiny `s`.

        Args:
            s: Upper levels in [0, 1], shape (S..., *batch).

        Returns:
            Values, shape (S..., *batch), non-increasing in `s`.

        Raises:
            InputError: A level lies outside [0, 1], or the shape does not broadcast.
        """
        law, s = self._enter_levels(s)
        return law._isf(s)

    def quantiles(self, levels: TensorLike) -> Tensor:
        """The same levels for every law of the batch, levels last.

        Args:
            levels: Levels in [0, 1], shape (T,).

        Returns:
            Values, shape (*batch, T).

        Raises:
            InputError: `levels` is not one-dimensional, or a level lies outside [0, 1].
        """
        levels = edge.as_tensor(levels, dtype=self.dtype, device=self.device)
        if levels.dim() != 1:
            raise InputError(
                f"Expected levels of shape (T,); got {tuple(levels.shape)}. "
                "Use icdf for levels that differ within the batch."
            )
        columns = levels.reshape(-1, *[1] * len(self.batch_shape))
        return self.icdf(columns).movedim(0, -1)

    def interval(self, coverage: TensorLike) -> tuple[Tensor, Tensor]:
        """The central interval that holds `coverage` of the mass.

        Args:
            coverage: Share of the mass in [0, 1], shape (S..., *batch).

        Returns:
            Lower and upper end, each of shape (S..., *batch).

        Raises:
            InputError: The coverage lies outside [0, 1], or the shape does not broadcast.
        """
        coverage = edge.as_tensor(coverage, dtype=self.dtype, device=self.device)
        if self._validate_args:
            check_shares(coverage, "a coverage", "Give 0.9 for a 90 % interval.")
        tail = (1 - coverage) / 2
        return self.icdf(tail), self.isf(tail)

    def breakpoints(self) -> Tensor:
        """Levels inside (0, 1) at which the quantile function has a kink or a jump.

        Quadrature over levels is accurate between them.

        Returns:
            Increasing levels, float64, shape (N,).

        Raises:
            UnsupportedError: The object is a batch of laws.
        """
        if "icdf" in self.cannot:
            self._require("icdf")
        if len(self.batch_shape) > 0:
            raise UnsupportedError(
                f"Expected a single law with batch shape (); got {tuple(self.batch_shape)}. "
                "Ask each law of the batch for its own breakpoints: law[i].breakpoints()."
            )
        levels = np.unique(self._breakpoints().detach().to("cpu", torch.float64).numpy())
        return torch.from_numpy(levels[(levels > 0) & (levels < 1)])

    # -- probabilities

    def cdf(self, y: TensorLike) -> Tensor:
        """Probability of values up to and including `y`.

        Args:
            y: Values, shape (S..., *batch).

        Returns:
            Levels, shape (S..., *batch), right-continuous in `y`.

        Raises:
            InputError: The shape does not broadcast.
            UnsupportedError: "cdf" is not in `can`.
        """
        self._require("cdf")
        law, y = self._enter(y)
        return law._cdf(y)

    def cdf_left(self, y: TensorLike) -> Tensor:
        """Probability of values strictly below `y`.

        The mass at `y` is what `cdf` has more.

        Args:
            y: Values, shape (S..., *batch).

        Returns:
            Levels, shape (S..., *batch), left-continuous in `y`.

        Raises:
            InputError: The shape does not broadcast.
            UnsupportedError: "cdf" is not in `can`.
        """
        self._require("cdf")
        law, y = self._enter(y)
        return law._cdf_left(y)

    def sf(self, y: TensorLike) -> Tensor:
        """Probability of values strictly above `y`; in an upper tail accurate where it is tiny.

        Args:
            y: Values, shape (S..., *batch).

        Returns:
            Probabilities, shape (S..., *batch).

        Raises:
            InputError: The shape does not broadcast.
            UnsupportedError: "cdf" is not in `can`.
        """
        self._require("cdf")
        law, y = self._enter(y)
        return law._sf(y)

    def log_prob(self, y: TensorLike) -> Tensor:
        """Log density at `y`; at an atom, the log of its mass.

        Args:
            y: Values, shape (S..., *batch).

        Returns:
            Log densities or log masses, shape (S..., *batch); minus infinity off the support.

        Raises:
            InputError: The shape does not broadcast.
            UnsupportedError: "log_prob" is not in `can`.
        """
        self._require("log_prob")
        law, y = self._enter(y)
        return law._log_prob(y)

    def pit(self, y: TensorLike, *, generator: torch.Generator | None = None) -> Tensor:
        r"""Probability integral transform, randomised at atoms.

        Uniform on $[F(y-), F(y)]$, hence uniform on [0, 1] where `y` follows the law.

        Args:
            y: Values, shape (S..., *batch).
            generator: Source of the randomness.

        Returns:
            Levels, shape (S..., *batch).

        Raises:
            InputError: The shape does not broadcast, or the generator is none of torch.
            UnsupportedError: "cdf" is not in `can`.
        """
        self._require("cdf")
        law, y = self._enter(y)
        below, upto = law._cdf_left(y), law._cdf(y)
        u = uniform(y.shape, dtype=self.dtype, device=self.device, generator=generator)
        return below + u * (upto - below)

    # -- scores and moments

    def crps(self, y: TensorLike) -> Tensor:
        r"""Continuous ranked probability score, $\int (F(x) - 1\{x \ge y\})^2 dx$.

        Source: "Strictly Proper Scoring Rules, Prediction, and Estimation" (Gneiting and Raftery,
        2007), equation 20.

        Args:
            y: Observed values, shape (S..., *batch).

        Returns:
            Scores, shape (S..., *batch), in the unit of `y`; less is better.

        Raises:
            InputError: The shape does not broadcast.
            UnsupportedError: "crps" is not in `can`.
        """
        self._require("crps")
        law, y = self._enter(y)
        return law._crps(y)

    @property
    def mean(self) -> Tensor:
        """Mean, shape (*batch)."""
        self._require("mean")
        return self._mean()

    @property
    def variance(self) -> Tensor:
        """Variance, shape (*batch); `stddev` is its root."""
        self._require("variance")
        return self._variance()

    # -- draws

    def sample(
        self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draws without gradient.

        Args:
            sample_shape: Shape of the draws, S.
            generator: Source of the randomness.

        Returns:
            Draws, shape (S..., *batch).

        Raises:
            InputError: The sample shape is no shape, or the generator none of torch.
            UnsupportedError: "sample" is not in `can`.
        """
        self._require("sample")
        with torch.no_grad():
            return self._draw(self._uniform(sample_shape, generator))

    def rsample(
        self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None
    ) -> Tensor:
        r"""Draws $Q(U)$ that carry the gradient with respect to the tensors of the object.

        Args:
            sample_shape: Shape of the draws, S.
            generator: Source of the randomness.

        Returns:
            Draws, shape (S..., *batch).

        Raises:
            InputError: The sample shape is no shape, or the generator none of torch.
            UnsupportedError: "rsample" is not in `can`.
        """
        self._require("rsample")
        return self._draw(self._uniform(sample_shape, generator))

    # -- torch.distributions

    def expand(self, batch_shape: Size | Sequence[int], _instance: object = None) -> Self:
        """The same laws over a larger batch, without copies where torch allows.

        Args:
            batch_shape: The new batch shape, to which the present one must broadcast.

        Returns:
            An object of the same class.

        Raises:
            InputError: The batch shape does not broadcast to the new one.
        """
        del _instance  # the argument of torch, of no use to a class that rebuilds itself
        shape = edge.check_shape(batch_shape)
        if shape == self.batch_shape:
            return self
        check_expands(self.batch_shape, shape)
        return self._expand(shape)

    @property
    def support(self) -> constraints.Constraint:
        """The real line: no value is refused, one off the support has density 0."""
        return constraints.real

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether "rsample" is in `can`."""
        return "rsample" in self.can

    def __repr__(self) -> str:
        parts = filter(None, (f"batch_shape={tuple(self.batch_shape)}", self.extra_repr()))
        return f"{type(self).__name__}({', '.join(parts)})"

    # -- the edge

    def _enter(self, y: TensorLike) -> tuple[Self, Tensor]:
        """Values as a tensor of shape (S..., *batch), and the law with that batch."""
        return self._fit(self._read(y))

    def _fit(self, value: TensorLike, *, advice: str = "") -> tuple[Self, Tensor]:
        value = edge.as_tensor(value, dtype=self.dtype, device=self.device)
        value = align(value, self.batch_shape, advice=advice)
        return self.expand(value.shape[value.dim() - len(self.batch_shape) :]), value

    def _enter_levels(self, tau: TensorLike) -> tuple[Self, Tensor]:
        if "icdf" in self.cannot:
            self._require("icdf")
        law, tau = self._fit(tau, advice=" For the same levels of every law call quantiles.")
        if self._validate_args:
            edge.check_levels(tau)
        return law, tau

    def _uniform(
        self, sample_shape: Size | Sequence[int], generator: torch.Generator | None
    ) -> Tensor:
        shape = Size((*edge.check_shape(sample_shape), *self.batch_shape))
        return uniform(shape, dtype=self.dtype, device=self.device, generator=generator)
