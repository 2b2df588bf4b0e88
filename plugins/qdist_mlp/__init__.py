"""The `mlp` backbone of qdist: a masked network that serves any visible set of a table's columns.

It is found through the entry point group `qdist`, as any plugin is.
"""

from qdist import hookimpl
from qdist_mlp.backbone import MaskedMLP
from qdist_mlp.embedding import RowEmbedding

__all__ = ["MaskedMLP", "RowEmbedding", "qdist_register_backbones"]


@hookimpl
def qdist_register_backbones() -> type[MaskedMLP]:
    """Name the backbone that this plugin brings."""
    return MaskedMLP
