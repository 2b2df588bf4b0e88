r"""Mixtures of laws: $F = \sum_k w_k F_k$, with a closed form where the laws share their knots."""

from collections.abc import Callable, Sequence
from typing import Self, final

import numpy as np
import torch
from torch import Size, Tensor

from qdist.arguments import instance
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.categorical import Categorical
from qdist.quantile.edge import TensorLike, as_tensor
from qdist.quantile.part import Part
from qdist.quantile.piecewise import PiecewiseLinear

__all__ = ["Mixture", "mixture"]

# Halvings of a bracket: all of float64's digits, and the exponents between its ends and 0.
_HALVINGS = 128


def mixture(laws: Sequence[QuantileFunction]) -> QuantileFunction:
    """The mixture of laws in equal shares, in the simplest form that there is.

    Laws on the same codes are again [`Categorical`][qdist.quantile.Categorical]; piecewise linear
    laws with the same values and no tails are again
    [`PiecewiseLinear`][qdist.quantile.PiecewiseLinear], of averaged levels. Any others become a
    [`Mixture`][qdist.quantile.Mixture].

    Args:
        laws: The laws, of batch shapes that broadcast and of one dtype.

    Returns:
        Their mixture; the law itself, if there is one only.

    Raises:
        InputError: If there is no law, shapes do not broadcast, or dtypes differ.

    Example:
        >>> import torch
        >>> values = torch.tensor([0.0, 1.0, 2.0])
        >>> a = PiecewiseLinear(torch.tensor([0.0, 0.2, 1.0]), values)
        >>> b = PiecewiseLinear(torch.tensor([0.0, 0.6, 1.0]), values)
        >>> mixture([a, b]).cdf(1.0)
        tensor(0.4000)
    """
    _shared_batch(laws)
    if len(laws) == 1:
        return laws[0]
    linear = [law for law in laws if isinstance(law, PiecewiseLinear)]
    if len(linear) == len(laws) and _share_values(linear):
        levels = torch.stack(torch.broadcast_tensors(*(law.levels for law in linear))).mean(0)
        return PiecewiseLinear(levels, linear[0].values, validate_args=False)
    codes = [law for law in laws if isinstance(law, Categorical)]
    if len(codes) == len(laws) and _share_codes(codes):
        logs = torch.stack(torch.broadcast_tensors(*(law.log_mass for law in codes)))
        first = codes[0]
        return first._like(logs.logsumexp(0))
    return Mixture(laws)


