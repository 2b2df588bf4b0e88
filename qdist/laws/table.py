"""The law of a table: a codec and a chain of columns, any of them given any others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, final

import torch
from torch import Tensor

from qdist.arguments import instance, known_rows, level_range, number, rows_of
from qdist.backbones import TableDomain
from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.heads import ColumnHeads
from qdist.joint import Autoregressive, Draw, Ensemble
from qdist.laws.base import AbstractLaw, taking
from qdist.laws.questions import Questions
from qdist.laws.visible import draw_visible
from qdist.orders import as_order
from qdist.progress import progress
from qdist.quantile import QuantileFunction
from qdist.registry import backbone as backbone_class
from qdist.registry import head as head_class
from qdist.rng import inside_unit, uniforms
from qdist.threads import by_batches, slices

__all__ = ["TableLaw"]

# Rows that go through the network at once: enough to fill two cores, few enough for the caches.
_ROWS = 4096
# Rows of a sample at once: the more there are, the more of them know the same and cost as one.
_DRAWN = 10_240
# NOTE[DIFF]: 1 in the paper, where the loss is unbiased for a random order.
# Laws given nearly all other columns are the sharpest, are learnt last, and are asked for most.
_FULLNESS = 1.5
# A thread with fewer rows of its own would be slower than all threads on all rows.
_LEAST_ROWS = 1024


@final
class TableLaw(AbstractLaw):
    """The law of a table's row: codec, backbone, heads and the chain that joins them.

    Args:
        codec: From frames to y and back.
        backbone: Registered name of the backbone.
        backbone_args: Its keyword arguments.
        head: Registered name of the head of numeric columns.
        head_args: Its keyword arguments.
        order: The order of sampling, as column numbers of y; if given, the network is trained for
            that order alone.
        along: The order of sampling of a network that is trained for any; by default that of the
            columns. See [`sampling_order`][qdist.laws.sampling_order].
        members: Number of networks, whose laws are mixed.

    Raises:
        UnknownNameError: If no plugin has such a backbone or head.
        InputError: If an argument of theirs is wrong, or both orders are given.
    """

    def __init__(
        self,
        codec: TableCodec,
        *,
        backbone: str,
        backbone_args: dict[str, Any],
        head: str,
        head_args: dict[str, Any],
        order: Sequence[int] | None = None,
        along: Sequence[int] | None = None,
        members: int = 1,
    ) -> None:
        super().__init__()
        remedy = "Make one by TableCodec.fit(frame)."
        self.codec = instance("codec", codec, of=TableCodec, remedy=remedy)
        domain = TableDomain(codec.coordinates)
        self.order = None if order is None else as_order(order, len(domain.coordinates))
        if order is not None and along is not None:
            raise InputError(
                f"Expected an order to be trained for alone, or one to sample along; got {order} "
                f"and {along}. Leave one of them out."
            )
        number("members", members, least=1, whole=True)
        cls = backbone_class(backbone)
        if cls.takes is not TableDomain:
            raise InputError(
                f"Expected a backbone for tables; got {backbone!r}, which takes "
                f"{cls.takes.__name__}. Choose another, for example 'mlp'."
            )
        chains = []
        for _ in range(members):
            with taking(backbone_args, name="backbone_args", by=f"backbone {backbone!r}", of=cls):
                network = cls(domain, **backbone_args)
            with taking(head_args, name="head_args", by=f"head {head!r}", of=head_class(head)):
                heads = ColumnHeads.build(domain.coordinates, head, network.context, **head_args)
            chains.append(Autoregressive(network, heads, order=along if order is None else order))
        self.learners = members
        self.joint = chains[0] if members == 1 else Ensemble(chains)

    @property
    def dim(self) -> int:
        """The number of modelled columns D."""
        return self.joint.dim

    def questions(self, n: int, *, generator: torch.Generator) -> Questions:
        """Draw what n training rows show and are asked, (n, D) each; see `draw_visible`.

        Every other row shows a random set, more often a large one, and is asked for all the rest.
        The others show the first cells of the order of sampling and are asked for the next, so
        that each link of that chain weighs the same: it is along this chain that a sample's own
        drift adds up.
        """
        along = self._along()
        visible = draw_visible(n, self.dim, generator=generator, order=along)
        asked = along.argsort() == visible.sum(-1, keepdim=True)
        if self.order is None:
            # NOTE[DIFF]: in the paper all rows show a random set.
            # Every other row of each learner, which has every so-many-th row of a batch.
            free = torch.arange(n) // self.learners % 2 == 0
            visible[free] = draw_visible(
                int(free.sum()), self.dim, generator=generator, fullness=_FULLNESS
            )
            asked[free] = ~visible[free]
        return Questions(visible.to(self.device), asked.to(self.device))

    def forward(
        self, y: Tensor, questions: Questions, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """The training loss of rows: D times the mean score of the cells that are asked for.

        Args:
            y: Encoded rows, shape (B, D).
            questions: What each row shows and is asked, shape (B, D).
            generator: For heads whose loss draws levels.

        Returns:
            Losses, shape (B,).
        """
        return self._scaled(self.joint.loss, y, questions, generator)

    def score(
        self, y: Tensor, questions: Questions, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """What validation counts, shape (B,): `forward`, but of the mixture of all members."""
        if not isinstance(self.joint, Ensemble):
            return super().score(y, questions, generator=generator)
        return self._scaled(self.joint.score, y, questions, generator)

    def _scaled(
        self,
        score: Callable[..., Tensor],
        y: Tensor,
        questions: Questions,
        generator: torch.Generator | None,
    ) -> Tensor:
        """D times the mean of a joint's scores over the cells that are asked for."""
        rank, where = (~questions.visible).long(), questions.asked
        cells = score(y, rank=rank, where=where, generator=generator)
        return cells.sum(-1) * (self.dim / where.sum(-1).to(cells.dtype))

    def culprit(self, y: Tensor, visible: Tensor) -> str | None:
        """Name the first column whose loss or gradient is not finite in these rows (B, D)."""
        hidden = ~visible
        generator = torch.Generator(y.device).manual_seed(0)
        losses = self.joint.loss(y, rank=hidden.long(), where=hidden, generator=generator)
        weights = [p for p in self.parameters() if p.requires_grad]
        columns = list(zip(self.codec.names, losses.sum(0), strict=True))
        for name, loss in columns:
            if not bool(loss.isfinite()):
                return name
        for name, loss in columns:  # only now: heads that are computed together mix slopes
            slopes = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            if not all(bool(slope.isfinite().all()) for slope in slopes if slope is not None):
                return name
        return None

    def _along(self) -> Tensor:
        """The order of sampling, shape (D,)."""
        return torch.tensor(self.joint.order)

    @torch.no_grad()
    def fill(
        self,
        y: Tensor,
        visible: Tensor,
        *,
        seed: int,
        tau_range: tuple[float, float] = (0.0, 1.0),
        draw: Draw | None = None,
    ) -> Iterator[Tensor]:
        """Complete rows, a batch at a time.

        Args:
            y: Encoded rows, shape (N, D); hidden cells can be anything.
            visible: What is known, shape (N, D), bool.
            seed: Where the levels come from, with row and column.
            tau_range: The range into which levels are mapped.
            draw: How a level becomes a value; see `AbstractJoint.fill`.

        Yields:
            Complete rows, shape (at most 10,240, D).

        Raises:
            InputError: If a shape, a dtype or the range is wrong.
        """
        known_rows(y, visible, width=self.dim)
        low, high = level_range(tau_range)
        # Uniform levels: reading one member's network gives the same law for less. Under a cut
        # range or a draw of its own the members hold different shares, so the mixture itself is
        # read.
        free = (low, high) == (0.0, 1.0) and draw is None
        read: Literal["law", "network"] = "network" if free else "law"

        def part(at: slice) -> Tensor:
            tau = low + (high - low) * uniforms(seed, range(at.start, at.stop), columns=self.dim)
            tau = inside_unit(tau, self.dtype)
            return self.fill_at(y[at], visible[at], tau=tau, draw=draw, read=read)

        # Where each row's law is made there is little to share, and much to keep in memory.
        most = _DRAWN if free else _ROWS
        yield from self._by_batches(part, len(y), what="drawing", most=most)

    def _by_batches(
        self, part: Callable[[slice], Tensor], n: int, *, what: str, most: int
    ) -> Iterator[Tensor]:
        """What a function makes of n rows, a batch of at most so many at a time."""
        if self.device.type != "cpu":
            batches: Iterator[Tensor] = map(part, slices(n, most))
        else:  # each batch begins where `uniforms` can
            batches = by_batches(part, n, most=most, least=_LEAST_ROWS, multiple=4)
        if n <= most:  # nothing to wait for
            yield from batches
            return
        with progress(what, total=n) as bar:
            done = 0
            for batch in batches:
                done += len(batch)
                bar.update(done)
                yield batch

    @torch.no_grad()
    def fill_at(
        self,
        y: Tensor,
        visible: Tensor,
        *,
        tau: Tensor,
        order: Sequence[int] | None = None,
        draw: Draw | None = None,
        read: Literal["law", "network"] = "law",
    ) -> Tensor:
        """Complete rows at levels that are given, as one batch.

        Args:
            y: Encoded rows, shape (B, D); hidden cells can be anything.
            visible: What is known, shape (B, D), bool.
            tau: Levels, shape (B, D), which are kept inside (0, 1) as the dtype has it.
            order: In which order hidden cells are drawn; by default the law's own.
            draw: How a level becomes a value; see `AbstractJoint.fill`.
            read: What a level stands for; see `AbstractJoint.fill`.

        Returns:
            Complete rows, shape (B, D), on the CPU.

        Raises:
            InputError: If a shape, a dtype, a level or the order is wrong.
        """
        known_rows(y, visible, width=self.dim)
        rows_of("tau", tau, width=self.dim, like=y)
        # A level must stay inside (0, 1) when rounded. Near 0 a rare level has its own.
        kept = torch.finfo(self.dtype)
        return self.joint.fill(
            y.to(self.device, self.dtype),
            visible.to(self.device),
            tau=tau.clamp(kept.tiny, 1 - kept.eps / 2).to(self.device, self.dtype),
            order=order,
            draw=draw,
            read=read,
        ).cpu()

    @torch.no_grad()
    def conditional(self, i: int, y: Tensor, visible: Tensor) -> QuantileFunction:
        """The law of one column of each row given the row's visible cells.

        Args:
            i: The column, hidden in each row.
            y: Encoded rows, shape (N, D); hidden cells can be anything.
            visible: What is known, shape (N, D), bool.

        Returns:
            The laws of the encoded value, batch shape (N,), as large as the head makes them: ask
            for some thousand rows at a time.

        Raises:
            InputError: If there is no such column, or a shape or a dtype is wrong.
            UnsupportedError: If the backbone has a fixed order in which i does not come next.
        """
        number("i", i, least=0, below=self.dim, whole=True)
        known_rows(y, visible, width=self.dim)
        y, visible = y.to(self.device, self.dtype), visible.to(self.device)
        return self.joint.conditional(i, y, visible)

    @torch.no_grad()
    def log_prob(
        self,
        y: Tensor,
        *,
        visible: Tensor | None = None,
        order: Sequence[int] | None = None,
    ) -> Tensor:
        """Log density of each row's hidden cells, in the encoded space.

        Args:
            y: Encoded rows, shape (N, D).
            visible: What is conditioned on, shape (N, D), bool; by default nothing.
            order: The order of the chain; by default the law's own.

        Returns:
            Log densities, shape (N,), on the CPU.

        Raises:
            InputError: If a shape, a dtype or the order is wrong.
            UnsupportedError: If a head has no density.
        """
        rows_of("y", y, width=self.dim)
        if visible is None:
            visible = torch.zeros_like(y, dtype=torch.bool)
        known_rows(y, visible, width=self.dim)

        @torch.no_grad()  # which holds for a thread
        def part(at: slice) -> Tensor:
            return self.joint.log_prob(
                y[at].to(self.device, self.dtype), visible=visible[at].to(self.device), order=order
            )

        batches = self._by_batches(part, len(y), what="scoring", most=_ROWS)
        return torch.cat(list(batches)).cpu()

    @torch.no_grad()
    def rosenblatt(
        self,
        y: Tensor,
        *,
        ends: tuple[Tensor, Tensor],
        order: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The levels of encoded rows; see [`AbstractJoint.rosenblatt`][qdist.joint.AbstractJoint].

        Args:
            y: Encoded rows, shape (N, D).
            ends: Those of what a value stands for, each of shape (N, D); y where it is exact.
            order: The order of the chain; by default the law's own.
            generator: For atoms and cells, on the law's device.

        Returns:
            Levels, shape (N, D), on the CPU.

        Raises:
            InputError: If a shape or the order is wrong.
            UnsupportedError: If a head has no cdf.
        """
        rows_of("y", y, width=self.dim)
        for end in ends:
            rows_of("each of the ends", end, width=self.dim, like=y)
        parts = [
            self.joint.rosenblatt(
                y[at].to(self.device, self.dtype),
                ends=(
                    ends[0][at].to(self.device, self.dtype),
                    ends[1][at].to(self.device, self.dtype),
                ),
                order=order,
                generator=generator,
            )
            for at in slices(len(y), _ROWS)
        ]
        return torch.cat(parts).cpu()
