r"""Piecewise linear quantile functions: free levels, free values, or both.

Knots $(l_k, v_k)$ with both coordinates non-decreasing. In levels, Q runs linearly from knot to
knot; in values, so does F. Equal values over a level interval are an atom, equal levels with
different values a gap (Q jumps, F is flat). Every integral splits at the knots, hence all is
closed form:

- CRPS, in values: $\int F^2$ below y and $\int (1 - F)^2$ above, a sum of non-negative terms
  $\Delta v (l^2 + l l' + l'^2) / 3$. Atoms have no width and gaps have $l = l'$, so neither needs
  care.
- Exponential tails outside the extreme knots: $F(x) = l_1 \exp((x - v_1) / s)$ below $v_1$ and
  $1 - F(x) = (1 - l_K) \exp(-(x - v_K) / s')$ above $v_K$.
"""

from typing import Any, Self, final

import numpy as np
import torch
from torch import Size, Tensor
from torch.nn.functional import pad

from qdist.arguments import instance
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.edge import TensorLike, as_tensor, check_levels
from qdist.quantile.lookup import interpolate, read, search
from qdist.quantile.part import Part

__all__ = ["PiecewiseLinear"]


Tails = tuple[Tensor | None, Tensor | None]


@final
class PiecewiseLinear(QuantileFunction):
    r"""Linear interpolation between knots (levels, values), with atoms, gaps and optional tails.

    Without tails the levels run from 0 to 1. With a tail on a side, the knots stop short of that
    end and the remaining mass is exponential beyond the extreme knot: on the left, mass
    `levels[..., 0]` with $Q(\tau) = v_1 + s \log(\tau / l_1)$; on the right likewise.
    Differentiable with respect to levels, values and scales. Construction with
    `validate_args=False` does no work.

    Args:
        levels: Non-decreasing levels, shape (..., K) or shared (K,), K >= 2.
        values: Non-decreasing values, shape (..., K).
        tails: Scales (left, right) of exponential tails, each positive, of shape (...), or None
            for no tail on that side; None for no tails at all.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: Levels or values decrease or are not finite, levels do not end where they
            should, the numbers of knots differ, or a scale is not positive.

    Example:
        Half of the mass on 0, the rest uniform on (0, 2):

        >>> import torch
        >>> levels = torch.tensor([0.0, 0.5, 1.0])
        >>> law = PiecewiseLinear(levels, torch.tensor([0.0, 0.0, 2.0]))
        >>> law
        PiecewiseLinear(batch_shape=(), knots=3)
        >>> law.icdf(torch.tensor([0.25, 0.75]))
        tensor([0., 1.])
        >>> law.cdf_left(0.0), law.cdf(0.0), law.mean
        (tensor(0.), tensor(0.5000), tensor(0.5000))
    """

    can = frozenset({"cdf", "log_prob", "crps", "mean", "variance", "sample", "rsample"})

    def __init__(
        self,
        levels: Tensor,
        values: Tensor,
        *,
        tails: Tails | None = None,
        validate_args: bool | None = None,
    ) -> None:
        remedy = "Call torch.tensor on them."
        self.levels = instance("levels", levels, of=Tensor, remedy=remedy)
        self.values = instance("values", values, of=Tensor, remedy=remedy)
        self.tails = _pair(tails, self.values.dtype)
        scales = [scale.shape for scale in self.tails if scale is not None]
        try:
            batch = Size(np.broadcast_shapes(levels.shape[:-1], values.shape[:-1], *scales))
        except ValueError:
            raise InputError(
                f"Expected shapes (..., K) that broadcast; got levels {tuple(levels.shape)}, "
                f"values {tuple(values.shape)} and tails {[tuple(s) for s in scales]}. "
                "Give one row of knots per law, or one row for all."
            ) from None
        super().__init__(
            batch, dtype=values.dtype, device=values.device, validate_args=validate_args
        )
        if self._validate_args:
            _check_knots(levels, values, self.tails)

    def extra_repr(self) -> str:
        """Number of knots and sides that have a tail."""
        sides = [s for s, t in zip(("left", "right"), self.tails, strict=True) if t is not None]
        tails = f", tails={'+'.join(sides)}" if sides else ""
        return f"knots={self.values.shape[-1]}{tails}"

    def _expand(self, batch_shape: Size) -> Self:
        # levels shared by the batch stay one-dimensional, which is the fast case of the look-ups
        def grow(knots: Tensor) -> Tensor:
            return knots if knots.dim() == 1 else knots.expand(*batch_shape, knots.shape[-1])

        values = self.values.expand(*batch_shape, self.values.shape[-1])
        law = type(self)(grow(self.levels), values, tails=self.tails, validate_args=False)
        law._validate_args = self._validate_args  # of what it is asked; its knots were checked
        return law

    def _take(self, part: Part) -> Self:
        left, right = (None if t is None else part.numbers(t) for t in self.tails)
        return type(self)(
            part.rows(self.levels),
            part.rows(self.values),
            tails=(left, right),
            validate_args=False,
        )

    # -- levels to values

    def quantiles(self, levels: TensorLike) -> Tensor:
        """The same levels for every law of the batch, levels last; see the base class.

        Where the laws share the levels of their knots, each asked level is looked up once for all
        of them.
        """
        tau = as_tensor(levels, dtype=self.dtype, device=self.device)
        if self.levels.dim() != 1 or tau.dim() != 1:
            return super().quantiles(levels)
        if self._validate_args:
            check_levels(tau)
        upper = torch.searchsorted(self.levels.detach(), tau.detach(), side="left")
        upper = upper.clamp(1, len(self.levels) - 1)
        start, end = self.levels[upper - 1], self.levels[upper]
        flat = end <= start  # met only beyond the ends, see `interpolate`
        share = ((tau - start) / torch.where(flat, 1.0, end - start)).clamp(0, 1)
        share = torch.where(flat, (tau > start).to(tau), share)
        values = self.values.expand(*self.batch_shape, len(self.levels))
        high = values.index_select(-1, upper)
        # At a knot both are its value: a sum could round to another.
        low = values.index_select(-1, torch.where(share < 1, upper - 1, upper))
        q = torch.minimum(low + share * (high - low), high)
        # Beyond the knots there are few levels, most often: only they pay for a tail.
        for side, scale in zip((1, -1), self.tails, strict=True):
            if scale is None:
                continue
            mass = self.levels[0] if side == 1 else 1 - self.levels[-1]
            rest = (tau if side == 1 else 1 - tau) / mass.clamp(min=torch.finfo(self.dtype).tiny)
            beyond = (rest < 1).nonzero().squeeze(-1)
            reach = side * rest[beyond].log() * scale.unsqueeze(-1)
            q = q.index_add(-1, beyond, reach.expand(*self.batch_shape, len(beyond)))
        return q

    def _icdf(self, tau: Tensor) -> Tensor:
        return self._quantile(tau, 1 - tau)

    def _isf(self, s: Tensor) -> Tensor:
        return self._quantile(1 - s, s)

    def _quantile(self, tau: Tensor, s: Tensor) -> Tensor:
        q = interpolate(tau, self.levels, self.values, self.batch_shape, side="left")
        left, right = self.tails
        tiny = torch.finfo(self.dtype).tiny
        if left is not None:  # beyond the knots q is the extreme value, within them the log is 0
            q = q + left * (tau / self.levels[..., 0].clamp(min=tiny)).clamp(max=1).log()
        if right is not None:
            q = q - right * (s / (1 - self.levels[..., -1]).clamp(min=tiny)).clamp(max=1).log()
        return q

    # -- values to levels

    def _cdf(self, y: Tensor) -> Tensor:
        return self._probability(y, "right")

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self._probability(y, "left")

    def _probability(self, y: Tensor, side: str) -> Tensor:
        p = interpolate(y, self.values, self.levels, self.batch_shape, side=side)
        left, right = self.tails
        if left is not None:
            p = torch.where(y < self.values[..., 0], self._left_mass(y, left), p)
        if right is not None:
            p = torch.where(y > self.values[..., -1], 1 - self._right_mass(y, right), p)
        return torch.where(y.isnan(), y, p)

    def _sf(self, y: Tensor) -> Tensor:
        p = 1 - self._probability(y, "right")
        right = self.tails[1]
        if right is not None:
            p = torch.where(y > self.values[..., -1], self._right_mass(y, right), p)
        return p

    def _left_mass(self, y: Tensor, scale: Tensor) -> Tensor:
        return self.levels[..., 0] * ((y - self.values[..., 0]) / scale).clamp(max=0).exp()

    def _right_mass(self, y: Tensor, scale: Tensor) -> Tensor:
        mass = 1 - self.levels[..., -1]
        return mass * ((self.values[..., -1] - y) / scale).clamp(max=0).exp()

    def _log_prob(self, y: Tensor) -> Tensor:
        batch, last = self.batch_shape, self.values.shape[-1] - 1
        # [first, beyond) are the knots equal to y
        first = search(self.values, y, batch, side="left")
        beyond = search(self.values, y, batch, side="right")
        l0 = read(self.levels, first.clamp(max=last), batch)
        l1 = read(self.levels, (beyond - 1).clamp(min=0), batch)
        atom = (beyond - first > 1) & (l1 > l0)
        upper = beyond.clamp(1, last)
        mass = read(self.levels, upper, batch) - read(self.levels, upper - 1, batch)
        # At the lower edge of a gap the density is that of the side which has one.
        edge = (mass <= 0) & (first < beyond) & (first > 0)
        upper = torch.where(edge, first.clamp(1, last), upper)
        mass = read(self.levels, upper, batch) - read(self.levels, upper - 1, batch)
        width = read(self.values, upper, batch) - read(self.values, upper - 1, batch)
        mass, width = torch.where(atom, l1 - l0, mass), torch.where(atom | (width <= 0), 1, width)
        inside = (beyond > 0) & (first <= last) & (mass > 0)
        out = torch.where(inside, mass, 1).log() - width.log()
        out = out.masked_fill(~inside, -torch.inf)
        left, right = self.tails
        if left is not None:
            z = ((y - self.values[..., 0]) / left).clamp(max=0)
            log_mass = self.levels[..., 0].log()
            out = torch.where(y < self.values[..., 0], log_mass - left.log() + z, out)
        if right is not None:
            z = ((self.values[..., -1] - y) / right).clamp(max=0)
            log_mass = (-self.levels[..., -1]).log1p()
            out = torch.where(y > self.values[..., -1], log_mass - right.log() + z, out)
        return torch.where(y.isnan(), y, out)

    # -- closed forms

    def _crps(self, y: Tensor) -> Tensor:
        batch = self.batch_shape
        l0, l1 = self.levels[..., :-1], self.levels[..., 1:]
        v0, v1 = self.values[..., :-1], self.values[..., 1:]
        below = _integral_of_square(v1 - v0, l0, l1).cumsum(-1)
        above = _integral_of_square(v1 - v0, 1 - l0, 1 - l1).flip(-1).cumsum(-1).flip(-1)
        # the segment of y is split at y; those before it and those after it count whole
        upper = search(self.values, y, batch, side="right").clamp(1, self.values.shape[-1] - 1)
        start, end = read(self.values, upper - 1, batch), read(self.values, upper, batch)
        l_start, l_end = read(self.levels, upper - 1, batch), read(self.levels, upper, batch)
        x = y.clamp(min=start).clamp(max=end)
        width = end - start
        p = l_start + (x - start) / torch.where(width > 0, width, 1) * (l_end - l_start)
        score = (
            read(pad(below, (1, 0)), upper - 1, batch)
            + _integral_of_square(x - start, l_start, p)
            + _integral_of_square(end - x, 1 - p, 1 - l_end)
            + read(pad(above, (0, 1)), upper, batch)
        )
        left, right = self.tails
        score = score + tail_crps(self.values[..., 0] - y, self.levels[..., 0], left)
        return score + tail_crps(y - self.values[..., -1], 1 - self.levels[..., -1], right)

    def _pieces(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mass, mean and variance within each segment and each tail, shape (*batch, pieces)."""
        l0, l1 = self.levels[..., :-1], self.levels[..., 1:]
        v0, v1 = self.values[..., :-1], self.values[..., 1:]
        pieces = [(l1 - l0, v0 + (v1 - v0) / 2, (v1 - v0).square() / 12)]
        left, right = self.tails
        if left is not None:
            outer = (self.levels[..., 0], self.values[..., 0] - left, left.square())
            pieces.append((outer[0][..., None], outer[1][..., None], outer[2][..., None]))
        if right is not None:
            outer = (1 - self.levels[..., -1], self.values[..., -1] + right, right.square())
            pieces.append((outer[0][..., None], outer[1][..., None], outer[2][..., None]))
        joined = [
            torch.cat([part.expand(*self.batch_shape, part.shape[-1]) for part in column], -1)
            for column in zip(*pieces, strict=True)
        ]
        return joined[0], joined[1], joined[2]

    def _mean(self) -> Tensor:
        mass, centre, _ = self._pieces()
        return (mass * centre).sum(-1)

    def _variance(self) -> Tensor:
        mass, centre, spread = self._pieces()
        mean = (mass * centre).sum(-1, keepdim=True)
        return (mass * ((centre - mean).square() + spread)).sum(-1)

    def _breakpoints(self) -> Tensor:
        return self.levels


def _integral_of_square(width: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Integral of the square of a linear function that goes from `start` to `end`."""
    return width * (start * start + start * end + end * end) / 3


def tail_crps(distance: Tensor, mass: Tensor, scale: Tensor | None) -> Tensor:
    r"""What the side beyond an extreme knot adds to the score.

    Args:
        distance: How far y lies beyond the knot, negative on the other side.
        mass: m, beyond the knot.
        scale: s of the exponential, None if there is no tail.

    Returns:
        With $t$ = distance / s: $s m^2 / 2$ for $t \le 0$ (the integral of the squared tail); for
        $t > 0$ the integral of $(1 - m e^{-z})^2$ over $z < t$ and of $m^2 e^{-2z}$ beyond, times
        s.
    """
    distance = distance.clamp(min=0)
    if scale is None:
        return distance
    t = distance / scale
    near = t + 2 * mass * torch.expm1(-t) - mass.square() / 2 * torch.expm1(-2 * t)
    return scale * (near.clamp(min=0) + mass.square() / 2 * torch.exp(-2 * t))


def _pair(tails: Any, dtype: torch.dtype) -> Tails:
    """Scales of the tails, as a pair of tensors of a dtype or None."""
    pair = (None, None) if tails is None else tails
    try:
        left, right = pair
        good = all(scale is None or isinstance(scale, Tensor) for scale in (left, right))
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            f"Expected tails as a pair of scales, each a tensor or None; got {tails!r:.80}. "
            "Give such as (None, torch.tensor(0.5))."
        )
    left, right = (None if scale is None else scale.to(dtype) for scale in (left, right))
    return left, right


