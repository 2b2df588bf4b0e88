"""Fill cells that were hidden on purpose, and measure how near the draws come to them.

    python -m benchmarks.imputation
    .venv-imputation/bin/python -m benchmarks.imputation --methods miceforest forest knn

with QDIST_DATA=path/to/data. The first line runs qdist, the second its rivals, in the environment
of benchmarks/environments/imputation.txt; both may be run again to resume. Each (set, pattern,
method, seed) is a process of its own and ends in one file under benchmarks/results/imputation. A
method that raises is written down as such. `python -m benchmarks.imputation_report` makes the
page.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import common

ROWS, DRAWS, SHARE = 5_000, 50, 0.2
# Columns that say nothing (a constant, another benchmark's split) or are nearly names.
SETS = {
    "adult": ["split"],
    "california_housing": [],
    "online_shoppers": [],
    "nycflights13": ["year", "tailnum"],
}
PATTERNS = ("cells", "blocks")


def load(name: str, seed: int) -> pd.DataFrame:
    """Rows of a set: numbers as floats, all else as categories."""
    frame = pd.read_parquet(common.data_folder() / "tables" / f"{name}.parquet")
    frame = frame.drop(columns=SETS[name]).sample(ROWS, random_state=seed).reset_index(drop=True)
    for column in frame:
        if pd.api.types.is_bool_dtype(frame[column]) or not pd.api.types.is_numeric_dtype(
            frame[column]
        ):
            frame[column] = frame[column].astype("category").cat.remove_unused_categories()
        else:
            frame[column] = frame[column].astype(float)
    return frame


def mask(shape: tuple[int, int], pattern: str, seed: int) -> np.ndarray:
    """Which cells are hidden: a fifth of them, at random or half of the columns of some rows."""
    rng = np.random.default_rng(1000 + seed)
    rows, columns = shape
    if pattern == "cells":
        return rng.random(shape) < SHARE
    width = columns // 2
    chosen = rng.random(rows) < SHARE * columns / width
    start = rng.integers(columns, size=rows)
    place = (np.arange(columns)[None] - start[:, None]) % columns
    return chosen[:, None] & (place < width)


# Methods: a frame with holes and a seed to draws, each a frame without.


def with_qdist(frame: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """Ours, with its defaults."""
    from qdist import TabularModel

    model = TabularModel(random_state=seed).fit(frame)
    draws: list[pd.DataFrame] = model.impute(frame, n_draws=DRAWS, random_state=seed)
    return draws


def with_miceforest(frame: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """Chained boosted trees with predictive mean matching: 5 chains, 10 draws of each.

    Its own default is 5 rounds and a draw a chain. Fifty chains would take ten times as long: each
    goes on for nine rounds more, and each of these counts as a draw. (`impute_new_data` is no way
    to more of them: on the very rows it was fitted to its draws were hardly better than those of
    the marginal laws.)
    Levels are matched by their probabilities ("fast"): its default takes log odds, which are
    infinite for the rare levels of these tables.
    """
    import miceforest

    matching = {n: "fast" if frame[n].dtype == "category" else "normal" for n in frame}
    kernel = miceforest.ImputationKernel(
        frame, num_datasets=5, random_state=seed, mean_match_strategy=matching
    )
    burnt, chains = 5, 5
    kernel.mice(burnt - 1 + DRAWS // chains, verbose=False, num_threads=1, n_estimators=50)
    rounds = range(burnt, burnt + DRAWS // chains)
    return [kernel.complete_data(k, iteration=r) for k in range(chains) for r in rounds]


def with_forest(frame: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """As MissForest: each column by a random forest of all others, 4 rounds; one completion."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    coded = frame.copy()
    gaps = frame.isna()
    for name, column in frame.items():
        if column.dtype == "category":
            coded[name] = column.cat.codes.where(~gaps[name], column.cat.codes.mode()[0])
        else:
            coded[name] = column.fillna(column.mean())
    order = gaps.sum().sort_values()
    for _ in range(4):
        for name in order[order > 0].index:
            kind = frame[name].dtype == "category"
            forest = (RandomForestClassifier if kind else RandomForestRegressor)(
                n_estimators=50,
                max_features="sqrt" if kind else 1 / 3,
                n_jobs=1,
                random_state=seed,
            )
            others, gone = coded.drop(columns=name), gaps[name]
            forest.fit(others[~gone], coded[name][~gone])
            coded.loc[gone, name] = forest.predict(others[gone])
    out = frame.copy()
    for name, column in frame.items():
        if column.dtype == "category":
            codes = coded[name].to_numpy().astype(int)
            out[name] = pd.Categorical.from_codes(codes, dtype=column.dtype)
        else:
            out[name] = coded[name]
    return [out]


