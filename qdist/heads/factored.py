"""The law of a code in two steps: first its block, then its place in the block."""

from collections.abc import Callable, Iterator
from typing import Self, final

import torch
from torch import Size, Tensor

from qdist.quantile import QuantileFunction
from qdist.quantile.steps import accumulate, step_index

__all__ = ["FactoredCategorical"]


@final
class FactoredCategorical(QuantileFunction):
    r"""A step function over K codes $k = a m + b$, held as $p(a)$ and a rule for $p(b \mid a)$.

    A question about one code needs one block of m codes; nothing of size K is made for it. Scores
    and moments, which need all codes, go through the blocks one at a time.

    Args:
        logits: Logits of the blocks, shape (*batch, A).
        inner: Gives the logits (S..., *batch, m) of the codes in the blocks (S..., *batch).
        levels: The number K of codes; codes of the last block beyond it must have logit -inf.
        fine: The number m of codes in a block.
        validate_args: Whether the public methods check their arguments.

    Example:
        >>> import torch
        >>> law = FactoredCategorical(torch.zeros(2), lambda a: torch.zeros(*a.shape, 2), 4, 2)
        >>> law.icdf(torch.tensor([0.2, 0.6, 1.0])).tolist()
        [0.0, 2.0, 3.0]
        >>> law.cdf(torch.tensor(1.0)).item()
        0.5
    """

    can = frozenset({"cdf", "log_prob", "crps", "mean", "variance", "sample"})
    cannot = {  # noqa: RUF012 - as in the base
        "rsample": "A step function has no gradient in its levels. Use sample, or log_prob."
    }

    def __init__(
        self,
        logits: Tensor,
        inner: Callable[[Tensor], Tensor],
        levels: int,
        fine: int,
        *,
        validate_args: bool | None = None,
    ) -> None:
        self.logits = logits
        self.inner = inner
        self.levels, self.fine, self.blocks = levels, fine, logits.shape[-1]
        super().__init__(
            logits.shape[:-1],
            dtype=logits.dtype,
            device=logits.device,
            validate_args=validate_args,
        )

    @property
    def probs(self) -> Tensor:
        """Masses of all codes, shape (*batch, K): as large as it says."""
        parts = [mass for _, mass, _ in self._walk()]
        return torch.cat(parts, dim=-1)[..., : self.levels]

    def _icdf(self, tau: Tensor) -> Tensor:
        outer = self.logits.softmax(-1).expand(*tau.shape, -1)
        block, rest = _step(outer, tau)
        inner = self.inner(block).softmax(-1)
        place, _ = _step(inner, rest)
        return (block * self.fine + place).to(self.dtype)

    def _cdf(self, y: Tensor) -> Tensor:
        return self._upto(y.floor())

    def _cdf_left(self, y: Tensor) -> Tensor:
        return self._upto(y.ceil() - 1)

    def _log_prob(self, y: Tensor) -> Tensor:
        block, place = self._split(y)
        outer = self.logits.log_softmax(-1).expand(*y.shape, -1)
        inner = self.inner(block).log_softmax(-1)
        found = _pick(outer, block) + _pick(inner, place)
        known = (y >= 0) & (y < self.levels) & (y == y.floor())
        return torch.where(y.isnan(), y, found.masked_fill(~known, -torch.inf))

    def _crps(self, y: Tensor) -> Tensor:
        # The sum of (F(k) - 1{y <= k})^2, block by block, and the stretch beyond the codes.
        score = (y - (self.levels - 1)).clamp(min=0) + (-y).clamp(min=0)
        inside = y.clamp(0, self.levels - 1)
        for code, _, cdf in self._walk():
            width = torch.where(code < self.levels - 1, 1.0, 0.0).to(self.dtype)
            # A target between two codes splits the unit between them.
            below = (inside.unsqueeze(-1) - code).clamp(0, 1)
            error = below * cdf.square() + (1 - below) * (cdf - 1).square()
            score = score + (error * width).sum(-1)
        return score

    def _mean(self) -> Tensor:
        return self._moment(torch.zeros_like(self.logits[..., 0]), 1)

    def _variance(self) -> Tensor:
        return self._moment(self._mean(), 2)

    def _breakpoints(self) -> Tensor:
        return torch.cat([cdf for _, _, cdf in self._walk()], dim=-1)[..., : self.levels]

    def _moment(self, centre: Tensor, power: int) -> Tensor:
        total = torch.zeros_like(centre)
        for code, mass, _ in self._walk():
            total = total + (mass * (code - centre.unsqueeze(-1)) ** power).sum(-1)
        return total

    def _walk(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Codes (m,), masses and cdf (*batch, m) of one block after the other."""
        outer = self.logits.softmax(-1)
        before = outer.cumsum(-1) - outer
        place = torch.arange(self.fine, device=self.logits.device)
        for a in range(self.blocks):
            block = torch.full(self.batch_shape, a, device=self.logits.device)
            mass = self.inner(block).softmax(-1) * outer[..., a, None]
            yield a * self.fine + place, mass, before[..., a, None] + mass.cumsum(-1)

    def _upto(self, code: Tensor) -> Tensor:
        block, place = self._split(code)
        outer = self.logits.softmax(-1).expand(*code.shape, -1)
        inner = self.inner(block).softmax(-1)
        before = _pick(outer.cumsum(-1) - outer, block)
        total = before + _pick(outer, block) * _pick(inner.cumsum(-1), place)
        total = total.clamp(0.0, 1.0).masked_fill(code < 0, 0.0)
        total = total.masked_fill(code >= self.levels - 1, 1.0)
        return torch.where(code.isnan(), code, total)

    def _split(self, y: Tensor) -> tuple[Tensor, Tensor]:
        # What is no number has no block: that of 0 stands in, and the caller answers NaN.
        code = y.nan_to_num(0.0).clamp(0, self.levels - 1).long()
        return code // self.fine, code % self.fine

    def _expand(self, batch_shape: Size) -> Self:
        logits = self.logits.expand(*batch_shape, self.blocks)
        return type(self)(
            logits, self.inner, self.levels, self.fine, validate_args=self._validate_args
        )


def _pick(table: Tensor, index: Tensor) -> Tensor:
    return table.gather(-1, index.unsqueeze(-1)).squeeze(-1)


def _step(mass: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first index (...) whose cumulative mass reaches tau, and the level within it."""
    cdf = accumulate(mass)
    index = step_index(tau, cdf, tau.shape)
    upto = _pick(cdf, index)
    before = torch.where(index > 0, _pick(cdf, (index - 1).clamp(min=0)), 0.0)
    width = (upto - before).clamp(min=torch.finfo(mass.dtype).tiny)
    return index, ((tau - before) / width).clamp(0.0, 1.0)
