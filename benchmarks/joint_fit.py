"""Fit one method to one table and draw rows from it, in a process (and environment) of its own.

`benchmarks.joint` starts it, and scores the rows afterwards, in its own environment. This file
needs pandas, pyarrow and the package of the method, and nothing of qdist.
"""

import argparse
import random
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import common
from benchmarks.joint_rivals import METHODS, Task

WARM_UP = 100
"""Rows of a first call, which loads what it needs and tells how long the others will take."""
DRAW_SECONDS = 600.0
"""A method that would draw for longer draws fewer rows."""


def choose(timed: Callable[[int], float], *, seconds: float, most: int) -> tuple[int, list[Any]]:
    """How many epochs, copies or rounds fit into the time.

    Fits with 1, 2 and 5 of them are timed. The first one also loads and warms up, and is not
    counted; the other two give a line, which says how many end within 95 % of the time. Trying
    ends early once it has taken as long as the fit may; then the last try is taken as
    proportional.

    Args:
        timed: Fits with so many, and returns the seconds.
        seconds: The time for the fit.
        most: No more than so many: the default of the package.

    Returns:
        The number, at least 1, and the tries with their seconds.
    """
    tries: list[tuple[int, float]] = []
    for k in (1, 2, 5):
        tries.append((k, timed(k)))
        if sum(took for _, took in tries) >= seconds:
            break
    if len(tries) < 3:
        k, took = tries[-1]
        found = int(0.95 * seconds * k / took)
    else:
        (a, first), (b, second) = tries[1:]
        each = max((second - first) / (b - a), 1e-6)
        found = int((0.95 * seconds - first) / each) + a
    return min(max(found, 1), most), [list(pair) for pair in tries]


def run(method: str, frame: pd.DataFrame, *, rows: int, seconds: float, seed: int) -> Any:
    """The drawn rows, and what they cost."""
    rival = METHODS[method]

    def fit(budget: int | None) -> tuple[Any, float]:
        _seed(seed)
        start = time.perf_counter()
        sampler = rival.fit(frame, Task(seed=seed, seconds=seconds, budget=budget))
        return sampler, time.perf_counter() - start

    last: dict[int | None, tuple[Any, float]] = {}

    def timed(budget: int | None) -> float:
        last.clear()  # one fitted model in memory at a time
        last[budget] = fit(budget)
        return last[budget][1]

    budget, tries = None, []
    if rival.dial:
        budget, tries = choose(timed, seconds=seconds, most=rival.most)
    if budget not in last:
        timed(budget)
    sampler, fit_seconds = last[budget]
    memory = common.peak_memory_gb()
    first = min(WARM_UP, rows)
    start = time.perf_counter()
    sampler(first)
    warm = time.perf_counter()
    drawn = sampler(min(rows, int(DRAW_SECONDS * first / (warm - start))))
    draw_seconds = time.perf_counter() - warm
    dial = {"name": rival.dial, "value": budget, "default": rival.most, "tries": tries}
    return drawn, {
        "fit_seconds": fit_seconds,
        "drawn": len(drawn),
        "sample_rows_per_second": len(drawn) / draw_seconds,
        "peak_memory_gb": memory,
        "dial": dial if rival.dial else None,
        "packages": {name: version(name) for name in rival.packages},
    }


def _seed(seed: int) -> None:
    """Rivals draw from the global generators."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - rivals draw from it
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.manual_seed(seed)


def main(argv: list[str] | None = None) -> None:
    """Writes samples.parquet and fit.json into a folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.joint_fit", description=__doc__)
    parser.add_argument("--method", choices=list(METHODS), required=True)
    parser.add_argument("--train", type=Path, required=True, help="parquet file of training rows")
    parser.add_argument("--rows", type=int, required=True, help="rows to draw")
    parser.add_argument("--seconds", type=float, required=True, help="time for the fit")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of what is written")
    args = parser.parse_args(argv)
    frame = pd.read_parquet(args.train)
    drawn, facts = run(args.method, frame, rows=args.rows, seconds=args.seconds, seed=args.seed)
    drawn.to_parquet(args.out / "samples.parquet")
    common.write_json(args.out / "fit.json", facts)


if __name__ == "__main__":
    main()
