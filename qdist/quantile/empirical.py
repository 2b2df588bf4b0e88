"""The law that puts its mass on given samples."""

from functools import cached_property
from typing import Self, final

import torch
from torch import Size, Tensor

from qdist.arguments import instance
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.lookup import read
from qdist.quantile.part import Part
from qdist.quantile.steps import accumulate, step_cdf, step_crps, step_index

__all__ = ["Empirical"]


@final
class Empirical(QuantileFunction):
    r"""The empirical law of samples, weighted or not.

    The samples are sorted once, on first use; after that each quantile, probability or score is a
    look-up, so that N scores against N samples take $O(N \log N)$, over a batch that `expand`
    made larger as well. `rsample` carries the gradient to the samples.

    Args:
        samples: Shape (..., N), in any order, finite.
        weights: Non-negative, shape (N,) or (..., N), not all zero; equal if None.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: There is no sample, one is not finite, or the weights do not fit.

    Example:
        >>> import torch
        >>> law = Empirical(torch.tensor([3.0, 1.0, 2.0, 4.0]))
        >>> law
        Empirical(batch_shape=(), samples=4)
        >>> law.icdf(torch.tensor([0.25, 0.5, 1.0])), law.cdf(2.5), law.mean
        (tensor([1., 2., 4.]), tensor(0.5000), tensor(2.5000))
    """

    can = frozenset({"cdf", "crps", "mean", "variance", "sample", "rsample"})
    cannot = {  # noqa: RUF012 - read only
        "log_prob": "A finite sample has no density. "
        "Use crps as a score, or cdf(y) - cdf_left(y) for the mass at y."
    }

    def __init__(
        self,
        samples: Tensor,
        *,
        weights: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        remedy = "Call torch.tensor on them."
        self.samples = instance("samples", samples, of=Tensor, remedy=remedy)
        if weights is not None:
            instance("weights", weights, of=Tensor, remedy=remedy)
        self.weights = weights
        self._narrow: Self | None = None  # of which this one is an expansion
        super().__init__(
            samples.shape[:-1],
            dtype=samples.dtype,
            device=samples.device,
            validate_args=validate_args,
        )
        if self._validate_args:
            _check(samples, weights)

    def extra_repr(self) -> str:
        """Number of samples."""
        weighted = "" if self.weights is None else ", weighted"
        return f"samples={self.samples.shape[-1]}{weighted}"

    @cached_property
    def _tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sorted values, their shares of the mass and the cumulative shares.

        Those before an expansion: their leading axes broadcast to the batch.
        """
        if self._narrow is not None:
            return self._narrow._tables
        with (
            torch.inference_mode(mode=False),
            torch.enable_grad(),
        ):  # the cache must serve those who want gradients later
            values, order = self.samples.sort(-1)
            count = values.shape[-1]
            if self.weights is None:
                steps = torch.arange(1, count + 1, dtype=self.dtype, device=self.device)
                return values, torch.full_like(steps, 1 / count), steps / count
            weights = self.weights.to(self.dtype).expand_as(self.samples).gather(-1, order)
            return values, weights / weights.sum(-1, keepdim=True), accumulate(weights)

    @property
    def values(self) -> Tensor:
        """The samples in increasing order, shape (..., N)."""
        return self._tables[0].expand_as(self.samples)

    @property
    def cumulative(self) -> Tensor:
        """Mass of each sorted sample and of those before it, shape (N,) or (..., N)."""
        cumulative = self._tables[2]
        return cumulative if cumulative.dim() == 1 else cumulative.expand_as(self.samples)

    def _expand(self, batch_shape: Size) -> Self:
        count = self.samples.shape[-1]
        weights = self.weights
        if weights is not None and weights.dim() > 1:
            weights = weights.expand(*batch_shape, count)
        law = type(self)(
            self.samples.expand(*batch_shape, count), weights=weights, validate_args=False
        )
        law._validate_args, law._narrow = self._validate_args, self
        return law

    def _take(self, part: Part) -> Self:
        samples, weights = part.rows(self.samples), self.weights
        if weights is not None:
            weights = part.rows(weights)
            if weights.dim() > 1:  # of samples that all share each has its own
                samples = samples.expand(*weights.shape[:-1], samples.shape[-1])
        return type(self)(samples, weights=weights, validate_args=False)

    def _icdf(self, tau: Tensor) -> Tensor:
        values, _, cumulative = self._tables
        return read(values, step_index(tau, cumulative, self.batch_shape), self.batch_shape)

    def _cdf(self, y: Tensor) -> Tensor:
        values, _, cumulative = self._tables
        return step_cdf(y, values, cumulative, self.batch_shape, side="right")

    def _cdf_left(self, y: Tensor) -> Tensor:
        values, _, cumulative = self._tables
        return step_cdf(y, values, cumulative, self.batch_shape, side="left")

    def _crps(self, y: Tensor) -> Tensor:
        values, _, cumulative = self._tables
        return step_crps(y, values, cumulative, self.batch_shape)

    def _mean(self) -> Tensor:
        values, mass, _ = self._tables
        return (mass * values).sum(-1).expand(self.batch_shape)

    def _variance(self) -> Tensor:
        values, mass, _ = self._tables
        mean = (mass * values).sum(-1, keepdim=True)
        return (mass * (values - mean).square()).sum(-1).expand(self.batch_shape)

    def _breakpoints(self) -> Tensor:
        return self.cumulative


def _check(samples: Tensor, weights: Tensor | None) -> None:
    if samples.dim() < 1 or samples.shape[-1] < 1:
        raise InputError(
            f"Expected at least one sample on the last axis; got shape {tuple(samples.shape)}. "
            "Put the samples of a law on the last axis."
        )
    if not bool(samples.isfinite().all()):
        raise InputError(
            f"Expected finite samples; got {int((~samples.isfinite()).sum())} that are not. "
            "Drop or impute them first."
        )
    if weights is None:
        return
    if weights.shape not in (samples.shape, samples.shape[-1:]):
        raise InputError(
            f"Expected weights of shape {tuple(samples.shape[-1:])} or {tuple(samples.shape)}; "
            f"got {tuple(weights.shape)}. Give one weight per sample."
        )
    good = weights.isfinite().all() & (weights >= 0).all() & (weights.sum(-1) > 0).all()
    if not bool(good):
        raise InputError(
            f"Expected finite non-negative weights, not all zero; got {weights.tolist()!s:.80}. "
            "Weights need not sum to 1."
        )
