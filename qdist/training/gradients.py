"""Gradients: their size, and learning where the caller has switched them off."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["clip", "with_gradients"]

P = ParamSpec("P")
T = TypeVar("T")


def clip(parameters: Iterable[Tensor], most: float) -> float:
    """Scale gradients down to a norm where theirs is larger, and leave them alone elsewhere.

    As `torch.nn.utils.clip_grad_norm_`, which multiplies by 1 in the steps that need no clipping.

    Args:
        parameters: What has the gradients.
        most: The largest norm of all of them together.

    Returns:
        Their norm before.

    Example:
        >>> weight = nn.Parameter(torch.zeros(2))
        >>> weight.grad = torch.tensor([3.0, 4.0])
        >>> clip([weight], 10.0), clip([weight], 1.0), weight.grad
        (5.0, 5.0, tensor([0.6000, 0.8000]))
    """
    own = list(parameters)
    norm = nn.utils.get_total_norm([p.grad for p in own if p.grad is not None])
    size = norm.item()
    if size > most:
        nn.utils.clip_grads_with_norm_(own, most, norm)
    return size


def with_gradients(fit: Callable[P, T]) -> Callable[P, T]:
    """A method that learns also under `torch.no_grad()` and `torch.inference_mode()`.

    Both hold for all that is called within, and a caller who only wants to ask a model may have
    either on. Weights that are made in inference mode can never be trained: so all of a fit is
    outside.

    Args:
        fit: What learns.

    Example:
        >>> with torch.no_grad():
        ...     with_gradients(torch.is_grad_enabled)()
        True
    """

    @wraps(fit)
    def learn(*args: P.args, **kwargs: P.kwargs) -> T:
        with torch.inference_mode(mode=False), torch.enable_grad():
            return fit(*args, **kwargs)

    return learn
