r"""The three multivariate laws that come from one quantile function for each coordinate.

A joint law is two choices: what a coordinate may see, and how the levels are drawn.

| joint | coordinate i sees | levels | joint cdf | log_prob |
| --- | --- | --- | --- | --- |
| comonotonic | x only | one, shared | $\min_i F_i(y_i)$ | none for D > 1 |
| independent | x only | independent | $\prod_i F_i(y_i)$ | sum of marginals |
| autoregressive | x, $y_j$ of lower rank | independent | no closed form | sum of conditionals |

Where levels are independent, a row can be turned back into them: the Rosenblatt transform.

Source: "Autoregressive Quantile Networks for Generative Modeling" (Ostrovski, Dabney, Munos,
2018), section 3.2, https://arxiv.org/abs/1806.05575
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from qdist.errors import InputError, UnsupportedError
from qdist.joint.hidden import Draw, Part, check_levels
from qdist.quantile import QuantileFunction
from qdist.rng import inside_unit, rand

__all__ = ["AbstractJoint"]


class AbstractJoint(nn.Module, ABC):
    """A joint law of D coordinates. Arguments are checked here, once.

    A concrete joint states in `can` what it offers besides `loss`, `fill` and `sample`, gives the
    reason for the rest in `cannot`, and implements the hooks at the end of the class, those of
    them that it can. Most have one backbone and its heads: they derive from
    [`NetworkJoint`][qdist.joint.NetworkJoint].

    Values y are in the dtype of the backbone's parameters; a hidden cell can be anything, NaN
    included. Conditioning variables are coordinates too: always visible, of rank -1, and without
    a term in any loss or probability.

    Args:
        dim: The number of coordinates D.
        conditioning: The coordinates that are conditioning variables x.

    Raises:
        InputError: If a conditioning variable is none of the D coordinates.
    """

    name: str
    can: frozenset[str]
    cannot: Mapping[str, str]

    dim: int
    """The number of coordinates D, conditioning variables included."""

    def __init__(self, dim: int, *, conditioning: Sequence[int] = ()) -> None:
        super().__init__()
        wrong = [i for i in conditioning if not 0 <= i < dim]
        if wrong:
            raise InputError(
                f"Expected conditioning coordinates in 0 ... {dim - 1}; got {wrong}. "
                "Name columns of y by their number."
            )
        self.dim = dim
        self.conditioning = tuple(sorted(set(conditioning)))

    def loss(
        self,
        y: Tensor,
        *,
        rank: Tensor | None = None,
        where: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The heads' losses, unreduced.

        Shapes are checked, values are not, as training comes here at every step: a wrong code is
        refused by the log score of [`CategoricalHead`][qdist.heads.CategoricalHead] on a CPU, and
        gives some number elsewhere.

        Args:
            y: Values, shape (B, D); codes as whole numbers 0 ... K - 1, as the codec gives them.
            rank: Ranks, shape (D,) or (B, D); by default those of the joint itself.
            where: The cells whose loss is wanted, shape (B, D), bool; by default all that are not
                conditioning variables (rank -1).
            generator: For heads whose loss draws levels.

        Returns:
            Losses, shape (B, D), exactly 0 outside `where`.

        Raises:
            InputError: If a shape is wrong.
            UnsupportedError: If the joint or its backbone does not serve such ranks.
        """
        self._check("y", y, None)
        rank = self._default_rank().to(y.device) if rank is None else rank
        self._check_rank(rank)
        if where is None:
            where = (rank >= 0) & ~self._visible(y, None)
        self._check("where", where, y)
        return self._loss(y, rank, where, generator)

    @torch.no_grad()
    def fill(
        self,
        y: Tensor,
        visible: Tensor,
        *,
        tau: Tensor,
        order: Tensor | Sequence[int] | None = None,
        draw: Draw | None = None,
        later: Literal["refuse", "keep"] = "refuse",
        read: Literal["law", "network"] = "law",
    ) -> Tensor:
        r"""Completes rows: the sampler, deterministic given the levels.

        Known cells stay as they are; each hidden one becomes $Q_i(\tau_i)$ given x and, where the
        joint lets it, what is known so far. The visible set may differ from row to row.

        Args:
            y: Values, shape (B, D).
            visible: What is known, shape (B, D), bool.
            tau: Levels in [0, 1], shape (B, D); those of visible cells are not looked at. The
                comonotonic joint takes its one level from the first column.
            order: In which order hidden cells are drawn, shape (D,); only the autoregressive
                joint depends on it. By default the joint's own.
            draw: How a level becomes a value; by default by `icdf`. Another function can draw no
                missing values, say, or values on their grid.
            later: What becomes of known cells that come after a hidden one where the backbone
                fixes the order, so that the hidden one cannot see them: "refuse" them, or "keep"
                them as they are, each hidden cell being drawn given what comes before it only.
                Such a row is no draw from the law given all that is known.
            read: Whether a cell becomes the quantile of its law ("law"), or what its head's
                network says at the level ("network"; see
                [`AbstractHead.value_at`][qdist.heads.AbstractHead.value_at]). For uniform levels
                the draws follow the same law. With an implicit head "network" takes one reading,
                "law" hundreds; a backbone that sees the levels of the past has "network" only.
                With several networks "network" asks one for each cell, chosen by the level, and
                "law" asks all. The joints of marginals always read laws.

        Returns:
            Complete rows, shape (B, D).

        Raises:
            InputError: If a shape, a level or the order is wrong.
            UnsupportedError: If the backbone does not serve the order or the visible set.
        """
        visible = self._visible(y, visible)
        self._check("tau", tau, y)
        check_levels(tau, visible)
        if later not in ("refuse", "keep"):
            raise InputError(f"Expected later 'refuse' or 'keep'; got {later!r}. Choose one.")
        if read not in ("law", "network"):
            raise InputError(f"Expected read 'law' or 'network'; got {read!r}. Choose one.")
        if later == "refuse":
            self._check_visible(visible)
        return self._fill(y, visible, tau, order, draw, read)

    @torch.no_grad()
    def sample(
        self,
        n: int,
        *,
        generator: torch.Generator,
        order: Tensor | Sequence[int] | None = None,
    ) -> Tensor:
        """Draws rows.

        Args:
            n: How many.
            generator: Where the randomness comes from.
            order: As in `fill`.

        Returns:
            Rows, shape (n, D).

        Raises:
            InputError: If n is negative, or the joint has conditioning variables.
        """
        if n < 0:
            raise InputError(f"Expected a number of rows >= 0; got {n}.")
        if self.conditioning:
            raise InputError(
                f"Expected a joint without conditioning variables; got {self.conditioning}. "
                "Use `fill`, with x in the visible cells."
            )
        like = next((p for p in self.parameters() if p.is_floating_point()), torch.empty(0))
        tau = inside_unit(rand((n, self.dim), generator=generator, like=like), like.dtype)
        return self.fill(
            torch.zeros_like(tau), torch.zeros_like(tau, dtype=torch.bool), tau=tau, order=order
        )

    @torch.no_grad()
    def rosenblatt(
        self,
        y: Tensor,
        *,
        visible: Tensor | None = None,
        order: Tensor | Sequence[int] | None = None,
        ends: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The levels of a row: independent and uniform where rows follow this law.

        At an atom the level is drawn uniformly on (F(y-), F(y)]. The inverse is `fill`:
        `fill(y, visible, tau=rosenblatt(y, visible=visible)) == y`, up to rounding, with or
        without atoms; the converse holds only without. An atom of less mass than one step of
        levels in the dtype of y has no level of its own, and becomes a value beside it.

        Source: "Remarks on a multivariate transformation" (Rosenblatt, 1952).

        Args:
            y: Complete rows, shape (B, D).
            visible: What is conditioned on, shape (B, D), bool; by default only x.
            order: As in `fill`.
            ends: Lower and upper ends of what each value stands for, each of shape (B, D),
                where a value was rounded: the level is then drawn like that of an atom.
            generator: For atoms; without one, the upper end F(y) is taken.

        Returns:
            Levels, shape (B, D); NaN in visible cells, where no level was drawn.

        Raises:
            InputError: If a shape or the order is wrong.
            UnsupportedError: If this joint or a head has no cdf to offer.
        """
        self._require("rosenblatt")
        visible = self._visible(y, visible)
        share = torch.ones_like(y)
        if generator is not None:
            # In (0, 1], as an atom's interval is open on the left: Q(F(y-)) is another value.
            share -= rand(y.shape, generator=generator, like=y)
        tau = torch.full_like(y, torch.nan)
        lower, upper = (y, y) if ends is None else ends
        for i, rows, law in self._parts(y, visible, order):
            at = slice(None) if rows is None else rows
            left, right = law.cdf_left(lower[at, i]), law.cdf(upper[at, i])
            level = left + share[at, i] * (right - left)
            # Rounding must not make it F(y-), which is the level of another value.
            level = torch.maximum(level, torch.minimum(torch.nextafter(left, left + 1), right))
            before = torch.nextafter(lower[at, i], torch.full_like(left, -torch.inf))
            flat = (right <= left) & (law.cdf(before) == right)
            if bool(flat.any()):
                level = torch.where(flat, _level_of(law, y[at, i], level), level)
            tau[at, i] = level.to(tau.dtype)
        return tau

    def log_prob(
        self,
        y: Tensor,
        *,
        visible: Tensor | None = None,
        order: Tensor | Sequence[int] | None = None,
    ) -> Tensor:
        """Log density of the hidden cells given the visible ones.

        The base measure of a coordinate is Lebesgue measure plus a point mass at each of its
        atoms: at an atom the term is the log of the atom's mass.

        Args:
            y: Complete rows, shape (B, D).
            visible: What is conditioned on, shape (B, D), bool; by default only x.
            order: As in `fill`.

        Returns:
            Log densities, shape (B,).

        Raises:
            InputError: If a shape or the order is wrong.
            UnsupportedError: If this joint or a head has no density to offer.
        """
        self._require("log_prob")
        visible = self._visible(y, visible)
        total = torch.zeros_like(y[:, 0])
        for i, rows, law in self._parts(y, visible, order):
            if rows is None:
                total = total + law.log_prob(y[:, i])
            else:
                total = total.index_add(0, rows, law.log_prob(y[rows, i]).to(total.dtype))
        return total

    def cdf(self, y: Tensor) -> Tensor:
        """Joint probability of values up to y in every modelled coordinate.

        Args:
            y: Rows, shape (B, D); an infinity leaves its coordinate out.

        Returns:
            Probabilities, shape (B,).

        Raises:
            InputError: If the shape is wrong.
            UnsupportedError: If this joint has no closed form.
        """
        self._require("cdf")
        return self._cdf(y, self._visible(y, None))

    def extra_repr(self) -> str:
        """Shows the conditioning variables, if any."""
        return f"conditioning={list(self.conditioning)}" if self.conditioning else ""

    # Hooks.

    @abstractmethod
    def _default_rank(self) -> Tensor:
        """The ranks of the joint itself, shape (D,)."""

    @abstractmethod
    def _check_rank(self, rank: Tensor) -> None:
        """Raises UnsupportedError for ranks that would be another joint."""

    def _check_visible(self, visible: Tensor) -> None:
        """Raises UnsupportedError for a visible set that not every hidden cell can see."""
        del visible  # a hook; by default every set will do

    @abstractmethod
    def _loss(
        self, y: Tensor, rank: Tensor, where: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """The losses (B, D), exactly 0 outside `where`."""

    @abstractmethod
    def _fill(
        self,
        y: Tensor,
        visible: Tensor,
        tau: Tensor,
        order: Tensor | Sequence[int] | None,
        draw: Draw | None,
        read: str,
    ) -> Tensor: ...

    @abstractmethod
    def _parts(
        self, y: Tensor, visible: Tensor, order: Tensor | Sequence[int] | None
    ) -> Iterator[Part]:
        """The laws of the hidden coordinates at complete rows y."""

    def _cdf(self, y: Tensor, visible: Tensor) -> Tensor:
        raise NotImplementedError

    # The edge.

    def _require(self, capability: str) -> None:
        if capability not in self.can:
            raise UnsupportedError(
                f"The {self.name} joint has no {capability}: {self.cannot[capability]}"
            )

    def _visible(self, y: Tensor, visible: Tensor | None) -> Tensor:
        self._check("y", y, None)
        if visible is None:
            visible = torch.zeros_like(y, dtype=torch.bool)
        self._check("visible", visible, y)
        if self.conditioning:
            visible = visible.clone()
            visible[:, list(self.conditioning)] = True
        return visible

    def _check(self, what: str, value: Tensor, y: Tensor | None) -> None:
        if (
            value.dim() != 2
            or value.shape[1] != self.dim
            or (y is not None and value.shape != y.shape)
        ):
            want = f"(B, {self.dim})" if y is None else str(tuple(y.shape))
            raise InputError(f"Expected {what} of shape {want}; got {tuple(value.shape)}.")
        if what in ("visible", "where") and value.dtype != torch.bool:
            raise InputError(
                f"Expected {what} of dtype bool; got {value.dtype}. Compare, or call `.bool()`."
            )


def _level_of(law: QuantileFunction, y: Tensor, level: Tensor) -> Tensor:
    """The levels of values (R,) after a gap: F(y), or a little more where that is better.

    F(y) is also the level of what lies before the gap.
    """
    level = level.nan_to_num(1.0).clamp(0, 1)
    more = (level + 4 * torch.finfo(level.dtype).eps).clamp(max=1)
    nearer = (law.icdf(more) - y).abs() < (law.icdf(level) - y).abs()
    return torch.where(nearer, more, level)
