"""Codes: a softmax, or two of them where there are thousands."""

from math import ceil, sqrt
from typing import Any, ClassVar, Literal, Self, final, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.heads.base import AbstractHead, check_context, readout, working_dtype
from qdist.heads.calibration import counted, move_mean, shares_of
from qdist.heads.factored import FactoredCategorical
from qdist.quantile import Categorical

__all__ = ["CategoricalHead"]

Score = Literal["log", "rps", "both"]

# Stands for no code: codes come as floats, and none of them is this number.
_NO_CODE = -(2**62) - 1

# Up to here one softmax costs less than the bookkeeping of two.
_ONE_SOFTMAX = 1000


@final
class CategoricalHead(AbstractHead):
    r"""A mass for each of K codes 0 ... K - 1.

    Up to 1,000 codes it is one softmax. Beyond, the code is written
    $k = a m + b$ with $m = \lceil \sqrt{K} \rceil$, and
    $p(k) = p(a) \, p(b \mid a)$ with a softmax each: for B contexts memory grows as
    $B \sqrt{K}$, in training and in sampling. The second softmax reads the context times a vector
    that belongs to $a$, plus an offset for each code, so that any marginal law is within reach.

    Args:
        context: Width C of the contexts.
        levels: The number K of codes.
        ordered: Whether the codes are ordered. Needed for the ranked probability score.
        score: What `loss` returns: the log score, the ranked probability score
            $\sum_k (F(k) - 1\{y \le k\})^2$ (the CRPS of the codes), or the sum of both, the
            latter then divided by K - 1.

    Raises:
        InputError: If there is no code, or if a ranked score is asked of nominal codes.

    Example:
        >>> import torch
        >>> head = CategoricalHead(2, 4)
        >>> head.loss(torch.zeros(2), torch.tensor(3.0)).exp().item()  # 1 / p
        4.0...
    """

    name: ClassVar[str] = "categorical"

    def __init__(
        self, context: int, levels: int, *, ordered: bool = False, score: Score = "log"
    ) -> None:
        super().__init__()
        check_context(context)
        if levels < 1:
            raise InputError(f"Expected at least one level; got {levels}. Drop the coordinate.")
        if score not in get_args(Score):
            raise InputError(
                f"Expected score 'log', 'rps' or 'both'; got {score!r}. Choose one of the three."
            )
        if score != "log" and not ordered:
            raise InputError(
                f"Expected score 'log' for nominal codes; got {score!r}. "
                "Pass ordered=True if the codes have an order."
            )
        self.levels, self.ordered, self.score = levels, ordered, score
        self.fine = 0  # number of codes in a block; 0: one softmax
        if levels <= _ONE_SOFTMAX:
            self.layer = nn.Linear(context, levels)
        else:
            self.fine = ceil(sqrt(levels))
            blocks = ceil(levels / self.fine)
            self.layer = nn.Linear(context, blocks)
            self.inner = nn.Linear(context, self.fine, bias=False)
            self.gate = nn.Parameter(torch.ones(blocks, context))
            self.offset = nn.Parameter(torch.zeros(blocks, self.fine))
        nn.init.zeros_(self.layer.bias)

    def forward(self, h: Tensor) -> Categorical | FactoredCategorical:
        """Return the law of the code given h (..., C), with batch shape (...)."""
        logits = readout(self.layer, h)
        if not self.fine:
            return Categorical(logits, validate_args=False)
        return FactoredCategorical(
            logits,
            lambda block: self._inner_logits(h, block),
            self.levels,
            self.fine,
            validate_args=False,
        )

    def value_at(self, h: Tensor, tau: Tensor) -> Tensor:
        """Return the quantiles at levels tau (S..., *batch), as `forward(h).icdf(tau)` does.

        For one level a law it does without the object, as sampling does it thousands of times.
        """
        if self.fine or tau.shape != h.shape[:-1]:
            return super().value_at(h, tau)
        return code_at(self._total(h), tau).to(tau.dtype)

    def value_of(self, h: Tensor, tau: Tensor, *, row: Tensor) -> Tensor:
        """Return the quantiles at levels tau (R,), the r-th given context row[r] of h (U, C)."""
        if self.fine:
            return super().value_of(h, tau, row=row)
        return code_at(self._total(h).index_select(0, row), tau).to(tau.dtype)

    def loss(
        self, h: Tensor, target: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the chosen score (...) of the codes target (...), given h (..., C).

        Training comes through here at every step, so codes are looked at only where that is free:
        the log score refuses one outside 0 ... K - 1 on a CPU, NaN included. Beyond one softmax,
        K and the few codes after it have a score of infinity instead. On other devices the error
        is that of the device; the ranked score takes any number.

        Raises:
            InputError: If the log score meets such a code on a CPU.
        """
        del generator  # the score is exact
        batch = torch.broadcast_shapes(h.shape[:-1], target.shape)
        h = h.expand(*batch, -1)
        code = target.expand(batch).long()
        loss = torch.zeros(batch, dtype=working_dtype(self.layer.weight), device=h.device)
        if self.score != "rps":
            try:
                loss = self._log_score(h, code)
            except IndexError as error:  # torch looks, where no device is waited for
                wrong = target[~((target >= 0) & (target < self.levels))].flatten()
                raise InputError(
                    f"Expected codes 0 ... {self.levels - 1}; got {wrong[:4].tolist()}. Encode "
                    "the values by the codec of the model, and leave missing ones out."
                ) from error
        if self.score != "log":
            unit = max(self.levels - 1, 1) if self.score == "both" else 1
            loss = loss + self(h).crps(code) / unit
        return loss

    @property
    def log_score(self) -> bool:
        """Whether `loss` is minus the law's `log_prob`."""
        return self.score == "log"

    @property
    def loss_unit(self) -> float:
        """The range of the codes for a ranked score; with a log score the loss has no unit."""
        return float(max(self.levels - 1, 1)) if self.score == "rps" else 1.0

    @torch.no_grad()
    def start(self, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Set the biases for good: the law at context 0 has the shares of codes target (N,)."""
        target, weight = counted(target, weight)
        shares = shares_of(target.flatten().long(), size=self.levels, weight=weight)
        self.layer.bias.requires_grad = False
        if not self.fine:
            self.layer.bias.copy_(shares.log())
            return
        grid = self._in_blocks(shares)
        blocks = grid.sum(-1)
        self.layer.bias.copy_(blocks.log())
        # Places past the last code are masked; any finite number will do there.
        least = shares.min()
        self.offset.copy_((grid.clamp(min=least) / blocks.unsqueeze(-1)).log())

    @torch.no_grad()
    def calibrate(self, h: Tensor, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Move the mean shares over contexts h (N, C) to those of codes (M,).

        Of many codes, the shares of the blocks; those within a block stay as they are.
        """
        shares = shares_of(target.flatten().long(), size=self.levels, weight=weight)
        if self.fine:
            shares = self._in_blocks(shares).sum(-1)
        move_mean(self.layer, h, readout(self.layer, h), shares)

    @classmethod
    def for_coordinate(cls, coordinate: Coordinate, context: int, **args: Any) -> Self:
        """Build the head over the coordinate's codes."""
        if coordinate.levels is None:
            raise InputError(
                f"Expected codes for coordinate {coordinate.name!r}; got a real coordinate. "
                "Choose another head."
            )
        return cls(context, coordinate.levels, **{"ordered": coordinate.ordered, **args})

    def extra_repr(self) -> str:
        """Show the number of codes and the score."""
        return f"levels={self.levels}, ordered={self.ordered}, score={self.score!r}"

    def _total(self, h: Tensor) -> Tensor:
        """The cumulative probabilities (..., K) of one softmax, given h (..., C)."""
        return readout(self.layer, h).softmax(-1).cumsum(-1)

    def _in_blocks(self, shares: Tensor) -> Tensor:
        """The shares of codes (levels,) as (blocks, m), 0 past the last code."""
        return functional.pad(shares, (0, self.offset.numel() - self.levels)).view_as(self.offset)

    def _log_score(self, h: Tensor, code: Tensor) -> Tensor:
        logits = readout(self.layer, h)
        if not self.fine:
            return _cross_entropy(logits, code)
        block = code // self.fine
        inner = self._inner_logits(h, block)
        return _cross_entropy(logits, block) + _cross_entropy(inner, code % self.fine)

    def _inner_logits(self, h: Tensor, block: Tensor) -> Tensor:
        """Return the logits (..., m) of the codes in each block (...)."""
        dtype = working_dtype(self.layer.weight)
        lead = torch.broadcast_shapes(h.shape[:-1], block.shape)
        gated = h.to(dtype).expand(*lead, -1) * self.gate[block].to(dtype)
        logits = readout(self.inner, gated) + self.offset[block].to(dtype)
        code = block.unsqueeze(-1) * self.fine + torch.arange(self.fine, device=block.device)
        return logits.masked_fill(code >= self.levels, -torch.inf)


def code_at(total: Tensor, tau: Tensor) -> Tensor:
    """The first code (...) whose cumulative probability reaches the level tau (...).

    Args:
        total: Cumulative probabilities, shape (..., K); the last is about 1.
        tau: Levels in [0, 1], shape (...).
    """
    # As in the law itself, the last entry is exactly 1.
    total = total / total[..., -1:]
    level = tau.to(total.dtype).clamp(min=torch.finfo(total.dtype).tiny).unsqueeze(-1)
    return torch.searchsorted(total, level).squeeze(-1).clamp(max=total.shape[-1] - 1)


def _cross_entropy(logits: Tensor, code: Tensor) -> Tensor:
    flat = functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]),
        code.reshape(-1),
        reduction="none",
        ignore_index=_NO_CODE,  # by default -100, which would score 0
    )
    return flat.view(code.shape)
