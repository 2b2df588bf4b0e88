"""Fit real tables, sample from them, and measure how good the samples are and what they cost.

    QDIST_DATA=path/to/data python -m benchmarks.tables            all, resumable: 45 minutes
    QDIST_DATA=path/to/data python -m benchmarks.tables --quick    a look: two minutes

Each (data set, seed) is a process of its own, so that its peak memory is its own, and ends in one
file under benchmarks/results/tables. `python -m benchmarks.report` makes a page of them.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import common

QUICK_SECONDS = 15
SAMPLES = 3  # of each model: their scores differ by as much as those of two models
# Of the time allowed; the rest is for reading the columns, the warm-up and the last validation.
SHARE_OF_TIME = 0.95


@dataclass(frozen=True)
class Case:
    """One table: how much of it is trained on, and for how long."""

    name: str
    train: int | None
    minutes: float

    def split(self, frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Training rows and held-out rows, no more of these than of those."""
        size = self.train or 2 * len(frame) // 3
        rows = np.random.default_rng(seed).permutation(len(frame))
        parts = frame.iloc[rows[:size]], frame.iloc[rows[size : 2 * size]]
        return parts[0].reset_index(drop=True), parts[1].reset_index(drop=True)


CASES = {
    case.name: case
    for case in (
        Case("adult", 20_000, 4),
        Case("california_housing", None, 5),
        Case("online_shoppers", None, 4),
    )
}


def measure(case: Case, seed: int, *, quick: bool, model_args: dict[str, Any]) -> dict[str, Any]:
    """Fits, samples and scores one table once."""
    frame = pd.read_parquet(common.data_folder() / "tables" / f"{case.name}.parquet")
    train, heldout = case.split(frame, seed)
    del frame

    from qdist import TabularModel

    limit = 60 * case.minutes
    args = {"max_time": QUICK_SECONDS if quick else SHARE_OF_TIME * limit, **model_args}
    memory_before = common.peak_memory_gb()
    start = time.perf_counter()
    model = TabularModel(**args, random_state=seed).fit(train)
    fit_seconds = time.perf_counter() - start
    memory = common.peak_memory_gb()

    samples = [model.sample(len(heldout), random_state=SAMPLES * seed + k) for k in range(SAMPLES)]
    batch = 4_000 if quick else 20_000
    speeds = [_speed(model, batch, seed=1 + k) for k in range(3 if quick else 5)]

    # Only now: LightGBM's memory is no part of fitting.
    from benchmarks.c2st import bootstrap_error, lightgbm_c2st, marginal_error

    c2sts = [lightgbm_c2st(heldout, sample, seed=seed) for sample in samples]
    error = statistics.mean(marginal_error(heldout, sample) for sample in samples)
    floor = bootstrap_error(train, heldout, seed)
    profile = getattr(model, "profile_", None)
    return {
        "set": case.name,
        "seed": seed,
        "quick": quick,
        "rows": {"train": len(train), "heldout": len(heldout), "columns": train.shape[1]},
        "model_args": args,
        "fit_limit_seconds": limit,
        "fit_seconds": fit_seconds,
        "n_steps": getattr(model, "n_steps_", None),
        "parameters": _n_parameters(model),
        "c2st": statistics.mean(c2sts),
        "c2st_each": c2sts,
        "marginal_error": error,
        "bootstrap_error": floor,
        "marginal_ratio": error / floor,
        "sample_rows_per_second": statistics.median(speeds),
        "sample_rows_per_second_each": speeds,
        "sample_batch": batch,
        "peak_memory_gb": memory,
        "memory_before_fit_gb": memory_before,
        "profile_seconds": profile,
        "outside_share": _outside_share(profile),
        "machine": common.machine(),
        "versions": common.versions(),
    }


def _speed(model: Any, batch: int, *, seed: int) -> float:
    start = time.perf_counter()
    model.sample(batch, random_state=seed)
    return batch / (time.perf_counter() - start)


def _n_parameters(model: Any) -> int | None:
    module = getattr(model, "module_", None)
    return None if module is None else sum(p.numel() for p in module.parameters())


def _outside_share(profile: dict[str, float] | None) -> float | None:
    """The share of training that is neither forward, backward nor step: validation counts too."""
    if not profile:
        return None
    work = sum(profile[name] for name in ("forward", "backward", "step"))
    return 1 - work / profile["total"]


def main(argv: list[str] | None = None) -> None:
    """Runs the jobs that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sets", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--quick", action="store_true", help="one seed, 15 seconds of training")
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument(
        "--model-args", type=json.loads, default={}, help="JSON: arguments of TabularModel"
    )
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    seeds = args.seeds or ([0] if args.quick else [0, 1, 2])
    out = args.out or (common.SCRATCH / "tables" if args.quick else common.RESULTS / "tables")

    if args.job:
        (name,), (seed,) = args.sets, seeds
        result = measure(CASES[name], seed, quick=args.quick, model_args=args.model_args)
        common.write_json(out / f"{name}-{seed}.json", result)
        return
    shared = ["--job", "--out", str(out), "--model-args", json.dumps(args.model_args)]
    shared += ["--quick"] if args.quick else []
    jobs = {
        out / f"{name}-{seed}.json": [*shared, "--sets", name, "--seeds", str(seed)]
        for name in args.sets
        for seed in seeds
    }
    common.run_jobs("benchmarks.tables", jobs, force=args.force or args.quick)
    print(_summary(common.read_results(out), args.sets))


def _summary(results: list[dict[str, Any]], sets: list[str]) -> str:
    names = {
        "c2st": ".3f",
        "marginal_ratio": ".2f",
        "fit_seconds": ".0f",
        "sample_rows_per_second": ",.0f",
        "peak_memory_gb": ".2f",
        "outside_share": ".1%",
    }
    lines = [f"{'medians':20}" + "".join(f"{name:>24}" for name in names)]
    for name in sets:
        mine = [result for result in results if result["set"] == name]
        medians = [(common.median_of(mine, field), form) for field, form in names.items()]
        cells = ["-" if value is None else format(value, form) for value, form in medians]
        lines.append(f"{name:20}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
