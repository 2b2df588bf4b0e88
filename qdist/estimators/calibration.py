"""When a fitted table is calibrated, on how many rows, and at what cost."""

import logging
import time
from dataclasses import replace

from qdist.laws import TableLaw
from qdist.training import Limits, Result, Rows

__all__ = ["but_for_calibration", "calibrate"]

log = logging.getLogger(__name__)

_SHARE_OF_TIME = 0.04
# Cells drawn for each row that a network learnt from, which costs about a tenth as much.
_CELLS_A_ROW = 0.1
_LEAST, _MOST = 1000, 16384  # fewer rows would add more noise than they take away


def but_for_calibration(limits: Limits) -> Limits:
    """What the limits leave to training."""
    if limits.max_time is None:
        return limits
    return replace(limits, max_time=(1 - _SHARE_OF_TIME) * limits.max_time)


def calibrate(law: TableLaw, rows: Rows, result: Result, *, trained: int, seed: int) -> None:
    """Move a trained law's marginals to those of rows, where it was trained for long enough.

    How many rows are drawn follows from the steps that were taken, not from the clock, so that a
    fit of as many steps gives the same model.

    Args:
        law: The law, which is changed.
        rows: All rows that were given, those held out for validation included.
        result: What training left; how long this took is added.
        trained: How many rows it was trained on.
        seed: Where the drawn rows come from.
    """
    seen = result.history[-1]["epoch"] * trained
    n = min(_MOST, int(_CELLS_A_ROW * seen / law.dim))
    if n < _LEAST:
        return
    start = time.perf_counter()
    try:
        law.joint.calibrate(rows.y, n=n, seed=seed, weight=rows.weight)
    except KeyboardInterrupt:  # each column is moved at once or not at all
        log.warning("calibration was stopped by the user; some marginals stay as they were")
    seconds = time.perf_counter() - start
    result.profile["calibration"] = seconds
    result.profile["total"] += seconds
