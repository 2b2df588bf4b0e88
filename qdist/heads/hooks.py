"""The shipped heads, offered by the same hook as those of other packages."""

from qdist.heads.base import AbstractHead
from qdist.heads.binned import BinnedHead
from qdist.heads.categorical import CategoricalHead
from qdist.heads.implicit import ImplicitHead
from qdist.heads.spline import SplineHead
from qdist.hookspecs import hookimpl


@hookimpl
def qdist_register_heads() -> list[type[AbstractHead]]:
    """Return the shipped head classes."""
    return [BinnedHead, CategoricalHead, ImplicitHead, SplineHead]
