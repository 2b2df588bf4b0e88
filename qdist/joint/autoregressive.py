r"""The chain of conditional quantile functions."""

from collections.abc import Callable, Iterator, Sequence
from typing import final

import torch
from torch import Tensor

from qdist.arguments import functions
from qdist.backbones import AbstractBackbone
from qdist.errors import InputError, UnsupportedError
from qdist.heads import ColumnHeads
from qdist.joint.branches import Branches
from qdist.joint.calibration import calibrate
from qdist.joint.hidden import Draw, Part, hidden_rows
from qdist.joint.levels import PAST
from qdist.joint.network import NetworkJoint
from qdist.orders import as_order, rank_of
from qdist.quantile import QuantileFunction

__all__ = ["Autoregressive"]


@final
class Autoregressive(NetworkJoint):
    r"""The joint $\prod_i p(y_i \mid x, y_j : \mathrm{rank}_j < \mathrm{rank}_i)$.

    Levels are independent. Densities factor in this way; joint cdfs do not, and there is no closed
    form for them. A backbone that serves any visible set gives one such joint for each order, and
    those of different orders need not agree.

    A backbone with a fixed order conditions only on what comes first in that order.

    Args:
        backbone: Any backbone.
        heads: One head for each coordinate.
        order: The default order, shape (D,); 0 ... D - 1 if left out.
        conditioning: The coordinates that are conditioning variables x.
        settle: Applied to drawn values (R,) before they count as known, where a head can draw
            values that training rows cannot hold: rounding, say. By default nothing is.

    Raises:
        InputError: If the order is no permutation, heads and backbone differ in D, or `settle`
            cannot be called.
        UnsupportedError: If the backbone fixes another order.

    Example:
        Two coordinates that are uniform on (0, 1), whatever the weights.

        >>> import torch
        >>> from qdist.backbones import Coordinate, TableDomain
        >>> from qdist.heads import ColumnHeads
        >>> from qdist.registry import backbone
        >>> columns = tuple(Coordinate(name, bins=((0.0, 1.0),)) for name in "ab")
        >>> net = backbone("mlp")(TableDomain(columns), width=8)
        >>> heads = ColumnHeads.build(columns, "binned", net.context)
        >>> joint = Autoregressive(net, heads, order=[1, 0])
        >>> joint.rosenblatt(torch.tensor([[0.5, 0.25]]))
        tensor([[0.5000, 0.2500]])
    """

    name = "autoregressive"
    can = frozenset({"log_prob", "rosenblatt"})
    cannot = {  # noqa: RUF012 - a constant
        "cdf": "densities factor along the chain, joint cdfs do not, and there is no closed form. "
        "Count samples, or use `log_prob`."
    }

    def __init__(
        self,
        backbone: AbstractBackbone,
        heads: ColumnHeads,
        *,
        order: Tensor | Sequence[int] | None = None,
        conditioning: Sequence[int] = (),
        settle: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(backbone, heads, conditioning=conditioning)
        if backbone.sees_levels == "past":
            self.can = frozenset()
            self.cannot = {**self.cannot, "log_prob": PAST, "rosenblatt": PAST}
        functions("settle", () if settle is None else (settle,))
        self.settle = settle
        self.order = tuple(range(backbone.dim))
        self.order = tuple(self._order(order))

    def conditional(self, i: int, y: Tensor, visible: Tensor) -> QuantileFunction:
        """The law of one coordinate of each row given the row's visible cells.

        Args:
            i: The coordinate, hidden in each row.
            y: Values, shape (B, D); hidden cells can be anything.
            visible: What is known, shape (B, D), bool.

        Returns:
            Laws of batch shape (B,).

        Raises:
            InputError: If there is no such coordinate, or a shape is wrong.
            UnsupportedError: If the backbone has a fixed order in which i does not come next.
        """
        visible = self._visible(y, visible)
        if not 0 <= i < self.dim:
            raise InputError(f"Expected a coordinate in 0 ... {self.dim - 1}; got {i}.")
        if self.backbone.serves == "fixed" and not bool(
            (visible == (torch.arange(self.dim, device=y.device) < i)).all()
        ):
            raise UnsupportedError(
                f"Backbone {self.backbone.name!r} has a fixed order: it conditions a column on "
                "those before it and no others. Make all of these known, or use a backbone that "
                "serves any set."
            )
        return self._law(i, self.backbone.stepper(y, visible).context(i))

    def calibrate(self, y: Tensor, *, n: int, seed: int, weight: Tensor | None = None) -> None:
        """Move what the heads predict so that samples have the marginals of rows.

        Trained networks are off by some hundredths in the shares of levels, and a chain passes
        that on. Heads that have no [`calibrate`][qdist.heads.AbstractHead.calibrate], and those
        of a backbone that sees levels, stay as they are.

        Args:
            y: Rows whose marginals are meant, shape (N, D).
            n: How many rows are drawn along the default order, to learn what samples look like.
            seed: Where they come from.
            weight: What each row of y counts, shape (N,); by default alike.

        Raises:
            InputError: If y, n, the seed or the weights are not as described.
            UnsupportedError: If coordinates share a head, as the pixels of an image do.
        """
        calibrate([self], y, order=self.order, n=n, seed=seed, weight=weight)

    def _default_rank(self) -> Tensor:
        rank = rank_of(torch.tensor(self.order))
        if self.backbone.serves != "fixed":
            rank[list(self.conditioning)] = -1
        return rank

    def _check_own_rank(self, rank: Tensor) -> None:
        del rank  # every rank is a chain of groups

    def _fill(
        self,
        y: Tensor,
        visible: Tensor,
        tau: Tensor,
        order: Tensor | Sequence[int] | None,
        draw: Draw | None,
        read: str,
    ) -> Tensor:
        sequence = self._order(order)
        filled = y.clone()
        # There may be thousands of steps, each of microseconds: so columns are made once, and
        # nothing is recorded for gradients.
        levels, columns = tau.unbind(1), filled.unbind(1)
        with torch.inference_mode():
            past = tau if self.backbone.sees_levels == "past" else None
            branches = Branches([self.backbone], y, visible, tau=past)
        with torch.inference_mode(), branches.steps():
            for i, rows in hidden_rows(visible, sequence):
                level = levels[i] if rows is None else levels[i][rows]
                contexts = branches.contexts(i, rows)
                value = self._value(i, contexts, level, read, draw=draw).to(y.dtype)
                if self.settle is not None:
                    value = self.settle(value)
                branches.set(i, value, rows=rows)
                if rows is None:
                    columns[i].copy_(value)
                else:
                    columns[i][rows] = value
        return filled

    def _parts(
        self, y: Tensor, visible: Tensor, order: Tensor | Sequence[int] | None
    ) -> Iterator[Part]:
        sequence = self._order(order)
        self._check_visible(visible)
        if self.backbone.serves == "two_level":
            branches = Branches([self.backbone], y, visible)
            for i, rows in hidden_rows(visible, sequence):
                yield i, rows, self._law(i, branches.contexts(i, rows).each())
                branches.set(i, y[:, i] if rows is None else y[rows, i], rows=rows)
            return
        rank = rank_of(torch.tensor(sequence, device=y.device))
        if self.backbone.serves == "any":
            rank = torch.where(visible, -1, rank)
        h = self.backbone.content(y, rank)  # all in one pass
        for i, rows in hidden_rows(visible, sequence):
            yield i, rows, self._law(i, h[:, i] if rows is None else h[rows, i])

    def _order(self, order: Tensor | Sequence[int] | None) -> list[int]:
        sequence: list[int] = as_order(self.order if order is None else order, self.dim).tolist()
        if self.backbone.serves == "fixed" and sequence != list(range(self.dim)):
            raise UnsupportedError(
                f"Backbone {self.backbone.name!r} fixes the order 0 ... {self.dim - 1}; got order "
                f"{sequence} for the autoregressive joint. Leave `order` out, or use a backbone "
                "that serves any order."
            )
        return sequence

    def _check_visible(self, visible: Tensor) -> None:
        # Under a fixed order a hidden cell cannot see a known one that comes after it.
        late = visible[:, 1:] & ~visible[:, :-1]
        if self.backbone.serves == "fixed" and bool(late.any()):
            raise UnsupportedError(
                f"Backbone {self.backbone.name!r} conditions only on the first coordinates of its "
                "order; got a row in which a known cell follows a hidden one. Give the first "
                "cells only, let `fill` keep the others unseen by later='keep', or use a backbone "
                "that serves any visible set."
            )
