"""Learning where the caller has switched gradients off."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

__all__ = ["with_gradients"]

P = ParamSpec("P")
T = TypeVar("T")


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
