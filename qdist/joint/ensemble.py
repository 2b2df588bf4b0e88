r"""Several networks that answer as one: each conditional law is the mixture of the members'."""

import math
from collections.abc import Iterator, Sequence
from typing import cast, final

import torch
from torch import Tensor, nn

from qdist.arguments import instance
from qdist.errors import InputError, UnsupportedError
from qdist.joint.autoregressive import Autoregressive
from qdist.joint.base import AbstractJoint
from qdist.joint.branches import Branches
from qdist.joint.calibration import calibrate
from qdist.joint.hidden import Draw, Part, choose_member, hidden_rows
from qdist.joint.levels import PAST
from qdist.quantile import QuantileFunction, mixture

__all__ = ["Ensemble"]


@final
class Ensemble(AbstractJoint):
    r"""The joint $\prod_i \frac{1}{K} \sum_k p_k(y_i \mid \ldots)$ of K chains over one order.

    Networks that start from different weights err differently, and the mixture of their laws has a
    better log score than they have on average (by concavity of the log). It is a chain of laws
    again: quantiles, levels and densities are exact, for K times the work.

    With `read="network"` in `fill`, samples cost little more than those of one member: a cell
    drawn from the mixture is one drawn from a member chosen at random, anew for each cell.

    Source: "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles"
    (Lakshminarayanan et al., 2017), https://arxiv.org/abs/1612.01474

    Args:
        members: The chains, of the same coordinates, order and conditioning variables.

    Raises:
        InputError: If there is no member, one is no such chain, or two of them differ in one of
            these.
        UnsupportedError: If a member's backbone sees the levels of earlier coordinates, or a
            member settles what is drawn.

    Example:
        Two coordinates that are uniform on (0, 1), whatever the weights.

        >>> import torch
        >>> from qdist.backbones import Coordinate, TableDomain
        >>> from qdist.heads import ColumnHeads
        >>> from qdist.registry import backbone
        >>> columns = tuple(Coordinate(name, bins=((0.0, 1.0),)) for name in "ab")
        >>> nets = [backbone("mlp")(TableDomain(columns), width=8) for _ in range(2)]
        >>> heads = [ColumnHeads.build(columns, "binned", net.context) for net in nets]
        >>> joint = Ensemble([Autoregressive(*parts) for parts in zip(nets, heads)])
        >>> joint.rosenblatt(torch.tensor([[0.5, 0.25]]))
        tensor([[0.5000, 0.2500]])
    """

    name = "ensemble"

    def __init__(self, members: Sequence[Autoregressive]) -> None:
        if not members:
            raise InputError("Expected at least one member; got none.")
        remedy = "Build each as Autoregressive(backbone, heads)."
        for member in members:
            instance("each member", member, of=Autoregressive, remedy=remedy)
        first = members[0]
        for member in members:
            if (member.dim, member.order, member.conditioning) != (
                first.dim,
                first.order,
                first.conditioning,
            ):
                raise InputError(
                    "Expected members of the same coordinates, order and conditioning variables; "
                    f"got orders {list(first.order)[:8]} and {list(member.order)[:8]}. "
                    "Build all of them alike."
                )
        if any(member.settle is not None for member in members):
            raise UnsupportedError(
                "Expected members that leave drawn values as they are; got one with settle. "
                "Build the members without it."
            )
        if any(member.backbone.sees_levels == "past" for member in members):
            # A level also says which member is asked, and so differs from the one that was seen.
            raise UnsupportedError(f"An ensemble mixes laws given what came before, but {PAST}")
        super().__init__(first.dim, conditioning=first.conditioning)
        self.members = nn.ModuleList(members)
        self.order = first.order
        self.can = frozenset.intersection(*(member.can for member in members))
        self.cannot = {k: reason for member in members for k, reason in member.cannot.items()}

    def start(self, y: Tensor, *, weight: Tensor | None = None) -> None:
        """Let the heads take first parameters from training rows y (N, D) of weights (N,)."""
        for member in self._members():
            member.start(y, weight=weight)

    def calibrate(self, y: Tensor, *, n: int, seed: int, weight: Tensor | None = None) -> None:
        """Move the members' heads; see [`Autoregressive`][qdist.joint.Autoregressive.calibrate].

        Args:
            y: Rows whose marginals are meant, shape (N, D).
            n: How many rows are drawn from the mixture.
            seed: Where they come from.
            weight: What each row of y counts, shape (N,); by default alike.

        Raises:
            InputError: If y, n, the seed or the weights are not as described.
            UnsupportedError: If coordinates share a head, as the pixels of an image do.
        """
        calibrate(self._members(), y, order=self.order, n=n, seed=seed, weight=weight)

    def score(
        self,
        y: Tensor,
        *,
        rank: Tensor,
        where: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The scores of the mixture, where `loss` asks one member for each row.

        Args:
            y: Values, shape (B, D).
            rank: Ranks, shape (D,) or (B, D).
            where: The cells whose score is wanted, shape (B, D), bool.
            generator: For heads whose loss draws levels.

        Returns:
            Scores, shape (B, D), exactly 0 outside `where`. A head whose loss is no log score
            cannot be mixed from losses: there it is the mean.
        """
        losses = torch.stack(
            [m.loss(y, rank=rank, where=where, generator=generator) for m in self._members()]
        )
        heads = self._members()[0].heads
        mixed = torch.tensor([head.log_score for head in heads], device=y.device)
        exact = math.log(len(losses)) - (-losses).logsumexp(0)
        return torch.where(where & mixed, exact, losses.mean(0))

    def conditional(self, i: int, y: Tensor, visible: Tensor) -> QuantileFunction:
        """The law of one coordinate given the visible cells; see `Autoregressive`."""
        return mixture([member.conditional(i, y, visible) for member in self._members()])

    def _members(self) -> list[Autoregressive]:
        return cast(list[Autoregressive], list(self.members))

    def _default_rank(self) -> Tensor:
        return self._members()[0]._default_rank()

    def _check_rank(self, rank: Tensor) -> None:
        for member in self._members():
            member._check_rank(rank)

    def _check_visible(self, visible: Tensor) -> None:
        for member in self._members():
            member._check_visible(visible)

    def _loss(
        self, y: Tensor, rank: Tensor, where: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        rank = rank.expand(y.shape)
        # NOTE[DIFF]: the paper's members all see every row, and adversarial examples too.
        # Of a batch each member learns from rows of its own: the same rows in the same order
        # would lead to the same errors, and a mixture mends only those that differ.
        parts = [torch.arange(len(y))[k :: len(self.members)] for k in range(len(self.members))]
        losses = torch.zeros_like(y)
        for member, at in zip(self._members(), parts, strict=True):
            if len(at):
                found = member._loss(y[at], rank[at], where[at], generator)
                losses = losses.index_copy(0, at.to(y.device), found.to(losses.dtype))
        return losses

    def _parts(
        self, y: Tensor, visible: Tensor, order: Tensor | Sequence[int] | None
    ) -> Iterator[Part]:
        of_members = [member._parts(y, visible, order) for member in self._members()]
        for parts in zip(*of_members, strict=True):
            i, rows, _ = parts[0]
            yield i, rows, mixture([law for _, _, law in parts])

    def _fill(
        self,
        y: Tensor,
        visible: Tensor,
        tau: Tensor,
        order: Tensor | Sequence[int] | None,
        draw: Draw | None,
        read: str,
    ) -> Tensor:
        members, filled = self._members(), y.clone()
        sequence = members[0]._order(order)
        with torch.inference_mode():
            branches = Branches([member.backbone for member in members], y, visible)
        with torch.inference_mode(), branches.steps():
            for i, rows in hidden_rows(visible, sequence):
                at = torch.arange(len(y), device=y.device) if rows is None else rows
                level = tau[at, i]
                if read == "law":
                    law = mixture(
                        [
                            member._law(i, branches.contexts(i, rows, network=k).each())
                            for k, member in enumerate(members)
                        ]
                    )
                    value = (law.icdf(level) if draw is None else draw(i, law, level)).to(y.dtype)
                else:
                    value = torch.empty_like(filled[at, i])
                    chosen, level = choose_member(level, len(members))
                    for k, member in enumerate(members):
                        mine = (chosen == k).nonzero().squeeze(1)
                        contexts = branches.contexts(i, at[mine], network=k)
                        found = member._value(i, contexts, level[mine], read, draw=draw)
                        value[mine] = found.to(y.dtype)
                branches.set(i, value, rows=rows)
                filled[at, i] = value
        return filled
