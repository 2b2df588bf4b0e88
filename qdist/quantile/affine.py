"""Shift and scale of another law."""

from collections.abc import Mapping
from typing import Self, final

import numpy as np
import torch
from torch import Size, Tensor

from qdist.arguments import instance
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.edge import TensorLike, as_tensor
from qdist.quantile.part import Part

__all__ = ["Affine"]

_SHARES = (0.125, 0.25, 0.5, 0.75, 0.875)  # of the mass near a value, where an atom is looked for


@final
class Affine(QuantileFunction):
    r"""The law of `loc + scale * Y` for Y of the base law, $Q(\tau) = a + b Q_Y(\tau)$.

    It can do what the base can. An atom keeps its mass under the change of variable, so `log_prob`
    subtracts `log(scale)` only where the base has a density.

    Args:
        base: A quantile function.
        loc: Shift, of a shape that broadcasts with the batch shape of the base.
        scale: Positive factor, likewise.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: The scale is not positive and finite, or the shapes do not broadcast.

    Example:
        >>> import torch
        >>> from qdist.quantile import Empirical
        >>> law = Affine(Empirical(torch.tensor([0.0, 1.0])), loc=10.0, scale=2.0)
        >>> law
        Affine(batch_shape=(), base=Empirical(batch_shape=(), samples=2))
        >>> law.mean, law.variance
        (tensor(11.), tensor(1.))
    """

    def __init__(
        self,
        base: QuantileFunction,
        loc: TensorLike,
        scale: TensorLike,
        *,
        validate_args: bool | None = None,
    ) -> None:
        remedy = "Wrap a law of scipy in qdist.quantile.Frozen."
        instance("base", base, of=QuantileFunction, remedy=remedy)  # type: ignore[type-abstract]
        self.loc = as_tensor(loc, dtype=base.dtype, device=base.device)
        self.scale = as_tensor(scale, dtype=base.dtype, device=base.device)
        try:
            shapes = (base.batch_shape, self.loc.shape, self.scale.shape)
            batch = Size(np.broadcast_shapes(*shapes))
        except ValueError:
            raise InputError(
                f"Expected loc and scale that broadcast with {tuple(base.batch_shape)}; got "
                f"{tuple(self.loc.shape)} and {tuple(self.scale.shape)}. Give one per law."
            ) from None
        self.base = base.expand(batch)
        # Where an atom is moved to is found by the cdf of the base.
        self.can: frozenset[str] = base.can - (
            set() if "cdf" in base.can else {"log_prob", "crps"}
        )
        self.cannot: Mapping[str, str] = base.cannot
        super().__init__(batch, dtype=base.dtype, device=base.device, validate_args=validate_args)
        if self._validate_args and not bool(
            (self.scale > 0).all() & self.scale.isfinite().all() & self.loc.isfinite().all()
        ):
            raise InputError(
                "Expected a finite loc and a positive finite scale; "
                f"got {self.loc.tolist()!s:.60} and {self.scale.tolist()!s:.60}. "
                "Reflect the base law itself if the sign must change."
            )

    def extra_repr(self) -> str:
        """The base."""
        return f"base={self.base!r}"

    def _expand(self, batch_shape: Size) -> Self:
        base = self.base.expand(batch_shape)
        return type(self)(base, self.loc, self.scale, validate_args=self._validate_args)

    def _take(self, part: Part) -> Self:
        loc, scale = part.numbers(self.loc), part.numbers(self.scale)
        return type(self)(self.base[part.index], loc, scale, validate_args=False)

    def _standard(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the greatest value that is moved to y, which differ where atoms merge."""
        z = (y - self.loc) / self.scale
        # An atom v is moved to loc + scale v; the way back may miss v by some roundings.
        with torch.no_grad():
            reach = torch.finfo(z.dtype).eps * (y.abs() / self.scale + 2 * z.abs())
            below = self.base.cdf_left(z - reach).nan_to_num(0.0)
            upto = self.base.cdf(z + reach).nan_to_num(0.0)
            # Levels from below the atom to beyond it: the more of them the atom has, the surer one
            # of them meets it. If nothing else is near, it begins just above the first.
            levels = [below + share * (upto - below) for share in _SHARES]
            levels = [torch.nextafter(below, torch.ones_like(below)), *levels, upto]
            near = self.base.icdf(torch.stack(levels).clamp(0, 1)).to(z)
            near = torch.cat([near, z.unsqueeze(0)])
            atom = self.base.cdf(near) > self.base.cdf_left(near)
            found = atom & (self.loc + self.scale * near == y)
            # Several atoms may be moved to one place: F counts them all, F just below it none.
            first = near.masked_fill(~found, torch.inf).amin(0)
            last = near.masked_fill(~found, -torch.inf).amax(0)
            met = found.any(0)
        return torch.where(met, first, z), torch.where(met, last, z)

    def _icdf(self, tau: Tensor) -> Tensor:
        return self.loc + self.scale * self.base.icdf(tau)

    def _isf(self, s: Tensor) -> Tensor:
        return self.loc + self.scale * self.base.isf(s)

    def _draw(self, tau: Tensor) -> Tensor:
        return self.loc + self.scale * self.base._draw(tau)

    def _cdf(self, y: Tensor) -> Tensor:
        return self.base.cdf(self._standard(y)[1])

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self.base.cdf_left(self._standard(y)[0])

    def _sf(self, y: Tensor) -> Tensor:
        return self.base.sf(self._standard(y)[1])

    def _log_prob(self, y: Tensor) -> Tensor:
        first, z = self._standard(y)
        atom = self.base.cdf(z) > self.base.cdf_left(z)
        log_prob = self.base.log_prob(z)
        log_prob = torch.where(atom, log_prob, log_prob - self.scale.log())
        # The log mass of one atom keeps its own digits; only for several is it the log of the sum.
        mass = self.base.cdf(z) - self.base.cdf_left(first)
        return torch.where(first < z, mass.masked_fill(first >= z, 1.0).log(), log_prob)

    def _crps(self, y: Tensor) -> Tensor:
        return self.scale * self.base.crps(self._standard(y)[1])

    def _mean(self) -> Tensor:
        return self.loc + self.scale * self.base.mean

    def _variance(self) -> Tensor:
        return self.scale.square() * self.base.variance

    def _breakpoints(self) -> Tensor:
        return self.base.breakpoints()
