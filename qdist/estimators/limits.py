"""What the models share when they are fitted: limits, what a checkpoint stands for, weights."""

from typing import Any

from torch import Tensor

from qdist.arguments import number, row_weights, seconds
from qdist.data.frames import n_rows, take_rows
from qdist.training import Limits

__all__ = ["asked", "limits_of", "rows_that_count"]

# Callbacks are code, and the device is only where a fit runs; a seed is kept by itself.
_NOT_ASKED = {"callbacks", "device", "random_state"}


def limits_of(max_time: Any, max_epochs: Any, max_steps: Any) -> Limits:
    """When to stop at the latest, checked."""
    return Limits(
        max_time=None if max_time is None else seconds(max_time),
        max_epochs=number("max_epochs", max_epochs, above=0, optional=True),
        max_steps=number("max_steps", max_steps, least=1, whole=True, optional=True),
    )


def asked(model: Any, limits: Limits) -> dict[str, Any]:
    """The parameters that decide a fit: one that goes on from a checkpoint must have the same."""
    params = model.get_params(deep=False)
    params["max_time"] = limits.max_time  # "5m" is "300s"
    return {name: value for name, value in params.items() if name not in _NOT_ASKED}


def rows_that_count(X: Any, sample_weight: Any) -> tuple[Any, Tensor | None]:
    """The rows of a frame that weigh something, and their weights (N,) of mean 1, or None.

    Rows of weight 0 are left out, as they must not shape the columns' marginals either.

    Raises:
        InputError: If X is no frame, or the weights do not fit.
    """
    if sample_weight is None:
        return X, None
    weight = row_weights(sample_weight, n_rows(X))
    counts = weight > 0
    if bool(counts.all()):
        return X, weight
    rows = counts.nonzero()[:, 0].numpy()
    return take_rows(X, rows), weight[counts] / weight[counts].mean()
