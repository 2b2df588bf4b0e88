"""The law of a table: a codec and a chain of columns, any of them given any others."""

from collections.abc import Iterator, Sequence
from typing import Any, final

import torch
from torch import Tensor

from qdist.backbones import TableDomain
from qdist.codecs.table import TableCodec
from qdist.errors import InputError
from qdist.heads import ColumnHeads
from qdist.joint import Autoregressive
from qdist.laws.base import AbstractLaw
from qdist.registry import backbone as backbone_class
from qdist.rng import uniforms

__all__ = ["TableLaw", "draw_visible"]

# Rows that go through the network at once: enough to fill two cores, few enough for the caches.
_ROWS = 4096


def draw_visible(
    n: int, dim: int, *, generator: torch.Generator, order: Tensor | None = None
) -> Tensor:
    r"""Draw which cells a training row shows: k of them, k uniform on 0 ... D - 1.

    The mean of the hidden cells' log scores, times D, is then an unbiased estimate of the row's
    log-likelihood under a random order: each order's chain visits every size k once, and all D - k
    hidden cells are equally likely to come next.

    Source: "A Deep and Tractable Density Estimator" (Uria, Murray, Larochelle, 2014),
    https://arxiv.org/abs/1310.1757

    Args:
        n: The number of rows.
        dim: The number of columns D.
        generator: Where the randomness comes from.
        order: If given, shape (D,), the visible cells are the first k of this order.

    Returns:
        What is visible, shape (n, D), bool; at least one cell of each row is hidden.

    Example:
        >>> visible = draw_visible(3, 4, generator=torch.Generator().manual_seed(0))
        >>> visible.shape, bool((~visible).any(-1).all())
        (torch.Size([3, 4]), True)
    """
    size = torch.randint(dim, (n, 1), generator=generator)
    if order is None:
        # A stated dtype, as the caller's default would change which numbers are drawn.
        place = torch.rand(n, dim, generator=generator, dtype=torch.float32).argsort(-1)
    else:
        place = order.argsort().expand(n, dim)
    return place < size


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

    Raises:
        UnknownNameError: If no plugin has such a backbone or head.
        InputError: If an argument of theirs is wrong.
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
    ) -> None:
        super().__init__()
        self.codec = codec
        self.order = None if order is None else torch.as_tensor(order)
        domain = TableDomain(tuple(codec.coordinates))
        cls = backbone_class(backbone)
        if cls.takes is not TableDomain:
            raise InputError(
                f"Expected a backbone for tables; got {backbone!r}, which takes "
                f"{cls.takes.__name__}. Choose another, for example 'mlp'."
            )
        try:
            network = cls(domain, **backbone_args)
        except TypeError as error:
            raise InputError(
                f"Expected arguments that backbone {backbone!r} takes; got {backbone_args}: "
                f"{error}. Correct backbone_args."
            ) from error
        try:
            heads = ColumnHeads.build(domain.coordinates, head, network.context, **head_args)
        except TypeError as error:
            raise InputError(
                f"Expected arguments that head {head!r} takes; got {head_args}: {error}. "
                "Correct head_args."
            ) from error
        self.joint = Autoregressive(network, heads, order=order)

    @property
    def dim(self) -> int:
        """The number of modelled columns D."""
        return self.joint.dim

    def visible(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw visible cells for n training rows, (n, D); see `draw_visible`.

        Every other row shows a random set; the rest show the first cells of the order of
        sampling, as a sample's own drift adds up along that one chain.
        """
        visible = draw_visible(n, self.dim, generator=generator, order=self._along())
        if self.order is None:
            visible[::2] = draw_visible(len(visible[::2]), self.dim, generator=generator)
        return visible.to(self.device)

    def forward(
        self, y: Tensor, visible: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """The training loss of rows: D times the mean score of the cells that may come next.

        Where a row shows the first cells of the order of sampling, that is one cell: so each link
        of the chain weighs the same. In any other row, and where nothing is shown, all hidden
        cells are equally likely to come next.

        Args:
            y: Encoded rows, shape (B, D).
            visible: What each row shows, shape (B, D).
            generator: For heads whose loss draws levels.

        Returns:
            Losses, shape (B,).
        """
        hidden = ~visible
        place = self._along().argsort().to(visible.device)
        size = visible.sum(-1, keepdim=True)
        in_order = ((place < size) == visible).all(-1, keepdim=True) & (size > 0)
        where = torch.where(in_order, place == size, hidden)
        loss = self.joint.loss(y, rank=hidden.long(), where=where, generator=generator)
        return loss.sum(-1) * (self.dim / where.sum(-1))

    def _along(self) -> Tensor:
        """The order of sampling, shape (D,)."""
        return torch.arange(self.dim) if self.order is None else self.order

    @torch.no_grad()
    def fill(
        self,
        y: Tensor,
        visible: Tensor,
        *,
        seed: int,
        tau_range: tuple[float, float] = (0.0, 1.0),
    ) -> Iterator[Tensor]:
        """Complete rows, a batch at a time.

        Args:
            y: Encoded rows, shape (N, D); hidden cells can be anything.
            visible: What is known, shape (N, D), bool.
            seed: Where the levels come from, with row and column.
            tau_range: The range into which levels are mapped.

        Yields:
            Complete rows, shape (at most 4096, D).
        """
        low, high = tau_range
        tiny = torch.finfo(self.dtype).eps / 2  # a level must stay inside (0, 1) when rounded
        for start in range(0, len(y), _ROWS):
            rows = range(start, min(start + _ROWS, len(y)))
            tau = low + (high - low) * uniforms(seed, rows, columns=self.dim)
            tau = tau.clamp(tiny, 1 - tiny).to(self.device, self.dtype)
            at = slice(rows.start, rows.stop)
            yield self.joint.fill(
                y[at].to(self.device, self.dtype), visible[at].to(self.device), tau=tau
            ).cpu()
