"""How exact are the answers? Conditional laws against those of laws that are known.

    python -m benchmarks.queries            five fits of 20,000 rows, resumable: 20 minutes
    python -m benchmarks.queries --quick    a look: two minutes

Each (law, seed) is a process of its own and ends in one file under benchmarks/results/queries.
`python -m benchmarks.queries_report` makes a page of them.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import common
from benchmarks.known_laws import LAWS, Question

TRAIN, HELDOUT, CONDITIONS, POINTS, ORDERS = 20_000, 200_000, 2_000, 2_000, 5


def regret(
    model: Any,
    question: Question,
    rows: pd.DataFrame,
    *,
    n_conditions: int = CONDITIONS,
    n_points: int = POINTS,
) -> dict[str, float]:
    r"""The integral of (F - F_true)^2 over that of F_true (1 - F_true), the true law's own CRPS.

    Both are means over conditions, by the trapezoidal rule between quantiles of the column (sums
    over all values where it is whole).
    """
    values = rows[question.column].to_numpy()
    conditions = rows.head(n_conditions)
    if values.dtype.kind == "i":
        points = np.arange(0, values.max() + 20.0)
    else:
        ends = values.min(), values.max()
        inner = np.quantile(values, np.linspace(0, 1, n_points))
        points = np.unique(np.concatenate([inner, np.linspace(*ends, n_points)]))
    known = conditions[list(question.given)]
    found = model.cdf(question.column, points, given=known)
    true = question.cdf(points.astype(float), conditions)
    error, own = (found - true) ** 2, true * (1 - true)
    if values.dtype.kind == "i":
        integrals = error.sum(1), own.sum(1)
    else:
        # Between two points F is as at the left one next to a jump; elsewhere it hardly matters.
        integrals = np.trapezoid(error, points, axis=1), np.trapezoid(own, points, axis=1)
    return {
        "regret": float(integrals[0].mean() / integrals[1].mean()),
        "oracle_crps": float(integrals[1].mean()),
        "largest_gap": float(np.abs(found - true).max(1).mean()),
    }


def kolmogorov(levels: np.ndarray) -> float:
    """The greatest distance of the levels' empirical cdf from that of the uniform law."""
    ordered = np.sort(levels)
    n = len(ordered)
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))


def rosenblatt_scores(model: Any, rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    """How far held-out levels are from uniform, also where an earlier column is in one decile."""
    from benchmarks.c2st import lightgbm_c2st

    levels = model.rosenblatt(rows, random_state=seed)
    each = [kolmogorov(column) for column in levels.T]
    within = 0.0
    for i in range(1, levels.shape[1]):
        for j in range(i):
            column = rows.iloc[:, j]
            if column.dtype.kind in "if":
                part = pd.qcut(column, 10, labels=False, duplicates="drop")
            else:
                part = column
            for value in part.unique():
                within = max(within, kolmogorov(levels[(part == value).to_numpy(), i]))
    frame = pd.DataFrame(levels[:TRAIN]).add_prefix("c")
    uniform = pd.DataFrame(np.random.default_rng(seed).random(frame.shape)).add_prefix("c")
    return {
        "kolmogorov": max(each),
        "kolmogorov_each": each,
        "kolmogorov_within_deciles": within,
        "c2st_levels": lightgbm_c2st(uniform, frame, seed=seed),
    }


def order_spread(model: Any, rows: pd.DataFrame, seed: int) -> dict[str, float]:
    """How much the log density of a row depends on the order of the chain."""
    rng = np.random.default_rng(seed)
    names = list(rows.columns)
    scores = np.stack(
        [
            model.score_samples(rows, order=[names[k] for k in rng.permutation(len(names))])
            for _ in range(ORDERS)
        ]
    )
    return {
        "order_spread": float(scores.std(0, ddof=1).mean()),
        "mean_log_density": float(scores.mean()),
    }


def measure(name: str, seed: int, *, quick: bool) -> dict[str, Any]:
    """Fits one law's rows and scores the answers."""
    from qdist import TabularModel

    law = LAWS[name]
    rng = np.random.default_rng(seed)
    train = law.draw(rng, TRAIN)
    heldout = law.draw(rng, 20_000 if quick else HELDOUT)
    start = time.perf_counter()
    args = {"max_time": 15} if quick else {}
    model = TabularModel(random_state=seed, **args).fit(train)
    fit_seconds = time.perf_counter() - start
    answers = {
        f"{q.column} given {', '.join(q.given)}": regret(model, q, heldout) for q in law.questions
    }
    return {
        "law": name,
        "seed": seed,
        "quick": quick,
        "smooth": law.smooth,
        "rows": {"train": TRAIN, "heldout": len(heldout), "conditions": CONDITIONS},
        "fit_seconds": fit_seconds,
        "n_steps": model.n_steps_,
        "answers": answers,
        **rosenblatt_scores(model, heldout, seed),
        **order_spread(model, heldout.head(CONDITIONS), seed),
        "machine": common.machine(),
        "versions": common.versions(),
    }


def main(argv: list[str] | None = None) -> None:
    """Runs the jobs that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queries", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--laws", nargs="+", choices=list(LAWS), default=list(LAWS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--quick", action="store_true", help="15 seconds of training")
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    out = args.out or (common.SCRATCH / "queries" if args.quick else common.RESULTS / "queries")
    if args.job:
        (name,), (seed,) = args.laws, args.seeds
        path = out / f"{name.replace(' ', '_')}-{seed}.json"
        common.write_json(path, measure(name, seed, quick=args.quick))
        return
    shared = ["--job", "--out", str(out), *(["--quick"] if args.quick else [])]
    jobs = {
        out / f"{name.replace(' ', '_')}-{seed}.json": [
            *shared,
            "--laws",
            name,
            "--seeds",
            str(seed),
        ]
        for name in args.laws
        for seed in args.seeds
    }
    common.run_jobs("benchmarks.queries", jobs, force=args.force or args.quick)
    for result in common.read_results(out):
        worst = max(answer["regret"] for answer in result["answers"].values())
        print(f"{result['law']:24} regret {worst:.4f}  levels {result['kolmogorov']:.3f}")


if __name__ == "__main__":
    main()