def with_knn(frame: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """Means over the five nearest rows; a single completion."""
    del seed
    from sklearn.impute import KNNImputer

    return [_as_numbers(frame, KNNImputer())]


METHODS: dict[str, Callable[[pd.DataFrame, int], list[pd.DataFrame]]] = {
    "qdist": with_qdist,
    "miceforest": with_miceforest,
    "forest": with_forest,
    "knn": with_knn,
}


def _as_numbers(frame: pd.DataFrame, imputer: Any) -> pd.DataFrame:
    """Imputes standardised numbers and indicators of levels; the greatest indicator wins."""
    blocks, parts = {}, []
    for name, column in frame.items():
        if column.dtype == "category":
            block = pd.get_dummies(column, dtype=float)
            block[column.isna()] = np.nan
        else:
            block = ((column - column.mean()) / (column.std() or 1.0)).to_frame()
        blocks[name] = block.shape[1]
        parts.append(block.to_numpy())
    filled = imputer.fit_transform(np.concatenate(parts, axis=1))
    out, at = frame.copy(), 0
    for name, width in blocks.items():
        column, values = frame[name], filled[:, at : at + width]
        at += width
        gaps = column.isna().to_numpy()
        if column.dtype == "category":
            levels = column.cat.categories[values.argmax(1)]
            out.loc[gaps, name] = levels[gaps]
        else:
            back = values[:, 0] * (column.std() or 1.0) + column.mean()
            out.loc[gaps, name] = back[gaps]
    return out


def fair_crps(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The CRPS of ensembles (M, N), unbiased in M; the absolute error for a single draw."""
    m = len(draws)
    error = np.abs(draws - truth).mean(0)
    if m == 1:
        return error
    ordered = np.sort(draws, axis=0)
    weight = 2 * np.arange(1, m + 1) - m - 1
    return error - (weight[:, None] * ordered).sum(0) / (m * (m - 1))


def rank_among(draws: np.ndarray, truth: np.ndarray, *, seed: int) -> np.ndarray:
    """Where truths (N,) lie among draws (M, N): uniform on (0, 1) if they are alike.

    Also where values are equal, and for any M: the 5 % and 95 % quantiles of 50 draws have
    86.5 % between them, and closed intervals hold more than they should at atoms.
    """
    rng = np.random.default_rng(seed)
    below, equal = (draws < truth).sum(0), (draws == truth).sum(0)
    place = below + rng.integers(0, equal + 1)
    return (place + rng.random(len(truth))) / (len(draws) + 1)


def score(truth: pd.DataFrame, hidden: np.ndarray, draws: list[pd.DataFrame]) -> dict[str, Any]:
    """Means over columns of the scores of hidden cells; numbers in deviations of their column."""
    numbers, levels = [], []
    for i, name in enumerate(truth):
        rows = hidden[:, i] & truth[name].notna().to_numpy()
        if not rows.any():
            continue
        if truth[name].dtype == "category":
            codes = np.stack([_codes(d[name], truth[name])[rows] for d in draws])
            best = np.array([np.bincount(column).argmax() for column in codes.T])
            levels.append(float((best == truth[name].cat.codes.to_numpy()[rows]).mean()))
            continue
        true = truth[name].to_numpy()[rows]
        found = np.stack([d[name].to_numpy(dtype=float)[rows] for d in draws])
        unit = truth[name].std() or 1.0
        inside = np.abs(rank_among(found, true, seed=i) - 0.5) <= 0.45
        numbers.append(
            {
                "column": name,
                "cells": int(rows.sum()),
                "mae": float(np.abs(np.median(found, 0) - true).mean() / unit),
                "crps": float(fair_crps(found, true).mean() / unit),
                "coverage": float(inside.mean()),
            }
        )
    means = {k: float(np.mean([n[k] for n in numbers])) for k in ("mae", "crps", "coverage")}
    if len(draws) < 20:  # five draws have no 5 % quantile, one has no spread
        means["coverage"] = None
    return {**means, "accuracy": float(np.mean(levels)), "columns": numbers}


def _codes(column: pd.Series, like: pd.Series) -> np.ndarray:
    return pd.Categorical(column, categories=like.cat.categories).codes.astype(np.int64)


def measure(name: str, pattern: str, method: str, seed: int) -> dict[str, Any]:
    """Hides cells of one set, fills them by one method, and scores them."""
    truth = load(name, seed)
    hidden = mask(truth.shape, pattern, seed)
    result = {
        "set": name,
        "pattern": pattern,
        "method": method,
        "seed": seed,
        "hidden": float(hidden.mean()),
        "machine": common.machine(),
        "versions": common.versions(),
    }
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rivals that have not converged
            draws = METHODS[method](truth.mask(hidden), seed)
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return {**result, "failed": text[:300]}
    seconds = time.perf_counter() - start
    return {**result, "draws": len(draws), "seconds": seconds, **score(truth, hidden, draws)}


def main(argv: list[str] | None = None) -> None:
    """Runs the jobs that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imputation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--patterns", nargs="+", choices=PATTERNS, default=list(PATTERNS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["qdist"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--out", type=Path, default=common.RESULTS / "imputation")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.job:
        (name,), (pattern,) = args.sets, args.patterns
        (method,), (seed,) = args.methods, args.seeds
        path = args.out / f"{name}-{pattern}-{method}-{seed}.json"
        common.write_json(path, measure(name, pattern, method, seed))
        return
    jobs = {
        args.out / f"{name}-{pattern}-{method}-{seed}.json": [
            "--job", "--out", str(args.out), "--sets", name, "--patterns", pattern,
            "--methods", method, "--seeds", str(seed),
        ]
        for seed in args.seeds
        for pattern in args.patterns
        for name in args.sets
        for method in args.methods
    }  # fmt: skip
    common.run_jobs("benchmarks.imputation", jobs, force=args.force)


if __name__ == "__main__":
    main()
