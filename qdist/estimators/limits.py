"""What the models share when they are fitted: limits, what a checkpoint stands for, records."""

from typing import Any

from qdist.arguments import number, seconds
from qdist.training import Limits

__all__ = ["asked", "limits_of"]

# Code, and where and from which numbers; a seed is kept by itself.
_NOT_ASKED = {"callbacks", "device", "random_state"}


def limits_of(max_time: Any, max_epochs: Any, max_steps: Any) -> Limits:
    """When to stop at the latest, checked."""
    return Limits(
        max_time=None if max_time is None else seconds(max_time),
        max_epochs=number("max_epochs", max_epochs, above=0, optional=True),
        max_steps=number("max_steps", max_steps, least=1, whole=True, optional=True),
    )


def asked(model: Any, limits: Limits) -> dict[str, Any]:
    """The parameters that a fit goes by; one that goes on from a checkpoint must have the same."""
    params = model.get_params(deep=False)
    params["max_time"] = limits.max_time  # "5m" is "300s"
    return {name: value for name, value in params.items() if name not in _NOT_ASKED}
