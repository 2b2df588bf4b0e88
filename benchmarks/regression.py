"""Fit the regressor and its rivals to the same splits, and score their laws.

    QDIST_DATA=path/to/data python -m benchmarks.regression --splits 2 --methods qdist

    QDIST_DATA=path/to/data python -m benchmarks.regression --speed

The second line times 100 levels of 100,000 rows. Resumable: one file for each (set, split, method)
under benchmarks/results/regression. The rivals have environments of their own,
benchmarks/environments/regression.txt and treeffuser.txt; run the same command there with
`--methods` of theirs. All are fitted with their default settings.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import common

Floats = NDArray[np.float64]
SETS = ("concrete", "energy", "wine", "power", "naval", "tr_airfoil", "tr_bike")
LEVELS = (np.arange(200) + 0.5) / 200


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


# A fitted method: features and levels (L,) to quantiles (N, L).
Ask = Callable[[Floats, Floats], Floats]


def qdist_default(x: Floats, y: Floats, seed: int) -> Ask:
    """The regressor with its defaults."""
    from qdist import DistributionRegressor

    return DistributionRegressor(random_state=seed).fit(x, y).predict_quantiles


def ngboost(x: Floats, y: Floats, seed: int) -> Ask:
    """A normal law by natural gradient boosting."""
    from ngboost import NGBRegressor

    model = NGBRegressor(verbose=False, random_state=seed).fit(x, y)

    def ask(x: Floats, levels: Floats) -> Floats:
        law = model.pred_dist(x)
        return np.stack([law.ppf(level) for level in levels], 1)

    return ask


def quantile_forest(x: Floats, y: Floats, seed: int) -> Ask:
    """A random forest that keeps the targets of its leaves."""
    from quantile_forest import RandomForestQuantileRegressor

    model = RandomForestQuantileRegressor(100, random_state=seed).fit(x, y)
    return lambda x, levels: np.asarray(model.predict(x, quantiles=list(levels)))


def _between(fitted_at: Floats, quantiles: Floats, levels: Floats) -> Floats:
    """Sorted, as they cross; linear between the fitted levels, constant beyond."""
    ordered = np.sort(quantiles, 1)
    return np.stack([np.interp(levels, fitted_at, row) for row in ordered])


def catboost_multi(x: Floats, y: Floats, seed: int) -> Ask:
    """CatBoost with 19 quantiles at once."""
    from catboost import CatBoostRegressor

    at = np.arange(1, 20) / 20
    loss = "MultiQuantile:alpha=" + ",".join(f"{a:.2f}" for a in at)
    args = {"verbose": 0, "random_seed": seed, "allow_writing_files": False}
    model = CatBoostRegressor(loss_function=loss, **args).fit(x, y)
    return lambda x, levels: _between(at, model.predict(x), levels)


def catboost_normal(x: Floats, y: Floats, seed: int) -> Ask:
    """CatBoost with mean and variance of a normal law."""
    from catboost import CatBoostRegressor
    from scipy.stats import norm

    args = {"verbose": 0, "random_seed": seed, "allow_writing_files": False}
    model = CatBoostRegressor(loss_function="RMSEWithUncertainty", **args).fit(x, y)

    def ask(x: Floats, levels: Floats) -> Floats:
        mean, variance = model.predict(x).T
        return mean[:, None] + np.sqrt(variance)[:, None] * norm.ppf(levels)

    return ask


def lightgbm(x: Floats, y: Floats, seed: int) -> Ask:
    """LightGBM, a model for each of 19 quantiles."""
    from lightgbm import LGBMRegressor

    at = np.arange(1, 20) / 20
    args = {"objective": "quantile", "verbose": -1, "random_state": seed}
    models = [LGBMRegressor(alpha=a, **args).fit(x, y) for a in at]
    return lambda x, levels: _between(at, np.stack([m.predict(x) for m in models], 1), levels)


def treeffuser(x: Floats, y: Floats, seed: int) -> Ask:
    """A diffusion whose score is a LightGBM; quantiles of 500 draws."""
    from treeffuser import Treeffuser

    model = Treeffuser(seed=seed).fit(x, y)

    def ask(x: Floats, levels: Floats) -> Floats:
        draws = model.sample(x, n_samples=500, seed=seed)
        return np.quantile(np.asarray(draws).reshape(500, len(x)), levels, axis=0).T

    return ask


METHODS = {
    "qdist": qdist_default,
    "ngboost": ngboost,
    "quantile_forest": quantile_forest,
    "lightgbm": lightgbm,
    "catboost_multi": catboost_multi,
    "catboost_normal": catboost_normal,
    "treeffuser": treeffuser,
}


def pit_of(quantiles: Floats, y: Floats, seed: int) -> Floats:
    """Randomised PIT (N,) of observations y (N,) under quantiles (N, 200) at the midpoints.

    Between two quantiles y lies anywhere between their levels; where some equal it, in the jump
    that they stand for, half a cell of levels beyond them on either side.
    """
    half = 0.5 / len(LEVELS)
    low = np.maximum((quantiles < y[:, None]).mean(1) - half, 0)
    high = np.minimum((quantiles <= y[:, None]).mean(1) + half, 1)
    return low + np.random.default_rng(seed).random(len(y)) * (high - low)


def scores(quantiles: Floats, y: Floats, seed: int) -> dict[str, float]:
    """The scores of quantiles (N, 200) at the midpoint levels."""
    short = y[:, None] - quantiles
    found = {"crps": float(2 * np.maximum(LEVELS * short, (LEVELS - 1) * short).mean())}
    pit = np.sort(pit_of(quantiles, y, seed))
    steps = np.arange(len(y) + 1) / len(y)
    found["pit_distance"] = float(max((steps[1:] - pit).max(), (pit - steps[:-1]).max()))
    for share in (0.5, 0.9, 0.95):
        inside = np.abs(pit - 0.5) <= share / 2
        found[f"coverage_{100 * share:.0f}"] = float(inside.mean())
    low, high = (np.searchsorted(LEVELS, level) for level in (0.05, 0.95))  # midway between two
    ends = (quantiles[:, [low - 1, high - 1]] + quantiles[:, [low, high]]) / 2
    found["width_90"] = float((ends[:, 1] - ends[:, 0]).mean())
    return found


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
    """How long 100 levels of 100,000 rows take: the rows of power, drawn with replacement."""
    from qdist import DistributionRegressor

    x, y, x_test, _ = load("power", 0)
    model = DistributionRegressor(random_state=0).fit(x, y)
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
        "columns": x.shape[1],
        "seconds": seconds,
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
    parser.add_argument("--speed", action="store_true", help="time the forecasts, and end")
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
