"""Laws: a codec, a network and a joint in one module, which the training loop can train."""

from qdist.laws.along import sampling_order
from qdist.laws.base import AbstractLaw, build
from qdist.laws.image import ImageLaw
from qdist.laws.questions import Questions
from qdist.laws.regression import RegressionLaw
from qdist.laws.table import TableLaw
from qdist.laws.visible import draw_visible

__all__ = [
    "AbstractLaw",
    "ImageLaw",
    "Questions",
    "RegressionLaw",
    "TableLaw",
    "build",
    "draw_visible",
    "sampling_order",
]
