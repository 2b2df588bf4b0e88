"""Optional dependencies: imported where they are used, and asked for by name if not there."""

from importlib import import_module
from typing import Any

from qdist.errors import ExtraMissingError

__all__ = ["require"]


def require(module: str, *, extra: str) -> Any:
    """Imports a module that only an extra of qdist installs.

    Args:
        module: Dotted name of the module.
        extra: Name of the extra that brings it.

    Returns:
        The module.

    Raises:
        ExtraMissingError: If it is not installed.

    Example:
        >>> require("no_such_module", extra="plot")
        Traceback (most recent call last):
        qdist.errors.ExtraMissingError: Expected no_such_module to be installed; it is not. Run:
        pip install 'qdist[plot]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as err:
        root = module.partition(".")[0]
        if err.name is None or err.name.partition(".")[0] != root:
            raise  # it is there, but something that it needs is not
        raise ExtraMissingError(
            f"Expected {root} to be installed; it is not. Run: pip install 'qdist[{extra}]'"
        ) from err
