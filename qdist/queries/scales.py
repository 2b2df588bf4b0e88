r"""From the law of an encoded cell to the law of the cell itself, given that it is not missing.

The network's law is one of a level $u$ in [0, 1], or of a code. A numeric column is $z = G(u)$ for
a monotone curve G of linear pieces, atoms and exponential tails, so $F_z(z) = F_u(G^{-1}(z))$:
piecewise linear again, with knots where G or the network's law has one, atoms that stay atoms, and
the tails of G. Nothing is approximated where the network's law is piecewise linear too, and
uniform in the tails of G, as a law of bins is. The mass that another law has there, or beyond 0
and 1, is spread as the tail of G is; draws of the joint are decoded as they fall.

"Missing" is an atom of its own. Given presence its mass m is taken out,
$F \mapsto (F - m) / (1 - m)$.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.codecs.coded import CodedColumn
from qdist.codecs.columns import AbstractColumn
from qdist.codecs.curved import CurvedColumn
from qdist.codecs.marginal import LOWER_TAIL, UPPER_TAIL, MarginalCurve
from qdist.codecs.raw import is_numeric, natural_unit, ticks_per_unit, to_raw
from qdist.errors import UnsupportedError
from qdist.heads.factored import FactoredCategorical
from qdist.quantile import Categorical, Mixture, PiecewiseLinear, QuantileFunction, Rounded
from qdist.queries.heaped import Heaped

__all__ = ["code_law", "data_law", "index_law", "missing_mass", "no_law"]

# Where "present" has less mass than this, a law in single precision says nothing of the values:
# the marginal stands in for it.
_LEAST = 1e-6
_GRID = 256  # levels at which a law without knots is read


@torch.no_grad()
def missing_mass(column: AbstractColumn, base: QuantileFunction) -> Tensor:
    """The probability that the cell is missing, float64, shape (N,)."""
    if column.missing_value is None:  # also where the law reaches below 0
        mass = torch.zeros(base.batch_shape)
    elif isinstance(column, CurvedColumn):
        mass = base.cdf_left(column.curve.missing).clamp(0, 1)
    else:
        mass = _mass(base, column.missing_value)
    return mass.to("cpu", torch.float64)


def data_law(column: AbstractColumn, base: QuantileFunction) -> QuantileFunction:
    """The law of a column on its own scale, given presence.

    Args:
        column: The column's codec.
        base: The law of the encoded value, batch shape (N,).

    Returns:
        A law of batch shape (N,) in float64: [`PiecewiseLinear`][qdist.quantile.PiecewiseLinear]
        for real numbers, [`Rounded`][qdist.quantile.Rounded] where they lie on a grid, and
        [`Categorical`][qdist.quantile.Categorical] for levels (with their names) and for numbers
        of which there are few. Levels without an order have probabilities only; booleans are 0
        and 1. Times count in seconds since 1970, dates in days. Where values are heaped, a heap's
        mass is spread over its stride: closed forms go no further.
    """
    if isinstance(column, CodedColumn):
        law = code_law(column, base)
        if column.schema.kind == "boolean" and set(law.names or ()) <= {0, 1}:
            return _boolean(law)
        if not column.on_line:
            return law
        raw, _ = to_raw(column.levels, column.schema.name)
        values = torch.from_numpy(raw.astype("float64")) * natural_unit(column.levels.type)
        return Categorical(law.logits, values=values, validate_args=False)
    if isinstance(column, CurvedColumn):
        axis = column.axis
        divisor = 10.0**axis.decimals * ticks_per_unit(column.kind)
        origin, step = float(axis.base), float(axis.step)
        law_z = _curve_law(column.curve, base)
        if axis.gridded:
            return Rounded(law_z, origin=origin, step=step, divisor=divisor, validate_args=False)
        left, right = law_z.tails
        unit = step / divisor
        return PiecewiseLinear(
            law_z.levels,
            (origin + step * law_z.values) / divisor,
            tails=(None if left is None else left * unit, None if right is None else right * unit),
            validate_args=False,
        )
    raise no_law(column)


def no_law(column: AbstractColumn) -> UnsupportedError:
    """What to raise where the law of an id is asked for."""
    return UnsupportedError(
        f"Expected a column with values that can be predicted; got {column.schema.name!r}, of "
        f"kind {column.schema.kind}. Of an id only prob_missing is known."
    )


def index_law(column: CurvedColumn, base: QuantileFunction) -> PiecewiseLinear | Rounded | Heaped:
    """The law of a numeric column on its axis, the index of its grid if it has one."""
    law = _curve_law(column.curve, base)
    if column.heaps is not None:
        return Heaped(law, column.heaps, validate_args=False)
    return Rounded(law, validate_args=False) if column.axis.gridded else law


@torch.no_grad()
def code_law(column: CodedColumn, base: QuantileFunction) -> Categorical:
    """The law of a column's codes given presence, float64, its levels named.

    Where the levels have no order, the law has none of what needs one.
    """
    mass = _masses(base, len(column.levels)).to("cpu", torch.float64)
    mass = torch.where(mass.sum(-1, keepdim=True) > 0, mass, torch.ones_like(mass))
    names = None if is_numeric(column.levels.type) and column.on_line else column.levels
    return Categorical(
        mass.log(),
        names=None if names is None else names.to_pylist(),
        ordered=column.on_line or column.schema.kind == "ordered",
        validate_args=False,
    )


def _boolean(law: Categorical) -> Categorical:
    """The law of booleans on their values 0 and 1, of which there may be one only."""
    values = torch.tensor([float(name) for name in law.names or ()], dtype=torch.float64)
    order = values.argsort()
    return Categorical(law.logits[..., order], values=values[order], validate_args=False)


def _masses(base: QuantileFunction, count: int) -> Tensor:
    """The probabilities of the first codes, shape (N, count)."""
    if isinstance(base, Mixture):
        # Component by component: differences of their cdf would leave a rare code no digits.
        return _weighted(base, [_masses(law, count) for law in base.laws])
    if isinstance(base, Categorical | FactoredCategorical):
        return base.probs[..., :count]
    codes = torch.arange(count, dtype=base.dtype, device=base.device)[:, None]
    return (base.cdf(codes) - base.cdf_left(codes)).clamp(min=0).movedim(0, -1)


def _mass(base: QuantileFunction, code: float) -> Tensor:
    """The probability of one code, shape (N,), without a look at the others: they may be many."""
    if isinstance(base, Mixture):
        return _weighted(base, [_mass(law, code) for law in base.laws])
    if isinstance(base, Categorical | FactoredCategorical):
        return base.log_prob(code).exp()
    return (base.cdf(code) - base.cdf_left(code)).clamp(min=0)


def _weighted(base: Mixture, parts: Sequence[Tensor]) -> Tensor:
    """The mean of what the components say, each of one shape, by their shares."""
    return torch.stack([w * part for w, part in zip(base.weights, parts, strict=True)]).sum(0)


@torch.no_grad()
def _curve_law(curve: MarginalCurve, base: QuantileFunction) -> PiecewiseLinear:
    """The law of z = G(u), given presence, float64: knots at both ends of each inner piece."""
    lower, upper = curve.kind[0] == LOWER_TAIL, curve.kind[-1] == UPPER_TAIL
    inner = slice(int(lower), len(curve.kind) - int(upper))
    z = torch.from_numpy(curve.z[inner].copy())
    u = torch.from_numpy(curve.u[inner].copy())
    ends = torch.cat([u[:1, 0], u[:, 1]])
    upto = _cdf(base, ends)  # (N, P + 1)
    values = z.flatten().expand(*base.batch_shape, -1)
    levels = upto.repeat_interleave(2, -1)[..., 1:-1]
    knots = ends.repeat_interleave(2)[1:-1]
    kinks = _kinks(curve, base, ends)
    if kinks is not None:
        values, levels, knots = _merge(curve, base, kinks, values, levels, knots)
    else:
        values = z.flatten()  # shared by all rows, the fast case of the look-ups
    # Where nothing is missing, what the law has below 0 belongs to the lower end.
    present = 1 - _cdf_left(base, curve.missing) if curve.missing else levels.new_ones(1)
    share = (levels - (1 - present)) / present.clamp(min=_LEAST)
    there = present > _LEAST
    if not bool(there.all()):  # knots are sorted only where they are needed
        marginal = (knots.sort(-1).values - curve.missing) / (1 - curve.missing)
        share = torch.where(there, share, marginal)
    levels = share.clamp(0, 1).cummax(-1).values
    if not upper:
        levels[..., -1] = 1.0
    if not lower:
        levels[..., 0] = 0.0
    scales = torch.from_numpy(curve.scales)
    return PiecewiseLinear(
        levels,
        values,
        tails=(scales[0] if lower else None, scales[1] if upper else None),
        validate_args=False,
    )


def _cdf(base: QuantileFunction, u: Tensor) -> Tensor:
    """F at shared points (M,): float64, shape (N, M)."""
    found = base.cdf(u.to(base.device, base.dtype)[:, None])
    return found.movedim(0, -1).to("cpu", torch.float64)


def _cdf_left(base: QuantileFunction, u: float) -> Tensor:
    """F(u-) at one point: float64, shape (N, 1)."""
    return base.cdf_left(u).to("cpu", torch.float64)[..., None]


def _kinks(curve: MarginalCurve, base: QuantileFunction, ends: Tensor) -> Tensor | None:
    """Where the network's law bends inside a piece, shape (K,) or (N, K); None if nowhere."""
    if not isinstance(base, PiecewiseLinear):
        grid = (torch.arange(_GRID, dtype=base.dtype, device=base.device) + 0.5) / _GRID
        return base.quantiles(grid)
    if base.values.dim() > 1 or any(scale is not None for scale in base.tails):
        return base.values
    # Bins are unions of pieces, and atoms lie alone inside a piece of their own.
    ours = torch.cat([ends, torch.tensor([p for pair in curve.bins for p in pair]).to(ends)])
    known = torch.isin(base.values.to("cpu", ours.dtype), ours)
    return None if bool(known.all()) else base.values


def _merge(
    curve: MarginalCurve,
    base: QuantileFunction,
    kinks: Tensor,
    values: Tensor,
    levels: Tensor,
    knots: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Adds knots at the kinks: to values z and levels, each (N, M), and their places u, (M,).

    As z and levels rise with u, they can be sorted one by one; the places are not yet sorted.
    """
    low = float(curve.u[0, 1 if curve.kind[0] == LOWER_TAIL else 0])
    high = float(curve.u[-1, 0 if curve.kind[-1] == UPPER_TAIL else 1])
    u = kinks.expand(*base.batch_shape, kinks.shape[-1]).to(base.dtype).clamp(low, high)
    columns = u.movedim(-1, 0)
    sides = [f(columns).movedim(0, -1).to(levels) for f in (base.cdf_left, base.cdf)]
    u = u.to("cpu", torch.float64)
    z = torch.from_numpy(curve.place(u.flatten().numpy())).view(u.shape)
    return (
        torch.cat([values, z, z], -1).sort(-1).values,
        torch.cat([levels, *sides], -1).sort(-1).values,
        torch.cat([knots.expand(*base.batch_shape, -1), u, u], -1),
    )
