"""Text that names rows: one rule for the codec of a table and for the comparison of two."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["names_rows"]

_MIN_IDS: Final = 20


def names_rows(counts: npt.NDArray[Any]) -> bool:
    """Whether text is an id: more than 20 distinct values, and most cells unlike any other.

    Text that comes as categories is judged alike.

    Args:
        counts: How many cells hold each value, missing cells left out, shape (K,). A value that no
            cell holds does not count.

    Returns:
        True if more than half of the cells hold a value that no other cell holds.

    Example:
        >>> names_rows(np.ones(21)), names_rows(np.ones(20)), names_rows(np.r_[np.ones(21), 21])
        (True, False, False)
    """
    many = int(np.count_nonzero(counts)) > _MIN_IDS
    return many and 2 * int((counts == 1).sum()) > int(counts.sum())
