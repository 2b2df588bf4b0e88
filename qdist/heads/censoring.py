"""Mass at the ends of a range and on the points of a grid, for laws that are continuous."""

from math import floor, inf

import torch
from torch import Tensor

from qdist.errors import InputError
from qdist.quantile import Categorical, PiecewiseLinear
from qdist.quantile.masses import mass_between

__all__ = ["censored", "check_range", "grid_points", "on_grid", "way_back"]


def way_back(
    q: Tensor,
    tau: Tensor,
    target: Tensor,
    lower: float | None,
    upper: float | None,
    *,
    margin: float,
) -> Tensor:
    r"""Return zeros whose gradient is the one that a clamp of q to [lower, upper] lacks.

    A clamp has no gradient where it acts: a quantile that strays beyond the range would never
    come back. The gradient here is that of a pinball loss without a clamp, in which a target at an
    end of the range stands for all values beyond it by at least the margin: a quantile there has
    reached such a target, and has no gradient. Up to the margin the mean of the gradient is
    $F(l) - \tau$ ($F(u-) - \tau$ at the upper end): negative, which leads back, just where the
    quantile should lie inside; so the optimum of the clamped loss is not moved. Nothing is pushed
    farther out than the margin, from where the way back is short.

    Args:
        q: Values before the clamp, shape (...).
        tau: Their levels, shape (...).
        target: Targets, shape (...).
        lower: Lower end of the range, or None.
        upper: Upper end of the range, or None.
        margin: How far beyond the range its atoms are put.

    Returns:
        Zeros, shape (...).

    Source:
        Ours; that quantiles of censored targets are clamped quantiles is from "Censored
        regression quantiles" (Powell, 1986).

    Example:
        At level 0.9 a value below the range comes back, unless 0.9 of the mass is on the end.

        >>> import torch
        >>> q = torch.tensor([-0.5], requires_grad=True)
        >>> args = dict(lower=0.0, upper=None, margin=1.0)
        >>> way_back(q, torch.tensor(0.9), torch.tensor([0.7]), **args).sum().backward()
        >>> q.grad
        tensor([-0.9000])
    """
    slope = torch.zeros_like(q)
    if lower is not None:
        atom = (target <= lower).to(q.dtype)
        there = (target <= lower) & (q <= lower - margin)
        slope = torch.where(q < lower, (atom - tau).masked_fill(there, 0.0), slope)
    if upper is not None:
        below = (target < upper).to(q.dtype)
        there = (target >= upper) & (q >= upper + margin)
        slope = torch.where(q > upper, (below - tau).masked_fill(there, 0.0), slope)
    return slope.detach() * (q - q.detach())


def censored(law: PiecewiseLinear, lower: float | None, upper: float | None) -> PiecewiseLinear:
    r"""Return the law of $\min(\max(Y, l), u)$, exactly: what lies beyond becomes an atom.

    The clamp acts on $Q(\tau)$, not on the knots: a segment that crosses the end of the range is
    cut there, so an atom takes just the mass beyond, not a whole number of segments.

    Args:
        law: The law of Y, without a tail on a side that is cut.
        lower: Lower end of the range, or None.
        upper: Upper end of the range, or None.

    Returns:
        The censored law, with one more knot for each end.

    Source:
        "Censored regression quantiles" (Powell, 1986).

    Example:
        >>> import torch
        >>> law = PiecewiseLinear(torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 3.0]))
        >>> cut = censored(law, 0.0, None)
        >>> cut.cdf_left(torch.tensor(0.0)).item(), cut.cdf(torch.tensor(0.0)).item()
        (0.0, 0.25)
    """
    ends = [end for end in (lower, upper) if end is not None]
    if not ends:
        return law
    batch = law.batch_shape
    at = [law.cdf(torch.full(batch, e, dtype=law.dtype, device=law.device)) for e in ends]
    points = [torch.full_like(level, e) for level, e in zip(at, ends, strict=True)]
    levels = torch.cat([law.levels.expand(*batch, -1), torch.stack(at, -1)], -1)
    values = law.values.clamp(lower, upper).expand(*batch, -1)
    values = torch.cat([values, torch.stack(points, -1)], -1)
    # Both sequences increase together, so each may be sorted by itself.
    return PiecewiseLinear(
        levels.sort(-1).values,
        values.sort(-1).values,
        tails=law.tails,
        validate_args=False,
    )


def on_grid(law: PiecewiseLinear, grid: Tensor) -> Categorical:
    r"""Return the law of Y rounded to the nearest of the points of a grid.

    Point $g_k$ has the mass $F(\bar g_k) - F(\bar g_{k-1})$, where $\bar g_k$ lies half way to
    the next point; the outer points take all that lies beyond.

    Args:
        law: The law of Y.
        grid: Increasing points, shape (G,).

    Returns:
        A law of batch shape (...) on the G points.
    """
    edges = (grid[1:] + grid[:-1]) / 2
    edges = edges.reshape(-1, *[1] * len(law.batch_shape)).expand(-1, *law.batch_shape)
    cdf = law.cdf(edges).movedim(0, -1)
    survival = law.sf(edges).movedim(0, -1)
    inner = mass_between((cdf[..., :-1], cdf[..., 1:]), (survival[..., :-1], survival[..., 1:]))
    mass = torch.cat([cdf[..., :1], inner, survival[..., -1:]], -1)
    logits = mass.clamp(min=torch.finfo(mass.dtype).tiny).log()
    return Categorical(logits, values=grid, validate_args=False)


def check_range(lower: float | None, upper: float | None, *, scale: float, margin: float) -> None:
    """Raise `InputError` unless lower < upper, scale > 0 and the margin is a number >= 0."""
    if lower is not None and upper is not None and not lower < upper:
        raise InputError(f"Expected lower < upper; got {lower} and {upper}. Swap or drop them.")
    if not scale > 0:
        raise InputError(f"Expected a positive scale; got {scale}. Give the spread of the target.")
    if not 0 <= margin < inf:
        raise InputError(f"Expected a margin >= 0; got {margin}. 0.1 is a good start.")


def grid_points(lower: float | None, upper: float | None, step: float) -> Tensor:
    """Return the points lower, lower + step, ... up to upper, shape (G,)."""
    if lower is None or upper is None:
        raise InputError(
            "Expected lower and upper with a step; got an open range. Give both ends."
        )
    count = floor((upper - lower) / step + 1e-6) + 1 if step > 0 else 0
    if count < 2:
        raise InputError(
            f"Expected a step of at most {upper - lower}; got {step}. Give the grid's spacing."
        )
    return lower + step * torch.arange(count, dtype=torch.get_default_dtype())
