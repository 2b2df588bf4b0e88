"""Model files: what is in them, how they are written, and why reading one is safe."""

from qdist.files.beforehand import check_codec, check_regression
from qdist.files.budget import budget
from qdist.files.model import Layout, read_model, write_model
from qdist.files.summary import (
    saved_params,
    split_summary,
    start_summary,
    training_summary,
)
from qdist.files.tables import read_table
from qdist.files.tensors import fill_weights
from qdist.files.upgrades import FORMAT
from qdist.files.writing import check_place

__all__ = [
    "FORMAT",
    "Layout",
    "budget",
    "check_codec",
    "check_place",
    "check_regression",
    "fill_weights",
    "read_model",
    "read_table",
    "saved_params",
    "split_summary",
    "start_summary",
    "training_summary",
    "write_model",
]
