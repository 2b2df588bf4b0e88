"""Cells of levels that a column did not have in training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qdist.codecs.conform import conform, value_type
from qdist.codecs.table import TableCodec

__all__ = ["Unseen", "known_instead", "unseen_cells"]

Mask = npt.NDArray[np.bool_]
Unseen = tuple[Mask, pa.Array]
"""Which cells of a column hold such a level, and all its cells as they came."""


def unseen_cells(codec: TableCodec, cells: Mapping[str, pa.Array]) -> dict[str, Mask]:
    """Which cells of columns hold such a level, each of shape (N,): of columns that have any."""
    found = {name: codec.column(name).unseen(array) for name, array in cells.items()}
    return {name: mask for name, mask in found.items() if mask.any()}


def known_instead(codec: TableCodec, name: str, cells: pa.Array, unseen: Mask) -> pa.Array:
    """The cells of a column, with a level that it has in place of those that it has not."""
    column = codec.column(name)
    kind = value_type(column.kind)
    stand_in: Any = column.decode(np.zeros(1)).cast(kind)[0]
    return pc.if_else(pa.array(unseen), stand_in, conform(cells, column.kind, name))
