r"""Orders, ranks, and the one comparison that decides what a coordinate may see.

An *order* is a permutation: `order[k]` is the k-th coordinate visited. A *rank* is its inverse:
`rank[i]` is the position at which coordinate i is visited, `rank = argsort(order)`. The two agree
for the identity and for any other permutation that is its own inverse, which hides a mix-up;
`[1, 2, 0]` shows it.

Ranks say more than orders do. They may be equal, and then neither coordinate sees the other:

| ranks | what it states |
| --- | --- |
| `argsort(order)` | a chain $p(y_i \mid y_j : \mathrm{rank}_j < \mathrm{rank}_i)$ |
| visible 0, hidden 1 | each hidden coordinate given all the visible ones |
| all equal | each coordinate given nothing |
| -1 | a conditioning variable x: seen by every coordinate, never modelled |
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from qdist.errors import InputError

__all__ = ["as_order", "order_of", "random_order", "rank_of", "rank_of_visible", "sees"]


def as_order(order: Tensor | Sequence[int], dim: int) -> Tensor:
    """Checks an order and gives it as a tensor.

    Args:
        order: The coordinates in the order of visit, shape (D,).
        dim: The number of coordinates D.

    Returns:
        The order as int64, shape (D,).

    Raises:
        InputError: If it is not a permutation of 0 ... D - 1.

    Example:
        >>> as_order([1, 2, 0], 3)
        tensor([1, 2, 0])
    """
    try:
        given = torch.as_tensor(order)
    except (TypeError, ValueError):
        given = torch.tensor(-1.0)
    valid = given.shape == (dim,) and not given.is_floating_point()
    if not valid or not torch.equal(given.sort().values.long().cpu(), torch.arange(dim)):
        raise InputError(
            f"Expected an order that is a permutation of 0 ... {dim - 1}; got "
            f"{order if given.dim() == 0 else given.tolist()!r}. "
            "List each coordinate once, in the order of visit."
        )
    return given.long()


def rank_of(order: Tensor) -> Tensor:
    """The rank of each coordinate in an order: the inverse permutation.

    Args:
        order: Orders, shape (..., D).

    Returns:
        Ranks, shape (..., D), int64.

    Raises:
        InputError: If one of them is not a permutation.

    Example:
        >>> rank_of(torch.tensor([1, 2, 0]))
        tensor([2, 0, 1])
    """
    rank = order.argsort(-1)
    if not torch.equal(
        order.gather(-1, rank), torch.arange(rank.shape[-1]).to(order).expand_as(order)
    ):
        raise InputError(
            f"Expected orders, permutations of 0 ... {order.shape[-1] - 1}; got "
            f"{order.tolist()!r:.80}. A rank is not an order: see `order_of`."
        )
    return rank


def order_of(rank: Tensor) -> Tensor:
    """An order that visits coordinates by increasing rank; equal ranks from left to right.

    Args:
        rank: Ranks, shape (..., D).

    Returns:
        Orders, shape (..., D), int64.

    Example:
        >>> order_of(torch.tensor([2, 0, 1]))
        tensor([1, 2, 0])
        >>> order_of(torch.tensor([1, 0, 1, 0]))
        tensor([1, 3, 0, 2])
    """
    return rank.argsort(dim=-1, stable=True)


def rank_of_visible(visible: Tensor) -> Tensor:
    """The two-level rank of a visible set: 0 where a coordinate is known, 1 where it is not.

    Args:
        visible: What is known, shape (..., D), bool.

    Returns:
        Ranks, shape (..., D), int64.

    Example:
        >>> rank_of_visible(torch.tensor([True, False, True]))
        tensor([0, 1, 0])
    """
    return (~visible).long()


def random_order(dim: int, *, generator: torch.Generator) -> Tensor:
    """An order drawn uniformly among all permutations.

    Args:
        dim: The number of coordinates D.
        generator: Where the randomness comes from.

    Returns:
        The order, shape (D,), int64.

    Raises:
        InputError: If the number is negative.

    Example:
        >>> random_order(5, generator=torch.Generator().manual_seed(0)).sort().values
        tensor([0, 1, 2, 3, 4])
    """
    if dim < 0:
        raise InputError(f"Expected a number of coordinates >= 0; got {dim}.")
    return torch.randperm(dim, generator=generator, device=generator.device)


def sees(rank: Tensor) -> Tensor:
    r"""The law of causality as a matrix: `sees[i, j]` says that $h_i$ may depend on $y_j$.

    Args:
        rank: Ranks, shape (..., D).

    Returns:
        `rank_j < rank_i` at (..., i, j), shape (..., D, D), bool.

    Example:
        >>> sees(rank_of(torch.tensor([1, 2, 0]))).int()
        tensor([[0, 1, 1],
                [0, 0, 0],
                [0, 1, 0]], dtype=torch.int32)
    """
    return rank.unsqueeze(-2) < rank.unsqueeze(-1)
