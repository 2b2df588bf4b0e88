r"""A piecewise linear law rounded to a grid: whole numbers, cents, multiples of 25.

The base law is that of $Z$ on the index of the grid, and the value is $(a + s J) / d$ with
$J = \lfloor Z + 1/2 \rfloor$. Then $P(J \le j) = F_Z(j + 1/2)$: all that is asked is a sum over
the *cuts* $c = j + 1/2$. Between two knots $F_Z$ runs linearly, so such sums are those of
arithmetic progressions, and of geometric ones in the exponential tails: closed form, however many
points the grid has.
"""

from typing import Self, final

import torch
from torch import Size, Tensor
from torch.nn.functional import pad

from qdist.arguments import instance, number
from qdist.errors import InputError
from qdist.quantile.base import QuantileFunction
from qdist.quantile.lookup import read, search
from qdist.quantile.masses import mass_between
from qdist.quantile.part import Part
from qdist.quantile.piecewise import PiecewiseLinear

__all__ = ["Rounded"]

# How far from a whole index a value may be and still be that point of the grid, as a share of it.
_NEAR = 1e-12
# The same for a quantile of the base, which the rounding of a level moves further: the least and
# the greatest reach. A dtype of fewer digits needs more.
_NEAR_QUANTILE, _FAR_QUANTILE = 1e-9, 1 / 64
# The reach in eps of what was rounded on the way; a level moves a quantile near 0 as well.
_ROUNDINGS, _ROUNDINGS_LEVEL = 8, 256
# Up to so many jumps are listed as breakpoints.
_MOST_CUTS = 100_000


