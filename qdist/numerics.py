"""Numerical pieces with no probability in them: quadrature nodes, bisection, unpacking."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from qdist.errors import InputError

__all__ = ["bisection", "gauss_legendre", "unpack"]


def unpack(phi: Tensor, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
    """Splits the last axis of a packed parameter tensor into tensors of given shapes.

    A head names the shapes of its parameters, a linear layer produces them all at once, and this
    function takes them apart. The results are views where the strides of `phi` allow it.

    Args:
        phi: Packed parameters, shape (..., P), with P the total size of `shapes`.
        shapes: One shape for each parameter; `()` is a scalar.

    Returns:
        One tensor of shape (..., *shape) for each shape, in order.

    Raises:
        InputError: The last axis of `phi` does not have the total size of `shapes`.

    Examples:
        >>> import torch
        >>> from qdist.numerics import unpack
        >>> left, right, scale = unpack(torch.arange(7.0), [(2, 2), (2,), ()])
        >>> left
        tensor([[0., 1.],
                [2., 3.]])
        >>> right, scale
        (tensor([4., 5.]), tensor(6.))
    """
    sizes = [prod(shape) for shape in shapes]
    if phi.ndim == 0 or phi.shape[-1] != sum(sizes):
        raise InputError(
            f"Expected a last axis of size {sum(sizes)} (the shapes {[tuple(s) for s in shapes]} "
            f"packed); got shape {tuple(phi.shape)}. Match the layer's output to the shapes."
        )
    parts = torch.split(phi, sizes, dim=-1)
    lead = phi.shape[:-1]
    return [part.reshape((*lead, *shape)) for part, shape in zip(parts, shapes, strict=True)]


def gauss_legendre(n: int, *, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    r"""Nodes and weights of Gauss-Legendre quadrature on $[0, 1]$.

    $\int_0^1 f(t)\,dt \approx \sum_i w_i f(t_i)$, exact for polynomials up to degree $2n - 1$. The
    interval is that of a level, so the nodes can be used as levels directly.

    Args:
        n: Number of nodes, at least 1.
        dtype: Floating type of the results.

    Returns:
        Nodes, shape (n,), increasing and inside (0, 1), and weights, shape (n,), with sum 1.

    Raises:
        InputError: `n` is less than 1.

    Examples:
        >>> from qdist.numerics import gauss_legendre
        >>> nodes, weights = gauss_legendre(2)
        >>> round(float((weights * nodes**3).sum()), 12)  # the integral of t^3 is 1/4
        0.25
    """
    if n < 1:
        raise InputError(f"Expected at least one quadrature node; got n={n}. Pass n >= 1.")
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (
        torch.as_tensor((nodes + 1) / 2, dtype=dtype),
        torch.as_tensor(weights / 2, dtype=dtype),
    )


def bisection(
    f: Callable[[Tensor], Tensor], lower: Tensor, upper: Tensor, *, steps: int = 64
) -> Tensor:
    r"""Finds, elementwise, where a non-decreasing function passes from negative to non-negative.

    The result approximates $\inf\{x : f(x) \ge 0\}$ from above, the generalised inverse: with
    $f = F - \tau$ it is the quantile also where $F$ jumps or is flat. No gradient flows through.

    Args:
        f: Non-decreasing elementwise function, shape (...) to shape (...).
        lower: Lower ends of the brackets, shape broadcastable to (...).
        upper: Upper ends of the brackets, shape broadcastable to (...). Returned where `f`
            is negative throughout.
        steps: Halvings; 64 exhaust float64 on brackets up to $2^{11}$ times the root.

    Returns:
        The upper ends of the final brackets, shape (...).

    Examples:
        >>> import torch
        >>> from qdist.numerics import bisection
        >>> target = torch.tensor([4.0, 9.0], dtype=torch.float64)
        >>> bisection(lambda x: x**2 - target, torch.zeros(()), torch.full((), 10.0))
        tensor([2., 3.], dtype=torch.float64)
    """
    with torch.no_grad():
        dtype = f(upper).dtype
        low, high = lower.to(dtype), upper.to(dtype)
        for _ in range(steps):
            # Half of each, so that the middle of a bracket as wide as the type does not overflow.
            middle = low / 2 + high / 2
            below = f(middle) < 0
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return high
