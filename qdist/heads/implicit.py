"""The implicit quantile network: the level is an input."""

from collections.abc import Callable
from math import pi
from typing import Any, ClassVar, Self, final

import torch
from torch import Size, Tensor, nn

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.heads.base import AbstractHead, check_context, readout, working_dtype
from qdist.heads.calibration import counted
from qdist.heads.censoring import check_range, grid_points, on_grid, way_back
from qdist.heads.units import units_of
from qdist.losses import huber_pinball, pinball
from qdist.quantile import Categorical, Implicit
from qdist.rng import rand

__all__ = ["ImplicitHead"]

# Activations held at once where no gradient is kept: 2^24 floats are 64 MB.
_CHUNK = 2**24
# Quantiles kept of the targets of `start`: a jump between them becomes a line over 1/1024 of
# levels.
_KNOTS = 1025


@final
class ImplicitHead(AbstractHead):
    r"""The implicit quantile network (IQN): $Q(\tau) = q_0(\tau) + f(h \odot \phi(\tau))$.

    The level is embedded by cosines,
    $\phi_j(\tau) = \mathrm{relu}(\sum_i \cos(\pi i \tau) w_{ij} + b_j)$, multiplied with the
    context, and read by a hidden layer and a linear one. It is trained by the pinball loss at
    random levels, the mean of `n_tau` of them for each target: an unbiased estimate of half the
    CRPS of the network's law. $q_0$ is a constant, or, where `start` is told of targets, their
    quantile function: all that is left to learn is what depends on the context.

    A network need not increase in $\tau$. The law it stands for is its increasing rearrangement,
    an [`Implicit`][qdist.quantile.Implicit] object: no density, and its quantiles never cross.

    With `lower` and `upper` the network is clamped to the range, so that atoms at the ends can be
    met; training sends them a margin beyond it, and brings back what strays. With `step` the
    target lives on the grid lower, lower + step, ..., upper, and the law is that of the
    rearrangement rounded to the grid (a `Categorical`).

    Args:
        context: Width C of the contexts.
        n_cos: Number of cosines.
        n_tau: Levels drawn for each target in a loss.
        kappa: Rounds the corner of the pinball loss, in units of `scale`; 0 for the plain one.
            Keep it small: it moves the minimiser.
        lower: Lower end of the range, or None.
        upper: Upper end of the range, or None.
        margin: How far beyond the range training sends its atoms, in units of `scale`.
        step: Spacing of the grid of targets, or None; needs `lower` and `upper`.
        loc: Where the target lies, before training.
        scale: How widely it spreads, before training. Its unit is that of the target.

    Raises:
        InputError: If an argument is out of its range.

    Source:
        "Implicit Quantile Networks for Distributional Reinforcement Learning" (Dabney et al.,
        2018), equation 4; as a generative model, "Autoregressive Quantile Networks for Generative
        Modeling" (Ostrovski et al., 2018), section 4.

    Example:
        >>> import torch
        >>> head = ImplicitHead(4)
        >>> law = head(torch.ones(4))
        >>> bool((law.icdf(torch.linspace(0, 1, 99)).diff() >= 0).all())
        True
    """

    name: ClassVar[str] = "implicit"
    grid: Tensor | None
    marginal: Tensor

    def __init__(
        self,
        context: int,
        *,
        n_cos: int = 64,
        n_tau: int = 8,
        kappa: float = 0.0,
        lower: float | None = None,
        upper: float | None = None,
        margin: float = 0.1,
        step: float | None = None,
        loc: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        check_range(lower, upper, scale=scale, margin=margin)
        if n_cos < 1 or n_tau < 1 or not kappa >= 0:
            raise InputError(
                f"Expected n_cos >= 1, n_tau >= 1 and kappa >= 0; got {n_cos}, {n_tau} and "
                f"{kappa}. 64, 8 and 0 are the defaults."
            )
        # NOTE[DIFF]: the papers' losses have a kappa above 0, which moves quantiles; here 0 is the
        # default.
        self.n_cos, self.n_tau, self.kappa = n_cos, n_tau, kappa
        self.lower, self.upper, self.margin = lower, upper, margin * scale
        self.loc, self.scale = loc, scale
        self.register_buffer("grid", None if step is None else grid_points(lower, upper, step))
        check_context(context)
        self.embed = nn.Linear(n_cos, context)
        self.hidden = nn.Linear(context, context)
        self.output = nn.Linear(context, 1)
        self.register_buffer("marginal", torch.zeros(_KNOTS))

    def forward(self, h: Tensor) -> Implicit | Categorical:
        """Return the law given h (..., C): `Implicit`, or `Categorical` on a grid."""
        return self._law(lambda tau: self._chunked(h, tau), h.shape[:-1], h.device)

    def law_of(
        self, context: Callable[[Tensor], Tensor], batch_shape: Size
    ) -> Implicit | Categorical:
        """Return the law of a context that depends on the level.

        For backbones that take each level in by itself: `context` says what they make of it.

        Args:
            context: From levels (S..., *batch) to contexts (S..., *batch, C).
            batch_shape: The shape of the batch.
        """
        return self._law(
            lambda tau: self.raw(context(tau), tau), batch_shape, self.output.weight.device
        )

    def loss(
        self, h: Tensor, target: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the mean pinball loss (...) over random levels, given h (..., C)."""
        dtype = working_dtype(self.output.weight)
        batch = torch.broadcast_shapes(h.shape[:-1], target.shape)
        like = target.new_empty(0, dtype=dtype)
        tau = rand((self.n_tau, *batch), generator=generator, like=like)
        return self.loss_at(h, target, tau).mean(0)

    def loss_at(self, h: Tensor, target: Tensor, tau: Tensor) -> Tensor:
        """Return the pinball loss (S..., *batch) at levels tau that are given.

        For backbones that take the level in: the context was made for tau, and the head must be
        read at the same level.

        Args:
            h: Contexts, shape (*batch, C).
            target: Targets, shape (*batch).
            tau: Levels, shape (S..., *batch).

        Returns:
            Losses, shape (S..., *batch).
        """
        tau = tau.to(working_dtype(self.output.weight))
        target = target.to(tau.dtype)
        q = self.raw(h, tau)
        u = target - self._clamp(q)
        if self.kappa == 0:
            loss = pinball(u, tau)
        else:
            loss = huber_pinball(u, tau, kappa=self.kappa * self.scale)
        if self.lower is self.upper is None:
            return loss
        # NOTE[DIFF]: the paper clamps nothing; here values are cut to the range, with a way back.
        zero = way_back(q, tau, target, self.lower, self.upper, margin=self.margin)
        return loss + zero

    @property
    def loss_unit(self) -> float:
        """The scale: a pinball loss is in units of the target."""
        return self.scale

    def value_at(self, h: Tensor, tau: Tensor) -> Tensor:
        """Return the values at levels tau, cut to the range and rounded to the grid.

        They are those of the network itself, which may cross. At uniform levels they follow the
        same law as draws from `forward(h)`, without the 256 readings that a rearrangement takes;
        and they are all there is where the context was made for tau.

        Args:
            h: Contexts, shape (*batch, C).
            tau: Levels, shape (S..., *batch).

        Returns:
            Values, shape (S..., *batch).
        """
        q = self._clamp(self.raw(h, tau.to(working_dtype(self.output.weight))))
        if self.grid is None:
            return q
        grid = self.grid.to(q.dtype)
        return grid[torch.searchsorted((grid[1:] + grid[:-1]) / 2, q.contiguous())]

    def raw(self, h: Tensor, tau: Tensor) -> Tensor:
        """Return the network's values at levels tau (S..., *batch) given h (*batch, C)."""
        # NOTE[DIFF]: the cosines are numbered 1 ... n, as in the authors' published code. The
        # paper's equation has 0 ... n - 1, whose first is a constant, which the bias already is.
        number = torch.arange(1, self.n_cos + 1, dtype=tau.dtype, device=tau.device)
        phi = readout(self.embed, torch.cos(pi * number * tau.unsqueeze(-1))).relu()
        # The context is clipped as in `readout`, here before the product.
        h = h.to(phi.dtype).clamp(-1e4, 1e4)
        q = readout(self.output, readout(self.hidden, h * phi).relu()).squeeze(-1)
        # NOTE[DIFF]: the paper's network has no marginal quantiles under it; zeros give its own.
        return self.loc + self.scale * (self._marginal(tau) + q)

    @torch.no_grad()
    def start(self, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Keep the quantiles of targets (N,), and let the network begin there at any context."""
        target, weight = counted(target.flatten(), weight)
        target, at = target.sort()
        mass = torch.ones_like(at) if weight is None else weight.flatten()[at]
        mass = mass.double().cumsum(0)
        levels = torch.linspace(0, 1, len(self.marginal), dtype=mass.dtype, device=mass.device)
        first = int((mass == 0).sum())  # what was not met, or weighs nothing, is no quantile
        rank = torch.searchsorted(mass, levels * mass[-1]).clamp(first, len(target) - 1)
        self.marginal.copy_((target[rank].double() - self.loc) / self.scale)
        # Not the layers before: with those at zero as well no gradient would reach any.
        self.output.weight.zero_()
        self.output.bias.zero_()

    @classmethod
    def for_coordinate(cls, coordinate: Coordinate, context: int, **args: Any) -> Self:
        """Build the head in the units of the coordinate; its bins, if any, give the range."""
        return cls(context, **{**units_of(coordinate), **args})

    def extra_repr(self) -> str:
        """Show the levels a loss draws, the corner and the range."""
        return f"n_tau={self.n_tau}, kappa={self.kappa}, lower={self.lower}, upper={self.upper}"

    def _law(
        self, read: Callable[[Tensor], Tensor], batch_shape: Size, device: torch.device
    ) -> Implicit | Categorical:
        law = Implicit(
            read if self.grid is not None else lambda tau: self._clamp(read(tau)),
            batch_shape,
            dtype=working_dtype(self.output.weight),
            device=device,
            validate_args=False,
        )
        # On a grid the outer cells take what lies beyond the range, without a clamp.
        return law if self.grid is None else on_grid(law.rearranged, self.grid.to(law.dtype))

    def _marginal(self, tau: Tensor) -> Tensor:
        knots = self.marginal.to(tau.dtype)
        place = tau * (len(knots) - 1)
        k = place.long().clamp(0, len(knots) - 2)  # in bounds for a level that is no number, too
        return knots[k] + (place - k) * (knots[k + 1] - knots[k])

    def _clamp(self, q: Tensor) -> Tensor:
        if self.lower is None and self.upper is None:
            return q
        return q.clamp(self.lower, self.upper)

    def _chunked(self, h: Tensor, tau: Tensor) -> Tensor:
        if torch.is_grad_enabled() or tau.ndim == 0 or tau.ndim <= h.ndim - 1:
            return self.raw(h, tau)
        rows = max(1, _CHUNK // max(1, tau[0].numel() * h.shape[-1]))
        return torch.cat([self.raw(h, part) for part in tau.split(rows)])
