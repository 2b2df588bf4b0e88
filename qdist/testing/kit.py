"""One backbone under test: how it is asked, and how a check fails."""

from dataclasses import dataclass

import torch
from torch import Tensor

from qdist.backbones import AbstractBackbone, Domain, ImageDomain
from qdist.testing.cases import TOLERANCE, draw_values

__all__ = ["Kit"]


@dataclass
class Kit:
    """A backbone under test.

    Attributes:
        net: The network, in float64.
        domain: What it was built from.
        rows: How many rows are tried.
        generator: Of all that is drawn.
        tau: Levels at which it is read, shape (B, D).
    """

    net: AbstractBackbone
    domain: Domain
    rows: int
    generator: torch.Generator

    def __post_init__(self) -> None:
        shape = (self.rows, self.net.dim)
        own = torch.Generator().manual_seed(self.generator.initial_seed() + 1)
        self.tau = torch.rand(shape, generator=own, dtype=torch.float64)

    @property
    def given(self) -> list[int]:
        """The coordinates that are conditions in every question: the class of an image."""
        return list(self.domain.conditioning) if isinstance(self.domain, ImageDomain) else []

    def run(self, y: Tensor, rank: Tensor, *, at: slice = slice(None)) -> Tensor:
        """The contexts of some of the rows; with levels, where the network sees them."""
        if self.net.sees_levels == "none":
            return self.net(y, rank)  # type: ignore[no-any-return]
        return self.net(y, rank, tau=self.tau[at].to(y.dtype))  # type: ignore[no-any-return]

    def run_in_training(self, y: Tensor, rank: Tensor, *, tau: Tensor | None = None) -> Tensor:
        """The contexts in training mode, each time with the same noise (that of dropout, say)."""
        self.net.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            h: Tensor = self.run(y, rank) if tau is None else self.net(y, rank, tau=tau)
        self.net.eval()
        return h

    def values(self) -> Tensor:
        """Values (B, D) of the domain, drawn anew."""
        return draw_values(self.domain, self.rows, self.generator)

    def some_rank(self) -> Tensor:
        """A rank that the network serves, of shape (D,)."""
        dim = self.net.dim
        if self.net.serves == "fixed":
            return torch.arange(dim)
        half = torch.arange(dim) * 2 // max(dim, 2)
        half[self.given] = -1
        return half

    def gradient(self, h: Tensor, at: Tensor) -> Tensor:
        """The gradient of a random projection of contexts (..., C); a plain sum may cancel."""
        weight = torch.randn(h.shape[-1], generator=self.generator, dtype=h.dtype)
        if not h.requires_grad:
            return torch.zeros_like(at)
        (grad,) = torch.autograd.grad((h @ weight).sum(), at, retain_graph=True, allow_unused=True)
        return torch.zeros_like(at) if grad is None else grad

    def expect_none(
        self, effect: Tensor, seen: Tensor, what: str, got: str, j: int | None = None
    ) -> None:
        """Fails where an effect (B, i, j), or (B, i) of one j, is there that causality forbids."""
        bad = ((effect > TOLERANCE) & ~seen).nonzero().tolist()
        if bad:
            i, source = (bad[0][1], bad[0][2]) if j is None else (bad[0][1], j)
            raise AssertionError(
                f"{type(self.net).__name__}: expected h[{i}] not to depend on y[{source}] under "
                f"{what}, as its rank is not lower; got {got}. Mask with rank_j < rank_i "
                "(torch.where, not a product, or a NaN passes), and do not use an order as a rank."
            )

    def expect(self, truth: bool, message: str) -> None:  # noqa: FBT001 - an assertion
        """Fails with a message that names the class, unless it is true."""
        if not truth:
            raise AssertionError(f"{type(self.net).__name__}: expected {message}.")

    @staticmethod
    def close(a: Tensor, b: Tensor) -> bool:
        """Whether two results are equal up to rounding."""
        return a.shape == b.shape and torch.allclose(
            a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
        )
