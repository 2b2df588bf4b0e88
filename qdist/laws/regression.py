"""The law of targets given features: an embedding, members, and a head for each target."""

from collections.abc import Sequence
from typing import cast, final

import torch
from torch import Tensor, nn

from qdist.arguments import number, rows_of
from qdist.errors import InputError
from qdist.heads import AbstractHead, BinnedHead, SplineHead
from qdist.laws.base import AbstractLaw
from qdist.laws.questions import Questions
from qdist.quantile import Categorical, PiecewiseLinear
from qdist.quantile.steps import accumulate, stairs
from qdist.regression.average import average_members
from qdist.regression.embedding import FeatureEmbedding
from qdist.regression.members import Members

__all__ = ["RegressionLaw"]


@final
class RegressionLaw(AbstractLaw):
    r"""The law of each of T targets given features.

    A row is [F numbers | C codes | T targets], everything in units of its own spread. The loss is
    half the exact CRPS of each member's law at the target (all of it where every target takes few
    values), summed over targets: the unit of a target is its spread, a constant, so that this is
    the CRPS on the data's own scale.

    Each target has its own law given the features; how the targets depend on each other beyond
    them is not modelled.

    Args:
        bins: For each number the ends of its bins.
        levels: For each code the number of levels.
        atoms: For each target its values, if they are few, or None.
        guesses: The last so many numbers are first guesses of the targets (0, or T of them): the
            median of a continuous target starts as its guess.
        width: Width of the layers.
        layers: Number of layers.
        members: Number M of members.
        embedding: Length of the vector of a feature.
        knots: Number of knots of a quantile function.
        dropout: Share of units dropped in training.

    Raises:
        InputError: If a size is not positive, or the dropout not in [0, 1).

    Example:
        >>> law = RegressionLaw([[0.0, 1.0]], [], [None], width=8, layers=1, members=2)
        >>> law.laws(torch.zeros(5, 2))[0].batch_shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        bins: Sequence[Sequence[float]],
        levels: Sequence[int],
        atoms: Sequence[Sequence[float] | None],
        *,
        guesses: int = 0,
        width: int = 128,
        layers: int = 3,
        members: int = 8,
        embedding: int = 16,
        knots: int = 32,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        sizes = {"width": width, "layers": layers, "members": members, "embedding": embedding}
        for name, size in sizes.items():
            number(f"{name} of network_args", size, least=1, whole=True)
        if not 0 <= dropout < 1:
            raise InputError(f"Expected dropout in [0, 1); got {dropout}. Correct network_args.")
        self.numbers, self.codes, self.guesses = len(bins), len(levels), guesses
        self.embed = FeatureEmbedding(bins, levels, width=embedding)
        self.members = Members(
            self.embed.outputs, width=width, layers=layers, members=members, dropout=dropout
        )
        heads: list[AbstractHead] = []
        for values in atoms:
            if values is None:
                heads.append(SplineHead(width + bool(guesses), knots=knots))
            else:
                heads.append(BinnedHead(width, [(v, v) for v in values], score="crps"))
        self.heads = nn.ModuleList(heads)
        self._begin_at_guesses()

    @property
    def dim(self) -> int:
        """The number of targets T."""
        return len(self.heads)

    def questions(self, n: int, *, generator: torch.Generator) -> Questions:
        """The features are visible in every row, all targets asked: (n, F + C + T)."""
        del generator  # nothing is drawn
        shown = torch.arange(self.numbers + self.codes + self.dim) < self.numbers + self.codes
        shown = shown.expand(n, -1).to(self.device)
        return Questions(shown, ~shown)

    def forward(
        self, y: Tensor, questions: Questions, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """The loss of rows (B, F + C + T), the mean of members and sum of targets: (B,)."""
        del questions  # the same in every row
        h = self._contexts(y)
        half = any(isinstance(head, SplineHead) for head in self.heads)
        losses = []
        for t, head in enumerate(self._heads()):
            target = y[:, self.numbers + self.codes + t]
            target = target.unsqueeze(-1).expand(h.shape[:-1])
            loss = head.loss(self._with_guess(h, y, t), target, generator=generator)
            # That of a spline is half the CRPS: so is any beside it, as targets count alike.
            losses.append(loss / 2 if half and isinstance(head, BinnedHead) else loss)
        return torch.stack(losses).mean(-1).sum(0)

    def laws(self, y: Tensor) -> list[PiecewiseLinear]:
        """The laws of each target, of batch shape (B, M).

        Args:
            y: Rows, shape (B, F + C + T), whose targets are not looked at.

        Raises:
            InputError: If the shape is wrong.
        """
        rows_of("y", y, width=self.numbers + self.codes + self.dim)
        h = self._contexts(y)
        found = [head(self._with_guess(h, y, t)) for t, head in enumerate(self._heads())]
        return [_steps(law) if isinstance(law, Categorical) else law for law in found]

    def averages(self, y: Tensor) -> list[PiecewiseLinear]:
        """The law of each target, of batch shape (B,): the average over the members.

        Args:
            y: Rows, shape (B, F + C + T), whose targets are not looked at.

        Raises:
            InputError: If the shape is wrong.
        """
        rows_of("y", y, width=self.numbers + self.codes + self.dim)
        h = self._contexts(y)
        found = []
        for t, head in enumerate(self._heads()):
            context = self._with_guess(h, y, t)
            if isinstance(head, SplineHead):
                found.append(head.average(context))
            else:
                found.append(average_members(_steps(head(context))))
        return found

    def knot_levels(self, t: int) -> Tensor | None:
        """The levels (K,) of the knots of target t; None where it takes few values.

        Raises:
            InputError: If there is no such target.
        """
        number("t", t, least=0, below=self.dim, whole=True)
        head = self.heads[t]
        return head.at if isinstance(head, SplineHead) else None

    def start(self, rows: Tensor, *, weight: Tensor) -> None:
        """Let the heads start at the law of the training rows: of what the guesses leave."""
        for t, head in enumerate(self._heads()):
            target = rows[:, self.numbers + self.codes + t]
            if self.guesses and isinstance(head, SplineHead):
                target = target - rows[:, self.numbers - self.guesses + t]
            head.start(target, weight=weight)

    def _heads(self) -> list[AbstractHead]:
        return cast(list[AbstractHead], list(self.heads))

    def _contexts(self, y: Tensor) -> Tensor:
        codes = y[:, self.numbers : self.numbers + self.codes].long()
        contexts: Tensor = self.members(self.embed(y[:, : self.numbers], codes))
        return contexts

    def _with_guess(self, h: Tensor, y: Tensor, t: int) -> Tensor:
        if not self.guesses or not isinstance(self.heads[t], SplineHead):
            return h
        guess = y[:, self.numbers - self.guesses + t, None, None]
        return torch.cat([h, guess.expand(*h.shape[:-1], 1)], -1)

    @torch.no_grad()
    def _begin_at_guesses(self) -> None:
        for head in self.heads:
            if self.guesses and isinstance(head, SplineHead):
                weight = head.layer.weight
                weight[1:] *= 0.3
                weight[:, -1] = 0.0
                weight[0, -1] = 1.0  # the median is the first output


def _steps(law: Categorical) -> PiecewiseLinear:
    """A law on few values as one with knots, each value twice, to be averaged with others."""
    levels = stairs(accumulate(law.probs).clamp(max=1.0))
    return PiecewiseLinear(levels, law.values.repeat_interleave(2), validate_args=False)
