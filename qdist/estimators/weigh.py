"""The laws of networks and forests for the same rows, and what each of them is to count."""

from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.estimators.join import join_pieces
from qdist.laws import RegressionLaw
from qdist.quantile import PiecewiseLinear
from qdist.regression import TargetCodec, average, best_shares, spread_of

__all__ = ["ask_copies", "ask_network", "spaced_rows", "weigh"]

_ROWS = 1024  # that go through a network at once: what they need fits in a cache
_CELLS = 2**24  # of all their features' bins, three times 64 MB on the way
_MOST_ROWS = 4096  # that shares are chosen by


@torch.no_grad()
def ask_network(network: RegressionLaw, rows: Tensor) -> list[PiecewiseLinear]:
    """The laws of each target, averaged over the members.

    Args:
        network: The network.
        rows: Rows (N, F + C + T) as it takes them; the targets are not looked at.

    Returns:
        For each target a law of batch shape (N,), float64, in the memory of the host.
    """
    rows = rows.to(network.device, network.dtype)
    size = max(1, min(_ROWS, _CELLS // max(1, network.embed.cells)))
    parts = [[_on_host(law) for law in network.averages(some)] for some in rows.split(size)]
    return [join_pieces(list(laws)) for laws in zip(*parts, strict=True)]


def ask_copies(copies: Sequence[RegressionLaw], rows: Tensor) -> list[PiecewiseLinear]:
    """The laws of each target, averaged over copies of a network; see `ask_network`."""
    found = [ask_network(network, rows) for network in copies]
    if len(copies) == 1:
        return found[0]
    even = [1 / len(copies)] * len(copies)
    return [average(laws, even) for laws in zip(*found, strict=True)]


def weigh(
    laws: Sequence[PiecewiseLinear], y: Tensor, weight: Tensor, *, target: TargetCodec
) -> tuple[list[float], float]:
    """Shares of laws in their average, and the factor by which it is made wider.

    Args:
        laws: Laws of held-out targets, batch shape (N,), in units of the codec.
        y: The targets, shape (N,), in the same.
        weight: What they count, shape (N,).
        target: Their codec. Laws of a target with spikes are judged without the room for these.
    """
    some = spaced_rows(len(y), most=_MOST_ROWS)
    laws, y, weight = [_rows(law, some) for law in laws], y[some], weight[some]
    spikes = target.spikes
    if spikes is None:
        shares, few = best_shares(laws, y, weight), target.values is not None
        return shares, spread_of(average(laws, shares), y, weight, few=few)
    y = spikes.values_at(y)
    shares = best_shares(laws, y, weight, decode=spikes.decode)
    return shares, spread_of(average(laws, shares), y, weight, decode=spikes.decode)


def spaced_rows(n: int, *, most: int) -> Tensor:
    """Numbers of rows out of n from the first to the last, evenly spaced: at most so many.

    Example:
        >>> spaced_rows(9, most=3)
        tensor([0, 4, 8])
    """
    # Single precision has no place for numbers beyond 2^24.
    return torch.linspace(0, n - 1, min(n, most), dtype=torch.float64).long()


def _on_host(law: PiecewiseLinear) -> PiecewiseLinear:
    levels, values = law.levels.cpu().double(), law.values.cpu().double()
    left, right = (None if scale is None else scale.cpu().double() for scale in law.tails)
    return PiecewiseLinear(levels, values, tails=(left, right), validate_args=False)


def _rows(law: PiecewiseLinear, at: Tensor) -> PiecewiseLinear:
    levels, values = (k if k.dim() == 1 else k[at] for k in (law.levels, law.values))
    left, right = (None if scale is None else scale[at] for scale in law.tails)
    return PiecewiseLinear(levels, values, tails=(left, right), validate_args=False)
