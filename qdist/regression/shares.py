r"""The shares of laws in their average that serve held-out rows best.

Shares on a grid of the simplex are scored by the CRPS of the average. The best of the grid on some
hundred rows is partly luck: so the rows are drawn again, with replacement, and the shares are the
mean of those that are best in each draw. They then follow the rows where these are clear, and lie
in between where they are not.

Source: "Bagging Predictors" (Breiman, 1996); "Stacked generalization" (Wolpert, 1992).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import torch
from torch import Tensor

from qdist.quantile import PiecewiseLinear
from qdist.regression.average import average

__all__ = ["best_shares"]

_STEPS: Final = 10  # of the grid, from 0 to 1
_DRAWS: Final = 100
_LEAST: Final = 0.02  # a smaller share is not worth the asking


def best_shares(
    laws: Sequence[PiecewiseLinear],
    y: Tensor,
    weight: Tensor,
    *,
    decode: Callable[[PiecewiseLinear], PiecewiseLinear] = lambda law: law,
) -> list[float]:
    """Shares of sum 1 for laws of held-out targets.

    Args:
        laws: Laws of batch shape (N,), which share either their levels or their values.
        y: The targets, shape (N,).
        weight: What each of them counts, shape (N,).
        decode: Takes the average to the scale of the targets, where it is judged.

    Returns:
        One share for each law; those below 0.02 become 0.

    Example:
        >>> levels = torch.tensor([0.0, 1.0])
        >>> right, wrong = torch.tensor([-1.0, 1.0]), torch.tensor([5.0, 6.0])
        >>> laws = [PiecewiseLinear(levels, v.expand(9, 2)) for v in (wrong, right)]
        >>> best_shares(laws, torch.linspace(-1, 1, 9), torch.ones(9))
        [0.0, 1.0]
    """
    if len(laws) == 1:
        return [1.0]
    grid = torch.tensor(list(_simplex(len(laws), _STEPS)), dtype=torch.float64) / _STEPS
    weight = weight.double()
    scores = torch.stack([decode(average(laws, shares)).crps(y) for shares in grid.tolist()], -1)
    # How often each row is drawn, (draws, N); the seed is fixed, as nothing depends on its luck.
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(y), (_DRAWS, len(y)), generator=generator)
    often = torch.zeros(_DRAWS, len(y), dtype=torch.float64)
    often.scatter_add_(1, drawn, torch.ones_like(often))
    best = (often @ (weight[:, None] * scores.double())).argmin(-1)
    shares = grid[best].mean(0)
    shares = shares.masked_fill(shares < _LEAST, 0.0)
    found: list[float] = (shares / shares.sum()).tolist()
    return found


def _simplex(parts: int, total: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a sum of so many parts, each at least 0."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _simplex(parts - 1, total - first):
            yield (first, *rest)