@final
class Mixture(QuantileFunction):
    r"""Draw a law k with probability $w_k$, then a value from it.

    Its quantile function has no closed form: it is found between the least and the greatest of
    the components' quantiles by halving, to the last digit. So `icdf` has no gradient.

    Args:
        laws: The components, of batch shapes that broadcast and of one dtype. All must have a
            cdf.
        weights: Their positive shares, shape (K,), which are scaled to sum to 1; equal if None.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: If there is no law, one of them has no cdf, shapes do not broadcast, dtypes
            differ, or the weights are not K positive numbers.

    Example:
        >>> import scipy.stats
        >>> from qdist.quantile import Frozen
        >>> law = Mixture([Frozen(scipy.stats.norm(-2)), Frozen(scipy.stats.norm(2))])
        >>> law
        Mixture(batch_shape=(), laws=2)
        >>> law.mean.item(), law.variance.item()  # 1 within, 4 between
        (0.0, 5.0)
        >>> round(law.cdf(2.0).item(), 4)  # 1/2 + 1/2 * 1/2, all but a tail at 4 deviations
        0.75
    """

    cannot = {  # noqa: RUF012 - read only
        "rsample": "Its quantiles are found by halving, which has no gradient. Use sample.",
        "crps": "There is no closed form for components of any kind. Use `mixture` on "
        "piecewise linear laws with the same values, or score samples.",
    }

    def __init__(
        self,
        laws: Sequence[QuantileFunction],
        *,
        weights: TensorLike | None = None,
        validate_args: bool | None = None,
    ) -> None:
        batch = _shared_batch(laws)
        lacking = [type(law).__name__ for law in laws if "cdf" not in law.can]
        if lacking:
            raise InputError(
                f"Expected laws with a cdf; got {lacking[0]}. Sample from the mixture instead: "
                "choose a law for each draw."
            )
        first = laws[0]
        share = [1.0] * len(laws) if weights is None else weights
        share = as_tensor(share, dtype=first.dtype, device=first.device)
        if share.shape != (len(laws),) or not bool((share.isfinite() & (share > 0)).all()):
            raise InputError(
                f"Expected {len(laws)} positive weights; got {share.tolist()!s:.60}. "
                "Give one for each law."
            )
        self.laws = [law.expand(batch) for law in laws]
        self.weights = share / share.sum()
        offered = frozenset.intersection(*(law.can for law in laws))
        self.can = offered - {"rsample", "crps"}
        super().__init__(
            batch, dtype=first.dtype, device=first.device, validate_args=validate_args
        )

    def extra_repr(self) -> str:
        """Number of components."""
        return f"laws={len(self.laws)}"

    def _expand(self, batch_shape: Size) -> Self:
        laws = [law.expand(batch_shape) for law in self.laws]
        return type(self)(laws, weights=self.weights, validate_args=self._validate_args)

    def _take(self, part: Part) -> Self:
        laws = [law[part.index] for law in self.laws]
        return type(self)(laws, weights=self.weights, validate_args=False)

    def _sum(self, terms: Sequence[Tensor]) -> Tensor:
        total = torch.zeros((), dtype=self.dtype, device=self.device)
        for share, term in zip(self.weights, terms, strict=True):
            total = total + share * term
        return total

    def _cdf(self, y: Tensor) -> Tensor:
        return self._sum([law.cdf(y) for law in self.laws]).clamp(max=1)

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self._sum([law.cdf_left(y) for law in self.laws]).clamp(max=1)

    def _sf(self, y: Tensor) -> Tensor:
        return self._sum([law.sf(y) for law in self.laws]).clamp(max=1)

    def _icdf(self, tau: Tensor) -> Tensor:
        ends = torch.stack([law.icdf(tau) for law in self.laws])
        return self._between(ends, lambda y: self._cdf(y) >= tau)

    def _isf(self, s: Tensor) -> Tensor:
        ends = torch.stack([law.isf(s) for law in self.laws])
        return self._between(ends, lambda y: self._sf(y) <= s)

    @torch.no_grad()
    def _between(self, ends: Tensor, reached: Callable[[Tensor], Tensor]) -> Tensor:
        """The least value between the ends (K, ...) at which the level is reached."""
        low, high = ends.amin(0), ends.amax(0)
        at_low = ~low.isfinite() | reached(low)  # infinite ends belong to levels 0 and 1
        for _ in range(_HALVINGS):
            middle = low + (high - low) / 2
            if bool((at_low | (middle <= low) | (middle >= high)).all()):
                break
            there = reached(middle)
            low, high = torch.where(there, low, middle), torch.where(there, middle, high)
        # What halving reaches from above, at a step, is an atom: its component knows it exactly.
        exact = torch.stack([law.icdf(law.cdf(high)) for law in self.laws]).amax(0)
        found = torch.minimum(torch.maximum(exact, low), high)
        return torch.where(at_low, ends.amin(0), found)

    def _log_prob(self, y: Tensor) -> Tensor:
        logs = torch.stack([law.log_prob(y) for law in self.laws])
        mass = torch.stack([law.cdf(y) > law.cdf_left(y) for law in self.laws])
        # At an atom of one component the densities of the others weigh nothing.
        logs = logs.masked_fill(mass.any(0) & ~mass, -torch.inf)
        shares = self.weights.log().reshape(-1, *[1] * y.dim())
        return torch.logsumexp(logs + shares, 0)

    def _mean(self) -> Tensor:
        return self._sum([law.mean for law in self.laws])

    def _variance(self) -> Tensor:
        mean = self._mean()
        return self._sum([law.variance + (law.mean - mean).square() for law in self.laws])

    def _breakpoints(self) -> Tensor:
        places = torch.cat(
            [law.icdf(law.breakpoints().to(self.dtype, copy=True)) for law in self.laws]
            + [law.icdf(torch.tensor([0.0, 1.0], dtype=self.dtype)) for law in self.laws]
        )
        places = places[places.isfinite()]
        return torch.cat([self._cdf_left(places), self._cdf(places)]).to(torch.float64)


def _shared_batch(laws: Sequence[QuantileFunction]) -> Size:
    """The batch shape of all laws together, which must fit each other."""
    if not laws:
        raise InputError("Expected at least one law to mix; got none.")
    for law in laws:
        remedy = "Wrap a law of scipy in qdist.quantile.Frozen."
        instance("laws", law, of=QuantileFunction, remedy=remedy)  # type: ignore[type-abstract]
    dtypes = {law.dtype: None for law in laws}
    if len(dtypes) > 1:
        raise InputError(
            f"Expected laws of one dtype; got {', '.join(map(str, dtypes))}. Build all of them "
            "from tensors of the same; laws of scipy are torch.float64."
        )
    try:
        return Size(np.broadcast_shapes(*(law.batch_shape for law in laws)))
    except ValueError:
        shapes = [tuple(law.batch_shape) for law in laws]
        raise InputError(
            f"Expected batch shapes that broadcast; got {shapes}. Give one law for each row."
        ) from None


def _share_values(laws: Sequence[PiecewiseLinear]) -> bool:
    first = laws[0].values
    return first.dim() == 1 and all(
        law.tails == (None, None) and torch.equal(law.values, first) for law in laws
    )


def _share_codes(laws: Sequence[Categorical]) -> bool:
    first = laws[0]
    return all(
        law.logits.shape[-1] == first.logits.shape[-1]
        and (law.names, law.ordered) == (first.names, first.ordered)
        and torch.equal(law.values, first.values)
        for law in laws
    )