@final
class Rounded(QuantileFunction):
    r"""The law of $(a + s \lfloor Z + 1/2 \rfloor) / d$ for $Z$ of a piecewise linear law.

    Every value is an atom, so `log_prob` is the log of its probability. The base must have no atom
    exactly half way between two points of the grid.

    Args:
        base: The law of Z, on the index of the grid.
        origin: a.
        step: s, above 0.
        divisor: d, above 0: tenths are whole numbers divided by 10, which prints as it should.
        validate_args: Whether arguments are checked.

    Raises:
        InputError: The base is no piecewise linear law, or an argument no number of its range.

    Example:
        Z uniform on (-1/2, 5/2) is 0, 1 or 2 with the same probability.

        >>> import torch
        >>> base = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-0.5, 2.5]))
        >>> law = Rounded(base, origin=10.0, step=5.0)
        >>> law.icdf(torch.tensor([0.2, 0.5, 0.9]))
        tensor([10., 15., 20.])
        >>> law.cdf(torch.tensor([12.0, 15.0])).tolist()
        [0.333..., 0.666...]
        >>> law.mean, law.variance  # (25 + 0 + 25) / 3
        (tensor(15.), tensor(16.6667))
    """

    can = frozenset({"cdf", "log_prob", "crps", "mean", "variance", "sample"})
    cannot = {  # noqa: RUF012 - read only
        "rsample": "A point of a grid does not move with the parameters, so draws have no "
        "gradient. Use sample, and log_prob or crps as the loss."
    }

    def __init__(
        self,
        base: PiecewiseLinear,
        *,
        origin: float = 0.0,
        step: float = 1.0,
        divisor: float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        instance("base", base, of=PiecewiseLinear, remedy="Give the law on the grid's index.")
        for name, value in {"origin": origin, "step": step, "divisor": divisor}.items():
            number(name, value)
        if not (step > 0 and divisor > 0):
            raise InputError(
                f"Expected step > 0 and divisor > 0; got {step} and {divisor}. Give the width of "
                "the grid."
            )
        self.base, self.origin, self.step, self.divisor = base, origin, step, divisor
        super().__init__(
            base.batch_shape, dtype=base.dtype, device=base.device, validate_args=validate_args
        )

    def extra_repr(self) -> str:
        """The step of the grid."""
        return f"step={self.step / self.divisor:g}"

    def index(self, y: Tensor) -> Tensor:
        """The index of values, shape (...): whole on the grid."""
        value = y * self.divisor
        index = (value - self.origin) / self.step
        # Value and origin are what was rounded: where both are far from 0, the index lost digits.
        size = (value.abs() + abs(self.origin)) / self.step
        return _settled(index, _NEAR, _ROUNDINGS * torch.finfo(index.dtype).eps * size)

    def _value(self, j: Tensor) -> Tensor:
        return (self.origin + self.step * j) / self.divisor

    def _expand(self, batch_shape: Size) -> Self:
        return type(self)(
            self.base.expand(batch_shape),
            origin=self.origin,
            step=self.step,
            divisor=self.divisor,
            validate_args=self._validate_args,
        )

    def _take(self, part: Part) -> Self:
        grid = {"origin": self.origin, "step": self.step, "divisor": self.divisor}
        return type(self)(self.base[part.index], **grid, validate_args=False)

    def _icdf(self, tau: Tensor) -> Tensor:
        return self._at(self.base._icdf(tau), self.base._icdf(torch.zeros_like(tau)))

    def _isf(self, s: Tensor) -> Tensor:
        return self._at(self.base._isf(s), self.base._isf(torch.ones_like(s)))

    def _at(self, q: Tensor, end: Tensor) -> Tensor:
        """The smallest j with F(j + 1/2) >= tau, where F(q) = tau, of those that have mass."""
        first = torch.floor(_settled_quantile(end + 0.5))
        return self._value(torch.maximum(torch.ceil(_settled_quantile(q - 0.5)), first))

    def _cdf(self, y: Tensor) -> Tensor:
        return self.base._cdf_left(torch.floor(self.index(y)) + 0.5)

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self.base._cdf_left(torch.ceil(self.index(y)) - 0.5)

    def _sf(self, y: Tensor) -> Tensor:
        return self.base._sf(torch.floor(self.index(y)) + 0.5)

    def _log_prob(self, y: Tensor) -> Tensor:
        j = self.index(y)
        on_grid = j == j.floor()
        low, high = j - 0.5, j + 0.5
        mass = mass_between(
            (self.base._cdf(low), self.base._cdf(high)), (self.base._sf(low), self.base._sf(high))
        )
        out = mass.clamp(min=0).log().masked_fill(~on_grid, -torch.inf)
        return torch.where(y.isnan(), y, out)

    def _breakpoints(self) -> Tensor:
        # A jump at each cut: as many as there are, but for the outermost 1e-12 of the mass.
        low, high = self.base._icdf(self._level(1e-12)), self.base._isf(self._level(1e-12))
        first, last = float(_cut_upto(low)), float(_cut_above(high))
        if last - first > _MOST_CUTS:
            return self.base._breakpoints()
        cuts = torch.arange(first, last + 1, dtype=self.dtype, device=self.device)
        return self.base._cdf_left(cuts)

    def _level(self, tau: float) -> Tensor:
        return torch.tensor(tau, dtype=self.dtype, device=self.device)

    # -- sums over the cuts

    def _segments(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of each segment (*batch, K - 1): its first cut, how many, F there, and F's step."""
        v, level = self.base.values, self.base.levels
        v0, v1, l0, l1 = v[..., :-1], v[..., 1:], level[..., :-1], level[..., 1:]
        first = _cut_above(v0)
        count = (_cut_upto(v1) - first + 1).clamp(min=0)
        slope = (l1 - l0) / torch.where(v1 > v0, v1 - v0, torch.ones_like(v1))
        return first, count, l0 + (first - v0) * slope, slope

    def _crps(self, y: Tensor) -> Tensor:
        # sum of F^2 over the cuts below y and of (1 - F)^2 above, the cell of y split at y
        batch, v = self.base.batch_shape, self.base.values
        z = self.index(y)
        cell = torch.floor(z)
        share = z - cell  # of the cell lies below y
        first, count, start, slope = self._segments()
        below = _squares(count, start, slope).cumsum(-1)
        above = _squares(count, 1 - start, -slope).flip(-1).cumsum(-1).flip(-1)
        cut = cell + 0.5
        last = v.shape[-1] - 1
        # A cut at a knot belongs to the segment before: segments are (v0, v1].
        segment = search(v, cut, batch, side="left").clamp(1, last) - 1
        f1, d = read(start, segment, batch), read(slope, segment, batch)
        n, c1 = read(count, segment, batch), read(first, segment, batch)
        before = torch.minimum((cut - c1).clamp(min=0), n)
        at = (cut >= c1) & (cut - c1 < n)
        after = (n - before - at.to(n.dtype)).clamp(min=0)
        resume = f1 + d * (before + at.to(n.dtype))
        score = (
            read(pad(below, (1, 0)), segment, batch)
            + _squares(before, f1, d)
            + _squares(after, 1 - resume, -d)
            + read(pad(above, (0, 1)), segment + 1, batch)
        )
        p = self.base._cdf_left(cut)
        score = score + share * p.square() + (1 - share) * (1 - p).square()
        left, right = self.base.tails
        lowest, highest = v[..., 0], v[..., -1]
        # Beyond the knots F is 0 or 1, or a geometric series.
        score = score + self._tail(_cut_upto(lowest) - cut, left, lower=True)
        score = score + self._tail(cut - _cut_above(highest), right, lower=False)
        score = score * (self.step / self.divisor)
        return torch.where(y.isfinite(), score, y.abs())  # NaN, or infinitely far

    def _tail(self, steps: Tensor, scale: Tensor | None, *, lower: bool) -> Tensor:
        """What the cuts beyond an extreme knot add, but for the cut of y itself.

        Args:
            steps: From the cut nearest to the knot to that of y, in steps outwards.
            scale: Of the tail.
            lower: Which side it is.
        """
        # m cuts lie between the knot and y: there F (or 1 - F) is the wrong way round.
        m = torch.where(steps >= 0, steps, torch.zeros_like(steps))
        own = (steps >= 0).to(m.dtype)  # whether the cut of y is one of the tail's
        if scale is None:
            return m
        end = self.base.values[..., 0 if lower else -1]
        mass = self.base.levels[..., 0] if lower else 1 - self.base.levels[..., -1]
        nearest = _cut_upto(end) if lower else _cut_above(end)
        g = mass * torch.exp(-(nearest - end).abs() / scale)
        once, twice = -torch.expm1(-1 / scale), -torch.expm1(-2 / scale)  # 1 - r, 1 - r^2
        # 1 - F over the first m cuts: sum of (1 - g r^k)^2; then g^2 r^2k over those past y's own.
        near = (
            m
            + 2 * g * torch.expm1(-m / scale) / once
            - g.square() * torch.expm1(-2 * m / scale) / twice
        )
        far = g.square() * torch.exp(-2 * (m + own) / scale) / twice
        return near.clamp(min=0) + far

    def _moments(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """E(J - c) and E(J - c)^2 about an index c (*batch) among the knots.

        For J = c + n, n > 0, the distances of the n cuts between add up to n^2 / 2; so all terms
        of the square are positive, and c near the mean loses no digits.
        """
        first, count, start, slope = self._segments()
        c = c[..., None]
        below = (c - 0.5 - first + 1).clamp(min=0).minimum(count)  # of the cuts of a segment
        above, rest = first + below, count - below
        g = 1 - (start + below * slope)
        # Sums of F and (c - cut) F over the cuts below c, of 1 - F and (cut - c)(1 - F) above it.
        mean = (_sum(rest, g, -slope) - _sum(below, start, slope)).sum(-1)
        square = _products(below, c - first, -torch.ones_like(g), start, slope)
        square = 2 * (square + _products(rest, above - c, torch.ones_like(g), g, -slope)).sum(-1)
        v, c = self.base.values, c.squeeze(-1)
        left, right = self.base.tails
        if right is not None:
            nearest = _cut_above(v[..., -1])
            mass = (1 - self.base.levels[..., -1]) * torch.exp((v[..., -1] - nearest) / right)
            one, two = _geometric(mass, right, nearest - c)
            mean, square = mean + one, square + two
        if left is not None:
            nearest = _cut_upto(v[..., 0])
            mass = self.base.levels[..., 0] * torch.exp((nearest - v[..., 0]) / left)
            one, two = _geometric(mass, left, c - nearest)
            mean, square = mean - one, square + two
        return mean, square

    def _first(self) -> Tensor:
        """The first whole index above the lowest knot's cut, shape (*batch)."""
        return _cut_upto(self.base.values[..., 0]) + 0.5

    def _mean(self) -> Tensor:
        c = self._first()
        return self._value(c + self._moments(c)[0]).expand(self.batch_shape)

    def _variance(self) -> Tensor:
        low = self._first()
        high = torch.maximum(_cut_above(self.base.values[..., -1]) - 0.5, low)
        centre = (low + self._moments(low)[0]).round()
        mean, square = self._moments(torch.minimum(torch.maximum(centre, low), high))
        unit = self.step / self.divisor
        return ((square - mean.square()).clamp(min=0) * unit**2).expand(self.batch_shape)


def _settled(z: Tensor, tolerance: float, reach: Tensor) -> Tensor:
    """Whole where z is off by rounding alone: by a share of the number, or by `reach`."""
    near = z.round()
    reach = torch.maximum(tolerance * near.abs().clamp(min=1), reach)
    return torch.where((z - near).abs() <= reach, near, z)


def _settled_quantile(z: Tensor) -> Tensor:
    eps = torch.finfo(z.dtype).eps
    # Even for a dtype of hardly any digits, only what is near a point becomes that point.
    least = min(_ROUNDINGS_LEVEL * eps, _FAR_QUANTILE)
    rounding = (_ROUNDINGS * eps * z.abs()).clamp(min=least)
    reach = torch.maximum((_NEAR * z.abs()).clamp(_NEAR_QUANTILE, _FAR_QUANTILE), rounding)
    return _settled(z, 0.0, reach)


def _cut_upto(v: Tensor) -> Tensor:
    """The last cut j + 1/2 that is <= v."""
    return torch.floor(v - 0.5) + 0.5


def _cut_above(v: Tensor) -> Tensor:
    """The first cut that is > v."""
    return torch.floor(v + 0.5) + 0.5


def _sum(n: Tensor, a: Tensor, d: Tensor) -> Tensor:
    """A + (a + d) + ..., n terms."""
    return n * a + d * n * (n - 1) / 2


def _squares(n: Tensor, a: Tensor, d: Tensor) -> Tensor:
    """a^2 + (a + d)^2 + ..., n terms."""
    total = n * a.square() + a * d * n * (n - 1) + d.square() * (n - 1) * n * (2 * n - 1) / 6
    return torch.where(n > 0, total, torch.zeros_like(total))


def _products(n: Tensor, a: Tensor, d: Tensor, b: Tensor, e: Tensor) -> Tensor:
    """The sum a b + (a + d)(b + e) + ..., n terms."""
    total = n * a * b + (a * e + b * d) * n * (n - 1) / 2 + d * e * (n - 1) * n * (2 * n - 1) / 6
    return torch.where(n > 0, total, torch.zeros_like(total))


def _geometric(mass: Tensor, scale: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
    """Over the cuts of a tail: the sum of m r^k, and twice that of (distance + k) m r^k."""
    r, once = torch.exp(-1 / scale), -torch.expm1(-1 / scale)
    total = mass / once
    return total, 2 * (distance * total + total * r / once)
