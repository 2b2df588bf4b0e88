"""What is noted of a fit: when, on how many rows, by which versions, with whose plugins."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from qdist import registry

__all__ = ["saved_params", "split_summary", "start_summary", "training_summary", "used_plugins"]


def start_summary(rows: int) -> dict[str, Any]:
    """The part of the summary that is known when a fit ends.

    Args:
        rows: The number of rows that were given.

    Returns:
        The time in UTC, the rows and the versions.
    """
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "rows": rows,
        "versions": {
            "qdist": version("qdist"),
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    }


def training_summary(
    begun: dict[str, Any],
    *,
    steps: int | list[int],
    history: list[dict[str, Any]],
    profile: dict[str, float],
) -> dict[str, Any]:
    """The whole summary, JSON-able; what is not finite in the history becomes `None`."""
    return {
        **begun,
        "steps": steps,
        "history": [{k: _finite(v) for k, v in record.items()} for record in history],
        "profile": profile,
    }


def split_summary(training: dict[str, Any]) -> tuple[dict[str, Any], tuple[Any, Any, Any]]:
    """What `training_summary` joined: its first part, and steps, history and profile."""
    begun = {key: training[key] for key in ("when", "rows", "versions")}
    return begun, (training["steps"], training["history"], training["profile"])


def saved_params(params: dict[str, Any], *, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Parameters of an estimator as they are saved: without code, and seeds as numbers.

    Args:
        params: All of them.
        skip: Names of those that are not saved.

    Returns:
        The rest; a random state that is no whole number becomes `None`.
    """
    kept = {k: v for k, v in params.items() if k not in {"callbacks", *skip}}
    state = kept["random_state"]
    kept["random_state"] = int(state) if isinstance(state, int | np.integer) else None
    return kept


def used_plugins(*, backbone: str, head: str) -> list[dict[str, Any]]:
    """Which packages brought a backbone and a head."""
    parts = (("backbone", backbone, registry.backbone), ("head", head, registry.head))
    return [{"kind": kind, "name": name, **registry.origin(of(name))} for kind, name, of in parts]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