def _check_knots(levels: Tensor, values: Tensor, tails: Tails) -> None:
    if levels.dim() < 1 or values.dim() < 1:
        raise InputError(
            f"Expected levels and values of shape (..., K); got {tuple(levels.shape)} and "
            f"{tuple(values.shape)}. Put the knots of a law on the last axis."
        )
    if levels.shape[-1] != values.shape[-1] or values.shape[-1] < 2:
        raise InputError(
            f"Expected levels and values with the same number of knots, at least 2; got "
            f"{levels.shape[-1]} and {values.shape[-1]}. Pair each level with its value."
        )
    if levels.dtype != values.dtype:
        raise InputError(
            f"Expected one dtype; got levels {levels.dtype} and values {values.dtype}. "
            "Convert one of them."
        )
    for name, knots in (("levels", levels), ("values", values)):
        if not bool(knots.isfinite().all()):
            raise InputError(f"Expected finite {name}; got {_show(knots)}. Clip them first.")
        if not bool((knots[..., 1:] >= knots[..., :-1]).all()):
            raise InputError(
                f"Expected non-decreasing {name}; got {_show(knots)}. "
                "Sort them, or build them from increments."
            )
    for side, end, scale in (
        ("start at 0", levels[..., 0], tails[0]),
        ("end at 1", 1 - levels[..., -1], tails[1]),
    ):
        if scale is None and not bool((end == 0).all()):
            raise InputError(
                f"Expected levels that {side} where there is no tail; got {_show(levels)}. "
                "Add the end knot, or give a scale in tails."
            )
        if scale is not None and not bool((end > 0).all() & (end <= 1).all()):
            raise InputError(
                f"Expected levels strictly inside (0, 1) next to a tail; got {_show(levels)}. "
                "Leave mass beyond the extreme knot, or give None for that tail."
            )
        if scale is not None and not bool((scale > 0).all() & scale.isfinite().all()):
            raise InputError(
                "Expected positive finite tail scales; "
                f"got {scale.detach().flatten()[:4].tolist()}. Give None for no tail."
            )


def _show(knots: Tensor) -> str:
    row = knots.detach().reshape(-1, knots.shape[-1])[0].tolist()
    shown = ", ".join(f"{v:.6g}" for v in row[:6])
    return f"[{shown}{', ...' if len(row) > 6 else ''}] of shape {tuple(knots.shape)}"
