"""A network that could condition on any pixels, held to those before a pixel in raster order."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone, AbstractStepper, ImageDomain

__all__ = ["InRaster"]


@final
class InRaster(AbstractBackbone):
    """A network that serves any ranks, as one of the fixed order 0 ... D-1.

    The law of an image is trained in raster order alone. Asked what a pixel is given later ones,
    such a network would answer out of weights that were never trained.

    Args:
        network: The network, built from a domain of images; its state is part of this one's.
        first: The coordinate of the first pixel; those before it are conditioned on.

    Example:
        A network whose context is the sum of all values of a lower rank; the first coordinate is
        a label.

        >>> class Sum(AbstractBackbone):
        ...     name, serves, takes, dim, context = "sum", "any", ImageDomain, 4, 1
        ...     def forward(self, y, rank, *, tau=None):
        ...         rank = rank.expand_as(y)
        ...         return (rank[:, None] < rank[:, :, None]).to(y) @ y[..., None]
        >>> y = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
        >>> InRaster(Sum(), first=1)(y, torch.arange(4)).flatten()
        tensor([0., 1., 3., 7.])
    """

    name: ClassVar[str] = "raster"
    serves: ClassVar[Literal["fixed", "two_level", "any"]] = "fixed"
    takes: ClassVar[type] = ImageDomain

    def __init__(self, network: AbstractBackbone, *, first: int) -> None:
        super().__init__()
        self.network, self.first = network, first
        self.dim, self.context, self.sees_levels = (
            network.dim,
            network.context,
            network.sees_levels,
        )

    def forward(self, y: Tensor, rank: Tensor, *, tau: Tensor | None = None) -> Tensor:
        """See [`AbstractBackbone.forward`][qdist.backbones.AbstractBackbone.forward]."""
        contexts: Tensor = self.network(y, self._rank(rank), tau=tau)
        return contexts

    def content(self, y: Tensor, rank: Tensor) -> Tensor:
        """See [`AbstractBackbone.content`][qdist.backbones.AbstractBackbone.content]."""
        return self.network.content(y, self._rank(rank))

    def at_levels(self, content: Tensor, tau: Tensor) -> Tensor:
        """See [`AbstractBackbone.at_levels`][qdist.backbones.AbstractBackbone.at_levels]."""
        return self.network.at_levels(content, tau)

    def stepper(self, y: Tensor, visible: Tensor, *, tau: Tensor | None = None) -> AbstractStepper:
        """A stepper of the network, which is told what is known only when its turn has come."""
        told = torch.zeros_like(visible)
        told[:, : self.first] = True
        return _RasterStepper(self.network.stepper(y, told, tau=tau), y, told=self.first)

    def _rank(self, rank: Tensor) -> Tensor:
        before = torch.arange(self.dim, device=rank.device) < self.first
        return torch.where(before, -1, rank)


@final
class _RasterStepper(AbstractStepper):
    """Tells another stepper the coordinates before the one that is asked for, and no others.

    Args:
        stepper: The other one, which knows the first `told` coordinates.
        y: Values, shape (B, D); not written to.
        told: How many coordinates it knows.
    """

    def __init__(self, stepper: AbstractStepper, y: Tensor, *, told: int) -> None:
        self._stepper, self._y, self._told = stepper, y.clone(), told

    def context(self, i: int, *, rows: Tensor | None = None) -> Tensor:
        """See [`AbstractStepper.context`][qdist.backbones.AbstractStepper.context]."""
        for k in range(self._told, i):
            self._stepper.set(k, self._y[:, k])
        self._told = max(self._told, i)
        return self._stepper.context(i, rows=rows)

    def set(self, i: int, value: Tensor, *, rows: Tensor | None = None) -> None:
        """See [`AbstractStepper.set`][qdist.backbones.AbstractStepper.set]."""
        self._y[slice(None) if rows is None else rows, i] = value.to(self._y.dtype)
        if i < self._told:
            self._stepper.set(i, value, rows=rows)
