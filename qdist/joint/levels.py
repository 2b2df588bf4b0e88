"""Backbones that see levels: which heads can read them, their losses and their laws."""

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone
from qdist.errors import UnsupportedError
from qdist.heads import AbstractHead, ColumnHeads, ImplicitHead
from qdist.quantile import QuantileFunction
from qdist.rng import rand

__all__ = ["PAST", "check_levels_are_read", "law_of", "loss_at_levels"]

PAST = (
    "the backbone lets the levels of the coordinates before into a context, and in sampling they "
    "determine the values there: so a context stands for no law. Sample, or build the backbone "
    "so that each level is seen by its own coordinate only."
)


def check_levels_are_read(backbone: AbstractBackbone, heads: ColumnHeads) -> None:
    """Refuses heads without a level as input where the context depends on one."""
    if backbone.sees_levels == "none":
        return
    each = [heads[i] for i in range(len(heads))]
    other = {type(head).__name__ for head in each if not isinstance(head, ImplicitHead)}
    if other:
        raise UnsupportedError(
            f"Backbone {backbone.name!r} sees the levels at which its contexts are read; expected "
            f"implicit heads, got {', '.join(sorted(other))}. Use head 'implicit', or a backbone "
            "that leaves levels to the head."
        )
    draws = {head.n_tau for head in heads.modules() if isinstance(head, ImplicitHead)}
    if len(draws) > 1:  # one pass over the levels serves all of them
        raise UnsupportedError(
            f"Expected implicit heads of one n_tau on backbone {backbone.name!r}, which sees "
            f"levels; got {sorted(draws)}. Build them alike."
        )


def law_of(backbone: AbstractBackbone, head: AbstractHead, content: Tensor) -> QuantileFunction:
    """The law that a head gives to contents (..., K)."""
    if backbone.sees_levels == "none":
        return head(content)  # type: ignore[no-any-return]
    assert isinstance(head, ImplicitHead)
    return head.law_of(lambda tau: backbone.at_levels(content, tau), content.shape[:-1])


def loss_at_levels(
    backbone: AbstractBackbone,
    heads: ColumnHeads,
    y: Tensor,
    rank: Tensor,
    *,
    where: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """Losses (B, D) at levels drawn here: several for a pass over y, or one where that is all."""
    past = backbone.sees_levels == "past"
    first = heads[0]
    assert isinstance(first, ImplicitHead)
    draws = 1 if past else first.n_tau
    tau = rand((draws, *y.shape), generator=generator, like=y)
    if past:
        h = backbone(y, rank, tau=tau[0]).unsqueeze(0)
    else:
        h = backbone.at_levels(backbone.content(y, rank), tau)
    target = torch.where(where, y, 0)
    total = torch.zeros_like(y)
    columns: dict[AbstractHead, list[int]] = {}
    for i in range(len(heads)):
        columns.setdefault(heads[i], []).append(i)
    for head, served in columns.items():
        assert isinstance(head, ImplicitHead)
        at = torch.tensor(served, device=y.device)
        # One context for each level: levels are a part of the batch here.
        loss = head.loss_at(h[..., at, :], target[:, at], tau[..., at]).mean(0)
        total = total.index_copy(1, at, loss.to(total.dtype))
    return torch.where(where, total, 0)
