"""A softmax over fixed bins: free level increments between fixed values."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, final, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.heads.base import AbstractHead, check_context, readout
from qdist.heads.calibration import counted, move_mean, shares_of
from qdist.heads.categorical import code_at
from qdist.quantile import Categorical, PiecewiseLinear

__all__ = ["BinnedHead"]

Score = Literal["log", "crps", "both"]


@final
class BinnedHead(AbstractHead):
    r"""Bins of fixed ends and free mass: a piecewise linear cdf with K degrees of freedom.

    A softmax of logits gives bin $k$ the mass $p_k$, spread evenly over
    $[l_k, r_k]$, or put on one point where $l_k = r_k$ (an atom). Between two bins there may be a
    gap, which holds no mass. The quantile function is piecewise linear, with fixed values and
    free levels: the best of the heads where the law has several sharp modes or atoms.

    The log score of a target in bin $k$ is $-\log p_k$ for an atom (the mass of the interval
    $[F(y-), F(y)]$; no noise is added) and $-\log (p_k / (r_k - l_k))$ in a continuous bin. A
    target equal to an atom belongs to the atom, even where the atom touches a continuous bin; one
    in a gap or outside belongs to the nearest bin.

    The logits are a series in the place $u_j = (j + 1/2) / K$ of a bin, with coefficients linear
    in the context, and a free term for each atom,

    $$ \log p_j(h) = \text{const} + b_j + a_j(h)
       + \frac{1}{2^s} \left( d_1(h) z_j + d_2(h) \frac{z_j^2 - 1}{\sqrt 2} \right)
       + \sum_{m=1}^{M} \frac{c_m(h)}{(1 + m)^s} \sqrt 2 \cos(\pi m u_j),
       \qquad z_j = \Phi^{-1}(u_j), $$

    so that neighbouring bins learn from each other. Where bins have equal masses, $z$ and $z^2$
    alone make the conditional laws of a Gaussian copula; the damping $s$ is a prior for smooth log
    densities around those. One free logit a bin overfits tables of ten thousand rows long before
    they are learnt. Before training all bins weigh the same, unless `start` is told of targets.

    Args:
        context: Width C of the contexts.
        bins: The bins, shape (K, 2): left and right ends, sorted, not overlapping.
        waves: Number M of cosines, at most.
        damping: The exponent s; 0 weighs all frequencies alike.
        score: What `loss` returns: the log score, the CRPS, or their sum, the CRPS then divided
            by the length of the whole range, so that units do not matter.

    Raises:
        InputError: If the bins are not sorted intervals, the score is unknown, or waves < 1.

    Example:
        An atom at 0 that touches the bins of (0, 1]; before training all bins weigh the same.

        >>> import torch
        >>> head = BinnedHead(2, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0)])
        >>> law = head(torch.zeros(2))
        >>> law.icdf(torch.tensor([0.2, 0.5]))
        tensor([0.0000, 0.2500], grad_fn=<...>)
        >>> head.loss(torch.zeros(2), torch.tensor(0.0)).exp().item()  # 1 / p = 3
        3.0...
        >>> head.loss(torch.zeros(2), torch.tensor(0.1)).exp().item()  # width / p = 0.5 * 3
        1.5...
    """

    name: ClassVar[str] = "binned"
    basis: Tensor
    lookup: Tensor
    log_width: Tensor
    knots: Tensor
    edge: Tensor
    left: Tensor
    right: Tensor
    atoms: Tensor | None

    def __init__(
        self,
        context: int,
        bins: Tensor | Sequence[tuple[float, float]],
        *,
        waves: int = 128,
        damping: float = 1.0,
        score: Score = "log",
    ) -> None:
        super().__init__()
        if score not in get_args(Score):
            raise InputError(
                f"Expected score 'log', 'crps' or 'both'; got {score!r}. Choose one of the three."
            )
        if waves < 1:
            raise InputError(f"Expected waves >= 1; got {waves}. Ask for at least one cosine.")
        ends = torch.as_tensor(bins).to(torch.get_default_dtype())
        _check_bins(ends)
        left, right = ends.unbind(-1)
        self.score = score
        self.span = float(right[-1] - left[0]) or 1.0
        width = right - left
        basis = _basis(width > 0, waves, damping)
        self.register_buffer("basis", basis, persistent=False)
        check_context(context)
        self.layer = nn.Linear(context, len(basis), bias=False)
        self.bias = nn.Parameter(torch.zeros(len(ends)))

        # Not saved: it follows from the bins.
        self.register_buffer("left", left, persistent=False)
        self.register_buffer("right", right, persistent=False)
        atoms = left if not bool((width > 0).any()) else None
        self.register_buffer("atoms", atoms, persistent=False)
        self.register_buffer("lookup", _cuts(left, right))
        self.register_buffer("log_width", torch.where(width > 0, width, 1.0).log())
        # One knot where two bins touch, two where there is a gap or an atom between them.
        values = ends.flatten()
        edge = torch.arange(1, 2 * len(ends) + 1) // 2
        keep = torch.ones(len(values), dtype=torch.bool)
        keep[1:] = (values[1:] != values[:-1]) | (edge[1:] != edge[:-1])
        self.register_buffer("knots", values[keep])
        self.register_buffer("edge", edge[keep])

    def forward(self, h: Tensor) -> PiecewiseLinear | Categorical:
        """Return the law given h (..., C): `PiecewiseLinear`, or `Categorical` for atoms only."""
        return self._law(self._logits(h))

    def value_at(self, h: Tensor, tau: Tensor) -> Tensor:
        """Return the quantiles at levels tau (S..., *batch), as `forward(h).icdf(tau)` does."""
        if tau.shape != h.shape[:-1]:
            return super().value_at(h, tau)
        return self._value(self._total(h), tau)

    def value_of(self, h: Tensor, tau: Tensor, *, row: Tensor) -> Tensor:
        """Return the quantiles at levels tau (R,), the r-th given context row[r] of h (U, C)."""
        return self._value(self._total(h).index_select(0, row), tau)

    def _total(self, h: Tensor) -> Tensor:
        """The upper level (..., K) of each bin, given h (..., C); the last is about 1."""
        return self._logits(h).softmax(-1).cumsum(-1)

    def _value(self, total: Tensor, tau: Tensor) -> Tensor:
        """The quantiles at levels tau (...) of laws whose bins have upper levels (..., K).

        A sampler asks for one level a law, thousands of times: so no law is made.
        """
        if self.atoms is not None:
            return self.atoms.to(tau.dtype)[code_at(total, tau)]
        level = (tau.to(total.dtype) * total[..., -1]).unsqueeze(-1)
        k = torch.searchsorted(total, level).clamp_(max=total.shape[-1] - 1)
        upto = total.gather(-1, k)
        below = torch.where(k > 0, total.gather(-1, (k - 1).clamp(min=0)), 0.0)
        share = ((level - below) / (upto - below).clamp(min=torch.finfo(total.dtype).tiny)).clamp(
            0, 1
        )
        left, right = self.left.to(total.dtype)[k], self.right.to(total.dtype)[k]
        return (left + share * (right - left)).squeeze(-1)

    def loss(
        self, h: Tensor, target: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the chosen score (...) at target (...), given h (..., C)."""
        del generator  # the score is exact
        logits = self._logits(h)
        target = target.to(logits.dtype)
        loss = torch.zeros_like(target)
        if self.score != "crps":
            k = self.bin_of(target)
            log_p = logits.log_softmax(-1)
            batch = torch.broadcast_shapes(logits.shape[:-1], target.shape)
            log_p = log_p.expand(*batch, -1).gather(-1, k.expand(batch).unsqueeze(-1)).squeeze(-1)
            loss = self.log_width[k] - log_p
        if self.score != "log":
            unit = self.span if self.score == "both" else 1.0
            loss = loss + self._law(logits).crps(target) / unit
        return loss

    @property
    def log_score(self) -> bool:
        """Whether `loss` is minus the law's `log_prob`."""
        return self.score == "log"

    @property
    def loss_unit(self) -> float:
        """The length of the range for a CRPS; with a log score the loss has no unit."""
        return self.span if self.score == "crps" else 1.0

    @torch.no_grad()
    def start(self, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Set the biases for good: the law at context 0 has the bin masses of targets (N,)."""
        self.bias.copy_(self._shares(target, weight).log())
        self.bias.requires_grad = False

    @torch.no_grad()
    def calibrate(self, h: Tensor, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Move the mean bin masses over contexts h (N, C) to those of targets (M,)."""
        shares = self._shares(target, weight)
        move_mean(self.layer, h, self._logits(h), shares, basis=self.basis)

    def bin_of(self, target: Tensor) -> Tensor:
        """Return the index of the bin (...) that each target (...) belongs to."""
        return torch.searchsorted(
            self.lookup, target.to(self.lookup.dtype).contiguous(), right=True
        )

    @classmethod
    def for_coordinate(cls, coordinate: Coordinate, context: int, **args: Any) -> Self:
        """Build the head over the coordinate's marginal bins, or over its codes as atoms."""
        if coordinate.bins:
            return cls(context, coordinate.bins, **args)
        if coordinate.levels is not None and coordinate.ordered:
            return cls(context, [(float(k), float(k)) for k in range(coordinate.levels)], **args)
        raise InputError(
            f"Expected bins for coordinate {coordinate.name!r}; got none. "
            "Give it bins, or choose another head."
        )

    def extra_repr(self) -> str:
        """Show the number of bins, the range and the score."""
        low, high = self.knots[0].item(), self.knots[-1].item()
        return f"bins={len(self.log_width)}, range=[{low:g}, {high:g}], score={self.score!r}"

    def _shares(self, target: Tensor, weight: Tensor | None) -> Tensor:
        target, weight = counted(target, weight)
        return shares_of(self.bin_of(target).flatten(), size=len(self.bias), weight=weight)

    def _logits(self, h: Tensor) -> Tensor:
        series = readout(self.layer, h, basis=self.basis)
        return series + self.bias.to(series.dtype)

    def _law(self, logits: Tensor) -> PiecewiseLinear | Categorical:
        if self.atoms is not None:  # exact to the last digit of a tiny mass, and fast
            return Categorical(logits, values=self.atoms.to(logits.dtype), validate_args=False)
        total = logits.softmax(-1).cumsum(-1)
        # The last level is 1 by construction; rounding must not make it 0.9999999.
        total = functional.pad((total / total[..., -1:]).clamp(max=1.0), (1, 0))
        if len(self.edge) != total.shape[-1]:  # gaps or atoms: some levels are used twice
            total = total.index_select(-1, self.edge)
        return PiecewiseLinear(total, self.knots.to(total.dtype), validate_args=False)


def _basis(continuous: Tensor, waves: int, damping: float) -> Tensor:
    """Return the matrix (A + M + 2, K) from coefficients to logits: atoms, waves, scores."""
    bins, atoms = len(continuous), int((~continuous).sum())
    place = (torch.arange(bins) + 0.5) / bins
    m = torch.arange(1, min(waves, bins) + 1).unsqueeze(-1)
    cosines = (torch.pi * m * place).cos() * 2**0.5 / (1.0 + m) ** damping
    score = torch.special.ndtri(place)
    scores = torch.stack([score, (score**2 - 1) / 2**0.5]) / 2**damping  # as the first cosine
    free = torch.zeros(atoms, bins)
    free[torch.arange(atoms), (~continuous).nonzero().squeeze(-1)] = 1.0
    return torch.cat([free, cosines.to(free.dtype), scores.to(free.dtype)])


def _check_bins(ends: Tensor) -> None:
    if ends.ndim != 2 or ends.shape[-1] != 2 or len(ends) == 0:
        raise InputError(
            f"Expected bins of shape (K, 2) with K >= 1; got {tuple(ends.shape)}. "
            "Give one (left, right) pair a bin."
        )
    flat = ends.flatten()
    if not bool(flat.isfinite().all()) or bool((flat[1:] < flat[:-1]).any()):
        raise InputError(
            "Expected finite bins in increasing order that do not overlap; got "
            f"{[tuple(pair) for pair in ends.tolist()[:8]]}. Sort them and clip their ends."
        )
    if len(ends) > 1 and bool(((ends[1:] == ends[:-1]).all(-1)).any()):
        raise InputError("Expected distinct bins; got the same atom twice. Remove one.")


def _cuts(left: Tensor, right: Tensor) -> Tensor:
    """Return the K - 1 points from which on a target belongs to the next bin."""
    above = torch.nextafter(right, torch.full_like(right, torch.inf))
    cut = torch.where(left[1:] > right[:-1], (left[1:] + right[:-1]) / 2, left[1:])
    # An atom that touches the next bin keeps its own point.
    touches = (left[:-1] == right[:-1]) & (left[1:] == right[:-1])
    return torch.where(touches, above[:-1], cut)
