"""Laws of the batches of a table as the law of all its rows."""

from collections.abc import Sequence

import torch

from qdist.quantile import Categorical, PiecewiseLinear, QuantileFunction

__all__ = ["join", "join_pieces"]


def join(laws: Sequence[QuantileFunction]) -> QuantileFunction:
    """One law of batch shape (N,) out of laws of batch shapes that add up to N.

    Args:
        laws: All `PiecewiseLinear`, with levels of their own or all with the same (K,), or all
            `Categorical` on the same values.

    Returns:
        A law of the same class.

    Example:
        >>> levels = torch.tensor([0.0, 1.0])
        >>> part = PiecewiseLinear(levels, torch.zeros(2, 2))
        >>> join([part, part]).batch_shape
        torch.Size([4])
    """
    first = laws[0]
    if len(laws) == 1:
        return first
    if isinstance(first, Categorical):
        logits = torch.cat([law.logits for law in laws if isinstance(law, Categorical)])
        return Categorical(logits, values=first.given_values, validate_args=False)
    return join_pieces([law for law in laws if isinstance(law, PiecewiseLinear)])


def join_pieces(laws: Sequence[PiecewiseLinear]) -> PiecewiseLinear:
    """The same for piecewise linear laws; levels (K,) or values (K,) that they share stay so."""
    first = laws[0]
    if len(laws) == 1:
        return first
    left, right = (
        None
        if first.tails[side] is None
        else torch.cat([t for law in laws if (t := law.tails[side]) is not None])
        for side in (0, 1)
    )
    levels, values = first.levels, first.values
    if levels.dim() > 1:
        levels = torch.cat([law.levels for law in laws])
    if values.dim() > 1:
        values = torch.cat([law.values for law in laws])
    return PiecewiseLinear(levels, values, tails=(left, right), validate_args=False)
