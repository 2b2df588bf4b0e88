"""The hooks that a plugin may implement: markers and signatures, nothing else."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from qdist.backbones import AbstractBackbone
    from qdist.heads.base import AbstractHead

__all__ = ["VERSION", "hookimpl", "hookspec", "qdist_register_backbones", "qdist_register_heads"]

VERSION = 1  # raised when a signature below changes in a way that breaks plugins

hookspec = HookspecMarker("qdist")
hookimpl = HookimplMarker("qdist")


@hookspec
def qdist_register_backbones() -> "type[AbstractBackbone] | Sequence[type[AbstractBackbone]]":  # type: ignore[empty-body]
    """Gives the backbone classes of this plugin.

    Returns:
        One class or several; each carries its public name in the class attribute `name`.
    """


@hookspec
def qdist_register_heads() -> "type[AbstractHead] | Sequence[type[AbstractHead]]":  # type: ignore[empty-body]
    """Gives the head classes of this plugin.

    Returns:
        One class or several; each carries its public name in the class attribute `name`.
    """
