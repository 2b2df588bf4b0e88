"""A monotone piecewise linear quantile function with free values."""

from typing import Any, ClassVar, Literal, Self, final, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.heads.base import AbstractHead, check_context, readout
from qdist.heads.calibration import counted
from qdist.heads.censoring import censored, check_range, grid_points, on_grid, way_back
from qdist.heads.half_crps import half_crps
from qdist.heads.units import units_of
from qdist.quantile import Categorical, PiecewiseLinear
from qdist.quantile.masses import mass_within

__all__ = ["SplineHead"]

# Least increment and tail, in units of scale: nothing is ever divided by zero.
_LEAST = 1e-6

Levels = Literal["fixed", "free"]
Score = Literal["crps", "log", "both"]


@final
class SplineHead(AbstractHead):
    r"""K knots, monotone by construction, trained by the exact integrated pinball loss.

    The context gives a median and K - 1 positive increments; their sums are the values at K
    levels, evenly spaced (`levels="fixed"`) or a cumulative softmax of the context too (`"free"`,
    for laws with jumps at levels of their own). Outside the extreme knots there are exponential
    tails, unless the range ends there. The loss $\int_0^1 \rho_\tau(y - Q(\tau)) d\tau$ is half
    the CRPS, in closed form: no level is drawn, so its gradient has no Monte Carlo noise.

    With `lower` or `upper` the quantile function is cut at the ends of the range: what lies beyond
    is an atom there. Training sends it a margin beyond, and brings back what strays.

    With `step` the target lives on the grid lower, lower + step, ..., upper: the law is that of
    the value rounded to the grid, and the score is that of the cells.

    Args:
        context: Width C of the contexts.
        knots: The number K of knots.
        levels: Whether the levels are "fixed" or "free".
        lower: Lower end of the range, or None.
        upper: Upper end of the range, or None.
        margin: How far beyond the range training sends its atoms, in units of `scale`.
        step: Spacing of the grid, or None; needs `lower` and `upper`.
        score: What `loss` returns: half the CRPS, the log score, or the sum of both, the former
            then divided by `step`: it moves the knots to where the mass is, and the log score
            clears what is left between. The log score needs a `step`.
        loc: Where the target lies, before training.
        scale: How widely it spreads, before training. Its unit is that of the target.

    Raises:
        InputError: If an argument is out of its range, or the arguments contradict each other.

    Example:
        Before training the law is near normal.

        >>> import torch
        >>> head = SplineHead(2, loc=5.0)
        >>> head(torch.zeros(2)).icdf(torch.tensor([0.1, 0.5, 0.9])).round(decimals=1)
        tensor([3.7000, 5.0000, 6.2000], grad_fn=<...>)
    """

    name: ClassVar[str] = "spline"
    grid: Tensor | None
    at: Tensor
    offset: Tensor

    def __init__(
        self,
        context: int,
        *,
        knots: int = 32,
        levels: Levels = "fixed",
        lower: float | None = None,
        upper: float | None = None,
        margin: float = 0.1,
        step: float | None = None,
        score: Score = "crps",
        loc: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        check_range(lower, upper, scale=scale, margin=margin)
        _check_choices(knots, levels, score)
        if score != "crps" and step is None:
            # The density jumps where a knot passes the target, so the gradient of the log density
            # at draws is not that of its mean, and training would go astray. The mass of a cell
            # is continuous in the knots.
            raise InputError(
                f"Expected score 'crps' without a step; got {score!r}. Give score='crps' or the "
                "step of the grid, or take the binned head, whose log score may be trained."
            )
        self.lower, self.upper, self.margin = lower, upper, margin * scale
        self.score, self.loc, self.scale = score, loc, scale
        self.levels, self.knots = levels, knots
        self.unit = 1.0 if step is None else step
        self.register_buffer("grid", None if step is None else grid_points(lower, upper, step))
        # On a grid the outer cells take the tails; elsewhere a side that ends has none.
        self.tailed = (step is not None or lower is None, step is not None or upper is None)

        first = 0.5 / knots if self.tailed[0] else 0.0
        last = 1 - 0.5 / knots if self.tailed[1] else 1.0
        at = torch.linspace(first, last, knots, dtype=torch.float64)
        self.register_buffer("at", at.to(torch.get_default_dtype()))
        self._shapes = [1, knots - 1, 2, knots + 1 if levels == "free" else 0]
        check_context(context)
        self.layer = nn.Linear(context, sum(self._shapes))
        nn.init.zeros_(self.layer.bias)
        # Before training the increments are those of a normal law.
        normal = torch.special.ndtri(at.clamp(0.25 / knots, 1 - 0.25 / knots))
        offset = torch.cat([normal.diff(), torch.full((2,), 0.4, dtype=torch.float64)])
        self.register_buffer("offset", offset.expm1().log().to(torch.get_default_dtype()))

    def forward(self, h: Tensor) -> PiecewiseLinear | Categorical:
        """Return the law given h (..., C): `PiecewiseLinear`, or `Categorical` on a grid."""
        law = self._uncut(h)
        if self.grid is not None:
            return on_grid(law, self.grid.to(law.dtype))
        return censored(law, self.lower, self.upper)

    def value_at(self, h: Tensor, tau: Tensor) -> Tensor:
        """Return the quantiles at levels tau (S..., *batch), as `forward(h).icdf(tau)` does.

        The quantile of what is rounded to a grid is the rounded quantile: on a grid, no cell but
        that one is computed.
        """
        if self.grid is None:
            return super().value_at(h, tau)
        return self.grid.to(tau.dtype)[self._cell(self._uncut(h).icdf(tau))]

    def loss(
        self, h: Tensor, target: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return half the CRPS, or the log score, (...) at target (...), given h (..., C)."""
        del generator  # the score is exact
        uncut = self._uncut(h)
        target = target.to(uncut.dtype)
        if self.score == "log":  # the two ends of a target's cell are all that it takes
            return -self._log_cell(uncut, self._cell(target))
        law: PiecewiseLinear | Categorical
        if self.grid is None and self.lower is self.upper is None and self.levels == "fixed":
            return half_crps(uncut, target)
        if self.grid is None:
            law = censored(uncut, self.lower, self.upper)
        else:
            law = on_grid(uncut, self.grid.to(uncut.dtype))
            target = law.values[self._cell(target)]
        loss = law.crps(target) / 2
        if self.score == "both":
            return loss / self.unit - law.log_prob(target)
        if self.lower is self.upper is None:
            return loss
        return loss + self._way_back(uncut, target)

    @property
    def log_score(self) -> bool:
        """Whether `loss` is minus the law's `log_prob`."""
        return self.score == "log"

    @property
    def loss_unit(self) -> float:
        """The scale of a CRPS; with a log score the loss has no unit."""
        return self.scale if self.score == "crps" else 1.0

    @torch.no_grad()
    def start(self, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Set the biases so that the law at context 0 has the quantiles of targets (N,)."""
        levels = self._uncut(torch.zeros_like(self.layer.weight[0])).levels
        target = target.flatten()
        if weight is not None:
            target = _as_often_as_weighed(target, weight)
        target, times = counted(target, None)  # bytes each once, in order
        target = target.to(levels.dtype)
        if times is None:
            target = target.sort().values
            times = torch.ones_like(target)
        reached = times.double().cumsum(0)
        n = int(reached[-1])
        rank = _ranks(levels, n)
        at = torch.searchsorted(reached, rank.double(), right=True)
        q = (target[at] - self.loc) / self.scale
        # The mean distance of what lies beyond the extreme knots, for the tails.
        low, high = slice(None, int(at[0]) + 1), slice(int(at[-1]), None)
        left = (times[low] * (target[at[0]] - target[low])).sum() / (rank[0] + 1)
        right = (times[high] * (target[high] - target[at[-1]])).sum() / (n - rank[-1])
        # Equal quantiles start a little apart: an increment near zero has hardly a gradient.
        tails = torch.stack([left, right]).to(q) / self.scale
        size = torch.cat([q.diff(), tails]).clamp(min=1e-2)
        raw = size + (-(-size).expm1()).log() - self.offset.to(size.dtype)
        bias = torch.cat([q[self.knots // 2, None], raw])
        self.layer.bias[: len(bias)] = bias.to(self.layer.bias.dtype)

    @classmethod
    def for_coordinate(cls, coordinate: Coordinate, context: int, **args: Any) -> Self:
        """Build the head in the units of the coordinate; its bins, if any, give the range."""
        return cls(context, **{**units_of(coordinate), **args})

    def extra_repr(self) -> str:
        """Show the knots, the range and the score."""
        return (
            f"knots={self.knots}, levels={self.levels!r}, lower={self.lower}, "
            f"upper={self.upper}, score={self.score!r}"
        )

    def _cell(self, target: Tensor) -> Tensor:
        assert self.grid is not None
        return torch.searchsorted((self.grid[1:] + self.grid[:-1]) / 2, target.contiguous())

    def _log_cell(self, law: PiecewiseLinear, cell: Tensor) -> Tensor:
        """Return the log masses (...) of cells (...), as `on_grid` has them."""
        assert self.grid is not None
        edges = ((self.grid[1:] + self.grid[:-1]) / 2).to(law.dtype)
        first, last = cell == 0, cell == len(edges)
        low, high = edges[(cell - 1).clamp(min=0)], edges[cell.clamp(max=len(edges) - 1)]
        mass = mass_within(law, low, high, first=first, last=last)
        return mass.clamp(min=torch.finfo(mass.dtype).tiny).log()

    def _way_back(self, law: PiecewiseLinear, target: Tensor) -> Tensor:
        """Return zeros with the gradient of the knots beyond the range; see `way_back`."""
        levels = law.levels.detach()
        edges = (levels[..., 1:] + levels[..., :-1]) / 2
        weight = functional.pad(edges, (0, 1), value=1.0) - functional.pad(edges, (1, 0))
        zero = way_back(
            law.values, levels, target.unsqueeze(-1), self.lower, self.upper, margin=self.margin
        )
        return (weight * zero).sum(-1)

    def average(self, h: Tensor) -> PiecewiseLinear:
        """Return the law (...) that has the mean quantile function of those given h (..., M, C).

        The values are sums of increments, so the average is taken of these, and summed once.

        Raises:
            InputError: If levels are free or there is a range, where values are not all there is.
        """
        if self.levels == "free" or not self.lower is self.upper is None:
            raise InputError(
                "Expected fixed levels and no range; got a head with one of them. Average the "
                "quantile functions of its laws."
            )
        middle, size, _ = self._parts(h)
        return self._from_parts(middle.mean(-2), size.mean(-2), self.at.to(middle.dtype))

    def _uncut(self, h: Tensor) -> PiecewiseLinear:
        middle, size, free = self._parts(h)
        levels = self.at.to(free.dtype) if self.levels == "fixed" else self._free(free)
        return self._from_parts(middle, size, levels)

    def _parts(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the median, the increments and scales of tails, and what levels are made of."""
        raw = readout(self.layer, h)
        middle, sizes, free = raw.split([1, self.knots + 1, self._shapes[-1]], -1)
        size = functional.softplus(sizes + self.offset.to(raw.dtype)) + _LEAST
        return middle, size, free

    def _from_parts(self, middle: Tensor, size: Tensor, levels: Tensor) -> PiecewiseLinear:
        values = functional.pad(size[..., :-2].cumsum(-1), (1, 0))
        values = values - values[..., self.knots // 2, None]
        # Rounding is monotone: adding one number to all keeps their order, in any precision.
        values = self.loc + self.scale * (values + middle)
        left, right = (self.scale * size[..., -2:]).unbind(-1)
        return PiecewiseLinear(
            levels,
            values,
            tails=(left if self.tailed[0] else None, right if self.tailed[1] else None),
            validate_args=False,
        )

    def _free(self, raw: Tensor) -> Tensor:
        """Return K levels as cumulative masses; a side without a tail has no mass outside."""
        shut = torch.tensor(
            [not self.tailed[0], *[False] * (self.knots - 1), not self.tailed[1]],
            device=raw.device,
        )
        mass = raw.masked_fill(shut, -torch.inf).softmax(-1).cumsum(-1)
        return (mass / mass[..., -1:])[..., :-1].clamp(max=1.0)


def _check_choices(knots: int, levels: str, score: str) -> None:
    if knots < 2:
        raise InputError(f"Expected at least 2 knots; got {knots}. 32 serve most targets.")
    if levels not in get_args(Levels):
        raise InputError(f"Expected levels 'fixed' or 'free'; got {levels!r}. Choose one.")
    if score not in get_args(Score):
        raise InputError(f"Expected score 'crps', 'log' or 'both'; got {score!r}. Choose one.")


def _as_often_as_weighed(target: Tensor, weight: Tensor) -> Tensor:
    """N targets of weight one, as many of each size as the weights (N,) say."""
    target, at = target.sort()
    mass = weight[at].double().cumsum(0)
    middle = (torch.arange(len(target), device=mass.device) + 0.5) / len(target) * mass[-1]
    return target[torch.searchsorted(mass, middle.to(mass)).clamp(max=len(target) - 1)]


def _ranks(levels: Tensor, n: int) -> Tensor:
    """Places of levels (K,) among n sorted targets; single precision would go past the last."""
    return (levels.double() * (n - 1)).round().long()
