"""The `pixelcnn` backbone of qdist: a Gated PixelCNN for images of any shape, in raster order.

It is found through the entry point group `qdist`, as any plugin is.
"""

from qdist import hookimpl
from qdist_pixelcnn.backbone import GatedPixelCNN

__all__ = ["GatedPixelCNN", "qdist_register_backbones"]


@hookimpl
def qdist_register_backbones() -> type[GatedPixelCNN]:
    """Name the backbone that this plugin brings."""
    return GatedPixelCNN
