"""What a head is: a module that turns a context into a quantile-function object."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from qdist.backbones import Coordinate
from qdist.errors import InputError
from qdist.quantile import QuantileFunction

__all__ = ["AbstractHead", "readout"]

# A context of a trained network is of order one. Beyond this it is clipped, so that the squares
# and the cumulative sums that follow stay far inside the range of float32.
_CONTEXT_LIMIT = 1e4


class AbstractHead(nn.Module, ABC):
    """Base of all heads: context (..., C) -> quantile function with batch shape (...).

    A concrete head sets `name`, and implements:

    - `forward(h)`: the law, a [`QuantileFunction`][qdist.quantile.QuantileFunction];
    - `loss(h, target, *, generator=None)`: a proper score of that law at the target, one number
      for each target, unreduced;
    - `for_coordinate(coordinate, context, **args)`, a class method: the head built from what is
      known of a coordinate before any row is seen.

    The rest are hooks, which have a default:

    - `start(target, *, weight=None)`: first parameters from training targets;
    - `calibrate(h, target, *, weight=None)`: after training, the mean law over contexts;
    - `value_at(h, tau)`, `value_of(h, tau, *, row)`: values at levels, where they are to be had
      without the whole law;
    - `log_score`, a property: whether the loss is minus the law's `log_prob`;
    - `loss_unit`, a property: by what a loss is divided to have no unit.

    Laws (checked by [`check_head`][qdist.testing.check_head]): quantiles never cross, in float32
    and bfloat16 and for contexts as large as 1e30; each element of a batch is computed by itself;
    the loss has a gradient for every parameter, and is a log score where the head says so. A head
    computes in float32 (or float64) whatever autocast says: let it pass its layers through
    [`readout`][qdist.heads.readout].
    """

    name: ClassVar[str]

    @abstractmethod
    def forward(self, h: Tensor) -> QuantileFunction:
        """Return the law given the context h (..., C), with batch shape (...)."""

    @abstractmethod
    def loss(
        self, h: Tensor, target: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Return the score (...) of the law given h (..., C) at target (...), unreduced."""

    def value_at(self, h: Tensor, tau: Tensor) -> Tensor:
        """Return values at levels tau (S..., *batch) given h (*batch, C), shaped as the levels.

        At uniform levels they follow the law given h. By default they are its quantiles; a head
        whose network may cross can give the network's own values, where those are cheaper.

        Args:
            h: Contexts, shape (*batch, C).
            tau: Levels in (0, 1), shape (S..., *batch).

        Returns:
            Values, shape (S..., *batch).
        """
        return self(h).icdf(tau)  # type: ignore[no-any-return]

    def value_of(self, h: Tensor, tau: Tensor, *, row: Tensor) -> Tensor:
        """Return what `value_at` does at levels tau (R,), the r-th given context row[r] of h.

        A sampler has many rows that know the same (a hook: a head can make their law once).

        Args:
            h: Contexts, shape (U, C).
            tau: Levels, shape (R,).
            row: Numbers of contexts, shape (R,), int64.

        Returns:
            Values, shape (R,).
        """
        return self.value_at(h.index_select(0, row), tau)

    @property
    def log_score(self) -> bool:
        """Whether `loss` is minus the law's `log_prob`; no, by default."""
        return False

    @property
    def loss_unit(self) -> float:
        """What a loss is a number of: 1 for log scores, the target's spread for a CRPS."""
        return 1.0

    def start(self, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Take first parameters from training targets: a hook; by default nothing is done.

        A head that starts at the marginal law has only what depends on the context to learn.

        Args:
            target: The targets, shape (N,); of images they are bytes (uint8), as there are many.
            weight: What each of them counts, shape (N,), of mean 1; by default alike.
        """
        del target, weight

    def calibrate(self, h: Tensor, target: Tensor, *, weight: Tensor | None = None) -> None:
        """Move the mean law over contexts to that of targets: a hook; by default nothing is done.

        The law at context 0 has to stay as it is.

        Args:
            h: Contexts of cells that are alike in law to those of the targets, shape (N, C).
            target: The targets, shape (M,); they need not belong to the contexts one by one.
            weight: What each target counts, shape (M,), of mean 1; by default alike.
        """
        del h, target, weight

    @classmethod
    @abstractmethod
    def for_coordinate(cls, coordinate: Coordinate, context: int, **args: Any) -> Self:
        """Build the head that fits a coordinate, before any row is seen.

        Args:
            coordinate: What is known of it: its levels if it has codes, its bins, its spread.
            context: Width C of the contexts.
            **args: What the user says, JSON-able; it comes before what the coordinate suggests.

        Returns:
            The head.

        Raises:
            InputError: If the head does not serve such a coordinate.
        """


def readout(layer: nn.Linear, h: Tensor, *, basis: Tensor | None = None) -> Tensor:
    """Apply a linear layer to contexts in at least float32, whatever the dtype around it.

    Quantile functions are sums of many small positive increments, where bfloat16 has too few
    digits: so a head leaves autocast here. Contexts beyond 1e4 in size are clipped.

    Args:
        layer: The layer, with weight (K, C).
        h: Contexts, shape (..., C).
        basis: Functions, shape (K, N), whose coefficients the layer's outputs are; their sums are
            returned, shape (..., N).

    Returns:
        The outputs, shape (..., K), float32 or float64.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(3, 2).bfloat16()
        >>> readout(layer, torch.full((5, 3), 1e30, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    # To leave autocast takes longer than a small product, so it is left only where it is on.
    if torch.is_autocast_enabled(h.device.type):
        with torch.autocast(h.device.type, enabled=False):
            return readout(layer, h, basis=basis)
    dtype = working_dtype(layer.weight)
    # `hardtanh` is `clamp` with a cheaper backward pass; they differ only exactly at the limits.
    h = functional.hardtanh(h.to(dtype), -_CONTEXT_LIMIT, _CONTEXT_LIMIT)
    if h.shape[-1:] != (layer.in_features,):
        raise InputError(
            f"Expected contexts of shape (..., {layer.in_features}); got {tuple(h.shape)}. Give "
            "the head what its backbone gives."
        )
    weight = layer.weight.to(dtype)
    bias: Tensor | None = None if layer.bias is None else layer.bias.to(dtype)
    if basis is None:
        return functional.linear(h, weight, bias)
    basis = basis.to(dtype)
    contexts, (terms, outputs) = h.shape[-1], basis.shape
    rows = h.numel() // contexts
    # Two products for each row, or one for each after that of weights and basis: what is less
    # work.
    if bias is None and contexts * outputs * (rows + terms) < rows * terms * (contexts + outputs):
        return h @ (weight.t() @ basis)
    return functional.linear(h, weight, bias) @ basis


def working_dtype(weight: Tensor) -> torch.dtype:
    """Return float64 for float64 weights, else float32."""
    return torch.float64 if weight.dtype == torch.float64 else torch.float32


def check_context(context: int) -> None:
    """Refuse a head without a context."""
    if context < 1:
        raise InputError(f"Expected context >= 1, the width of what a head reads; got {context}.")
