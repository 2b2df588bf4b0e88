"""What is noted of a fit: when, on how many rows, by which versions, with whose plugins."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import torch

from qdist import registry

__all__ = ["saved_params", "split_summary", "start_summary", "training_summary"]

_BEGUN: Final = ("when", "rows", "versions")


def start_summary(
    rows: int, *, backbone: str | None = None, head: str | None = None
) -> dict[str, Any]:
    """What is noted when a fit ends.

    Args:
        rows: The number of rows that were given.
        backbone: The registered name of the backbone, where there is one.
        head: That of the head.

    Returns:
        The time in UTC, the rows, the versions, and which packages brought the plugins.
    """
    parts = (("backbone", backbone, registry.backbone), ("head", head, registry.head))
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "rows": rows,
        "versions": {
            "qdist": version("qdist"),
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        "plugins": [
            {"kind": kind, "name": name, **registry.origin(of(name))}
            for kind, name, of in parts
            if name is not None
        ],
    }


def training_summary(begun: dict[str, Any], model: Any) -> dict[str, Any]:
    """The entries `plugins` and `training` of a description.

    Args:
        begun: What `start_summary` noted.
        model: A fitted estimator, for its steps, history and profile.

    Returns:
        JSON-able data; what is not finite in the history becomes `None`.
    """
    history = [{k: _finite(v) for k, v in record.items()} for record in model.history_]
    rest = {key: begun[key] for key in _BEGUN}
    shown = {"steps": model.n_steps_, "history": history, "profile": model.profile_}
    return {"plugins": begun["plugins"], "training": {**rest, **shown}}


def split_summary(meta: dict[str, Any]) -> tuple[dict[str, Any], tuple[Any, Any, Any]]:
    """What `training_summary` joined: what was noted, and steps, history and profile."""
    training = meta["training"]
    begun = {"plugins": meta["plugins"], **{key: training[key] for key in _BEGUN}}
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


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
