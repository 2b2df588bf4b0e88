"""What a training row of a table shows: a random set of its cells, or the first of an order."""

import torch
from torch import Tensor

from qdist.arguments import instance, number
from qdist.orders import as_order

__all__ = ["draw_visible"]


def draw_visible(
    n: int,
    dim: int,
    *,
    generator: torch.Generator,
    order: Tensor | None = None,
    fullness: float = 1.0,
) -> Tensor:
    r"""Draw which cells a training row shows: k of them, k uniform on 0 ... D - 1.

    The mean of the hidden cells' log scores, times D, is then an unbiased estimate of the row's
    log-likelihood under a random order: each order's chain visits every size k once, and all D - k
    hidden cells are equally likely to come next.

    A fullness p above 1 shows more, $k = \lfloor D (1 - U^p) \rfloor$ for a uniform U, and weighs
    the links of the chain unevenly: the estimate is unbiased for p = 1 only.

    Source: "A Deep and Tractable Density Estimator" (Uria, Murray, Larochelle, 2014),
    https://arxiv.org/abs/1310.1757

    Args:
        n: The number of rows.
        dim: The number of columns D.
        generator: Where the randomness comes from.
        order: If given, shape (D,), the visible cells are the first k of this order.
        fullness: p, above 0.

    Returns:
        What is visible, shape (n, D), bool; at least one cell of each row is hidden.

    Raises:
        InputError: If a number, the order or the generator is none.

    Example:
        >>> visible = draw_visible(3, 4, generator=torch.Generator().manual_seed(0))
        >>> visible.shape, bool((~visible).any(-1).all())
        (torch.Size([3, 4]), True)
    """
    number("n", n, least=0, whole=True)
    number("dim", dim, least=1, whole=True)
    remedy = "Give torch.Generator().manual_seed(seed)."
    instance("generator", generator, of=torch.Generator, remedy=remedy)
    fullness = number("fullness", fullness, above=0)
    # A stated dtype, as the caller's default would change which numbers are drawn.
    share = torch.rand(n, 1, generator=generator, dtype=torch.float32)
    size = ((1 - share**fullness) * dim).long().clamp(max=dim - 1)
    if order is None:
        place = torch.rand(n, dim, generator=generator, dtype=torch.float32).argsort(-1)
    else:
        place = as_order(order, dim).argsort().expand(n, dim)
    return place < size
