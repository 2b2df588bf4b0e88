"""Fit joint models to the same tables, draw rows from each, and score them by the same code.

    python -m benchmarks.joint --seeds 0 1 2
    python -m benchmarks.joint --methods training_rows
    python -m benchmarks.joint --methods tvae ctgan --python .venv-joint/bin/python

with QDIST_DATA=path/to/data. All lines run in qdist's environment, which scores. A rival is fitted
by the interpreter that `--python` names, of benchmarks/environments/joint.txt (of joint_argn.txt
for tabular_argn). Each (set, method, seed) is a process of its own and ends in one file under
benchmarks/results/joint, so all may be run again to resume. A method that fails, or takes longer
than 30 minutes, is written down as such. `python -m benchmarks.joint_report` makes the page.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import common
from benchmarks.joint_rivals import METHODS
from benchmarks.tables import CASES, Case

MINUTES, LIMIT_MINUTES = 5, 30
QUICK_ROWS, QUICK_SECONDS = 300, 5
OURS = ("qdist", "training_rows")
"""What runs in this environment, whatever `--python` says."""


@dataclass(frozen=True)
class Table:
    """A set: how it is split, what is left out of it, and the column that trees predict."""

    case: Case
    target: str
    measure: str
    without: tuple[str, ...] = ()


SETS = {
    table.case.name: table
    for table in (
        Table(CASES["adult"], "income", "auc"),
        Table(CASES["california_housing"], "median_house_value", "r2"),
        Table(CASES["online_shoppers"], "Revenue", "auc"),
        # A constant, and a column of 4,043 levels that are nearly names.
        Table(Case("nycflights13", 50_000, 5), "carrier", "accuracy", ("year", "tailnum")),
    )
}


def measure(name: str, method: str, seed: int, *, python: str, quick: bool) -> dict[str, Any]:
    """Has one method fitted to one set, and scores its rows."""
    table = SETS[name]
    frame = pd.read_parquet(common.data_folder() / "tables" / f"{name}.parquet")
    frame = frame.drop(columns=list(table.without))
    case = Case(name, QUICK_ROWS, MINUTES) if quick else table.case
    train, heldout = case.split(frame, seed)
    del frame
    result = {
        "set": name,
        "method": method,
        "seed": seed,
        "quick": quick,
        "rows": {"train": len(train), "heldout": len(heldout), "columns": train.shape[1]},
        "target": table.target,
        "measure": table.measure,
        "machine": common.machine(),
        "versions": common.versions(),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        train.to_parquet(path / "train.parquet")
        arguments = {
            "--method": method,
            "--train": path / "train.parquet",
            "--rows": len(heldout),
            "--seconds": QUICK_SECONDS if quick else 60 * MINUTES,
            "--seed": seed,
            "--out": path,
        }
        command = [python, "-m", "benchmarks.joint_fit"]
        command += [str(part) for pair in arguments.items() for part in pair]
        failed = run_limited(command, path / "errors.txt", seconds=60 * LIMIT_MINUTES)
        if failed:
            return {**result, "failed": failed}
        facts = json.loads((path / "fit.json").read_text())
        synthetic = pd.read_parquet(path / "samples.parquet")

    from benchmarks.joint_scores import scores

    found = scores(
        train, heldout, synthetic, target=table.target, measure=table.measure, seed=seed
    )
    return {**result, **facts, **found}


def run_limited(command: list[str], errors: Path, *, seconds: float) -> str | None:
    """Runs a command and all that it starts for so long at most.

    Args:
        command: What to run.
        errors: The file of what it says on its standard error.
        seconds: The limit.

    Returns:
        None, or why it failed in one line.
    """
    with errors.open("w") as log:
        process = subprocess.Popen(
            command, stderr=log, cwd=common.ROOT.parent, start_new_session=True
        )
        try:
            code = process.wait(seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return f"took longer than {seconds / 60:.0f} minutes"
    if code < 0:
        return f"was ended by signal {-code} (9: out of memory, most likely)"
    if code:
        lines = [line.strip() for line in errors.read_text().splitlines() if line.strip()]
        return lines[-1][:300] if lines else f"ended with code {code}"
    return None


def main(argv: list[str] | None = None) -> None:
    """Runs the jobs that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.joint", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["qdist"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter that fits rivals")
    parser.add_argument("--quick", action="store_true", help="300 rows, 5 seconds of fit")
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    out = args.out or (common.SCRATCH / "joint" if args.quick else common.RESULTS / "joint")

    if args.job:
        (name,), (method,), (seed,) = args.sets, args.methods, args.seeds
        python = sys.executable if method in OURS else args.python
        result = measure(name, method, seed, python=python, quick=args.quick)
        common.write_json(out / f"{name}-{method}-{seed}.json", result)
        return
    shared = ["--job", "--out", str(out), "--python", str(Path(args.python).absolute())]
    shared += ["--quick"] if args.quick else []
    jobs = {
        out / f"{name}-{method}-{seed}.json": [
            *shared, "--sets", name, "--methods", method, "--seeds", str(seed),
        ]
        for seed in args.seeds
        for name in args.sets
        for method in args.methods
    }  # fmt: skip
    common.run_jobs("benchmarks.joint", jobs, force=args.force or args.quick)


if __name__ == "__main__":
    main()
