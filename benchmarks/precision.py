"""Samples by products in bfloat16: how many more a second, and whether they can be told apart.

    QDIST_DATA=path/to/data python -m benchmarks.precision       resumable: 7 minutes a set

One model is fitted to each set, as in `benchmarks.joint`, and sampled in turn in float32 and under
`torch.autocast("cpu", torch.bfloat16)`. Results go to benchmarks/results/precision, and a page is
made of them.
"""

import argparse
import contextlib
import statistics
import time
from typing import Any

import pandas as pd

from benchmarks import common
from benchmarks.joint import MINUTES, SETS
from benchmarks.precision_report import NOTES, PAGE, page

FOLDER = common.RESULTS / "precision"
NAMES = ("adult", "california_housing", "online_shoppers")
ROWS = 50_000  # of a timed sample
TIMES = 7  # timed samples of each kind
SCORED = 6  # samples of each kind that are told from held-out rows


def measure(name: str) -> dict[str, Any]:
    """Fits once, then times and scores both kinds of samples, in turn."""
    import torch

    from benchmarks.c2st import lightgbm_c2st, marginal_error
    from qdist import TabularModel

    frame = pd.read_parquet(common.data_folder() / "tables" / f"{name}.parquet")
    train, heldout = SETS[name].case.split(frame.drop(columns=list(SETS[name].without)), 0)
    model = TabularModel(max_time=60 * MINUTES, random_state=0).fit(train)
    kinds = {
        "float32": contextlib.nullcontext(),
        "bfloat16": torch.autocast("cpu", torch.bfloat16),
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    scores: dict[str, dict[str, list[float]]] = {
        kind: {"c2st": [], "marginal_error": []} for kind in kinds
    }
    for kind in kinds.values():
        with kind:
            model.sample(len(heldout), random_state=0)  # a first one loads what it needs
    for turn in range(TIMES):
        for kind, entered in kinds.items():
            with entered:
                start = time.perf_counter()
                model.sample(ROWS, random_state=turn)
                seconds[kind].append(time.perf_counter() - start)
    samples = {}
    for turn in range(SCORED):
        for kind, entered in kinds.items():
            with entered:
                rows = model.sample(len(heldout), random_state=turn)
            samples[kind] = rows
            scores[kind]["c2st"].append(lightgbm_c2st(heldout, rows, seed=0))
            scores[kind]["marginal_error"].append(marginal_error(heldout, rows))
    alike = samples["float32"].astype(str) == samples["bfloat16"].astype(str)
    return {
        "set": name,
        "rows": ROWS,
        "rows_a_second": {k: ROWS / statistics.median(s) for k, s in seconds.items()},
        "seconds": seconds,
        "scores": scores,
        "cells_alike": float(alike.to_numpy().mean()),
        "machine": common.machine(),
        "versions": common.versions(),
    }


def main(argv: list[str] | None = None) -> None:
    """Measures the sets that are not measured yet, or (with --job) one of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--job", choices=NAMES, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.job:
        common.write_json(FOLDER / f"{args.job}.json", measure(args.job))
        return
    jobs = {FOLDER / f"{name}.json": ["--job", name] for name in args.sets}
    common.run_jobs("benchmarks.precision", jobs, force=args.force)
    PAGE.write_text(page(common.read_results(FOLDER), NOTES.read_text()))


if __name__ == "__main__":
    main()
