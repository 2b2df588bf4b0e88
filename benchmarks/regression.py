"""Fit the regressor and its rivals to the same splits, and score their laws.

    QDIST_DATA=path/to/data python -m benchmarks.regression --splits 2 --methods qdist

    QDIST_DATA=path/to/data python -m benchmarks.regression --speed

The second line times fits and forecasts, on idle cores. Resumable: one file for each (set, split,
method) under benchmarks/results/regression. The rivals have environments of their own,
benchmarks/environments/regression.txt and treeffuser.txt; run the same command there with
`--methods` of theirs. All are fitted with their default settings, those that end in `_tuned` with
the best of a few on a fifth of their training rows.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.regression_rivals import RIVALS, TRIED, Ask, Fit, tuned
from benchmarks.regression_scores import LEVELS, Floats, scores

FEW = 10_000  # training rows up to which the time of a fit is limited
SETS = ("concrete", "energy", "wine", "power", "naval", "tr_airfoil", "tr_bike")


def load(name: str, split: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Training features and targets, test features and targets of a canonical split."""
    with np.load(common.data_folder() / "uci" / f"{name}.npz", allow_pickle=False) as z:
        x, y = z["X"], z["y"]
        if "leak_cols" in z:
            x = np.delete(x, z["leak_cols"], 1)
        if "fold" in z:
            test = z["fold"] == split
            return x[~test], y[~test], x[test], y[test]
        train, test = z["train_idx"][split], z["test_idx"][split]
        return x[train], y[train], x[test], y[test]


def qdist_default(x: Floats, y: Floats, seed: int) -> Ask:
    """The regressor with its defaults."""
    from qdist import DistributionRegressor

    return DistributionRegressor(random_state=seed).fit(x, y).predict_quantiles


METHODS: dict[str, Fit] = {
    "qdist": qdist_default,
    **RIVALS,
    **{f"{name}_tuned": tuned(name) for name in TRIED},
}


def measure(name: str, split: int, method: str) -> dict[str, Any]:
    """Fits and scores one method on one split."""
    x, y, x_test, y_test = load(name, split)
    start = time.perf_counter()
    ask = METHODS[method](x, y, split)
    fitted = time.perf_counter()
    quantiles = np.asarray(ask(x_test, LEVELS), dtype=float)
    asked = time.perf_counter()
    return {
        "set": name,
        "split": split,
        "method": method,
        "rows": {"train": len(y), "test": len(y_test), "columns": x.shape[1]},
        **scores(quantiles, y_test, split),
        "fit_seconds": fitted - start,
        "predict_seconds": asked - fitted,
        "machine": common.machine(),
        "versions": common.versions(),
    }


def speed() -> dict[str, Any]:
    """How long fits take, and 100 levels of 100,000 rows of power, drawn with replacement.

    The fits are of the first split of each set of up to 10,000 rows, one after another.
    """
    from qdist import DistributionRegressor

    fits, models = {}, {}
    for name in SETS:
        x, y, *_ = load(name, 0)
        if len(y) <= FEW:
            start = time.perf_counter()
            models[name] = DistributionRegressor(random_state=0).fit(x, y)
            fits[name] = time.perf_counter() - start
            print(f"{name}: a fit in {fits[name]:.0f} s", flush=True)
    x_test, model = load("power", 0)[2], models["power"]
    rows = x_test[np.random.default_rng(0).integers(len(x_test), size=100_000)]
    levels = np.arange(1, 101) / 101
    model.predict_quantiles(rows[:10_000], levels)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        model.predict_quantiles(rows, levels)
        seconds.append(time.perf_counter() - start)
    return {
        "rows": len(rows),
        "levels": len(levels),
        "columns": x_test.shape[1],
        "seconds": seconds,
        "fits": fits,
        "shares": model.shares_,
        "machine": common.machine(),
        "versions": common.versions(),
    }


def main(argv: list[str] | None = None) -> None:
    """Measures what is not measured yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regression", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["qdist"])
    parser.add_argument("--splits", type=int, default=20, help="the first so many of each set")
    parser.add_argument("--speed", action="store_true", help="time fits and forecasts, and end")
    parser.add_argument("--out", type=Path, default=common.RESULTS / "regression")
    args = parser.parse_args(argv)
    if args.speed:
        common.write_json(common.RESULTS / "regression_speed.json", speed())
        return
    for split in range(args.splits):
        for name in args.sets:
            if split >= (10 if name.startswith("tr_") else 20):
                continue
            for method in args.methods:
                path = args.out / f"{name}-{split}-{method}.json"
                if not path.exists():
                    result = measure(name, split, method)
                    common.write_json(path, result)
                    print(f"{path.stem}: CRPS {result['crps']:.5g}", flush=True)


if __name__ == "__main__":
    main()
