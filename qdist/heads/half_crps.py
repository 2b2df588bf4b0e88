r"""Half the CRPS of many laws at once, for training: knots at levels that are shared and fixed.

The score is $\int_0^1 (1\{\tau > p\} - \tau) (Q(\tau) - y) d\tau$ with $p = F(y)$, and Q is linear
in its values: $Q(\tau) = \sum_k v_k h_k(\tau)$ with hats $h_k$ that depend on the levels alone. So
it is $\sum_k g_k(p) (v_k - y)$ with $g_k(p) = \int_p^1 h_k - \int_0^1 \tau h_k$. How p moves with
the values does not matter to the gradient, as the integrand is 0 there (the envelope theorem):
$g_k$ *is* the gradient, and a constant to autograd.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from qdist.quantile import PiecewiseLinear
from qdist.quantile.piecewise import tail_crps

__all__ = ["half_crps"]


def half_crps(law: PiecewiseLinear, y: Tensor) -> Tensor:
    """Return `law.crps(y) / 2` in a third of its operations.

    First derivatives are those of the score; second ones are not, which is why this serves
    training and is not how the law itself answers.

    Args:
        law: Of batch shape (...), with levels (K,) that need no gradient.
        y: Observations, shape (...).

    Returns:
        Scores, shape (...).

    Example:
        >>> levels = torch.tensor([0.0, 1.0])
        >>> law = PiecewiseLinear(levels, torch.tensor([0.0, 2.0]))
        >>> half_crps(law, torch.tensor(1.0)), law.crps(torch.tensor(1.0)) / 2
        (tensor(0.0833), tensor(0.0833))
    """
    levels, values, (left, right) = law.levels, law.values, law.tails
    # Beyond the extreme knots the tails add their part; for the knots, y is then at their end.
    near = torch.minimum(torch.maximum(y, values[..., 0]), values[..., -1]).unsqueeze(-1)
    score = ((values - near) * _weights(levels, values.detach(), near.detach())).sum(-1)
    outer = tail_crps(values[..., 0] - y, levels[0], left)
    outer = outer + tail_crps(y - values[..., -1], 1 - levels[-1], right)
    return score + outer / 2


@torch.no_grad()
def _weights(levels: Tensor, values: Tensor, y: Tensor) -> Tensor:
    """The g_k (..., K) at y (..., 1); a tail counts as an atom at its knot."""
    start, end = levels[:-1], levels[1:]
    mass = end - start
    low, high = values[..., :-1], values[..., 1:]
    width = high - low
    # How far into each segment p lies: 1 in those before y, 0 in those after it.
    into = ((y - low) / width.clamp(min=torch.finfo(width.dtype).tiny)).clamp_(0, 1)
    rest = 1 - into
    falling = rest * rest * (mass / 2)  # of the hat that ends with the segment
    rising = rest.mul_(mass) - falling
    falling -= mass * (2 * start + end) / 6
    rising -= mass * (start + 2 * end) / 6
    weight = pad(falling, (0, 1)) + pad(rising, (1, 0))
    weight[..., 0] -= levels[0] ** 2 / 2
    weight[..., -1] += (1 - levels[-1]) ** 2 / 2
    return weight
