"""Other forecasters of laws, with their default settings and lightly tuned."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.regression_scores import LEVELS, Floats, crps

# A fitted method: features and levels (L,) to quantiles (N, L).
Ask = Callable[[Floats, Floats], Floats]
# What fits one: features, targets and a seed.
Fit = Callable[..., Ask]

DRAWS = 200
"""Of the rival that draws: its CRPS is too high by some 1 / (2 DRAWS) of its draws' spread."""


def ngboost(x: Floats, y: Floats, seed: int, **settings: Any) -> Ask:
    """A normal law by natural gradient boosting."""
    from ngboost import NGBRegressor

    model = NGBRegressor(verbose=False, random_state=seed, **settings).fit(x, y)

    def ask(x: Floats, levels: Floats) -> Floats:
        law = model.pred_dist(x)
        return np.stack([law.ppf(level) for level in levels], 1)

    return ask


def quantile_forest(x: Floats, y: Floats, seed: int, **settings: Any) -> Ask:
    """A random forest that keeps the targets of its leaves."""
    from quantile_forest import RandomForestQuantileRegressor

    model = RandomForestQuantileRegressor(100, random_state=seed, **settings).fit(x, y)
    return lambda x, levels: np.asarray(model.predict(x, quantiles=list(levels)))


def _between(fitted_at: Floats, quantiles: Floats, levels: Floats) -> Floats:
    """Sorted, as they cross; linear between the fitted levels, constant beyond."""
    ordered = np.sort(quantiles, 1)
    return np.stack([np.interp(levels, fitted_at, row) for row in ordered])


def catboost_multi(x: Floats, y: Floats, seed: int, **settings: Any) -> Ask:
    """CatBoost with 19 quantiles at once."""
    from catboost import CatBoostRegressor

    at = np.arange(1, 20) / 20
    loss = "MultiQuantile:alpha=" + ",".join(f"{a:.2f}" for a in at)
    args = {"verbose": 0, "random_seed": seed, "allow_writing_files": False, **settings}
    model = CatBoostRegressor(loss_function=loss, **args).fit(x, y)
    return lambda x, levels: _between(at, model.predict(x), levels)


def catboost_normal(x: Floats, y: Floats, seed: int, **settings: Any) -> Ask:
    """CatBoost with mean and variance of a normal law."""
    from catboost import CatBoostRegressor
    from scipy.stats import norm

    args = {"verbose": 0, "random_seed": seed, "allow_writing_files": False, **settings}
    model = CatBoostRegressor(loss_function="RMSEWithUncertainty", **args).fit(x, y)

    def ask(x: Floats, levels: Floats) -> Floats:
        mean, variance = model.predict(x).T
        return mean[:, None] + np.sqrt(variance)[:, None] * norm.ppf(levels)

    return ask


def lightgbm(x: Floats, y: Floats, seed: int, **settings: Any) -> Ask:
    """LightGBM, a model for each of 19 quantiles."""
    from lightgbm import LGBMRegressor

    at = np.arange(1, 20) / 20
    args = {"objective": "quantile", "verbose": -1, "random_state": seed, **settings}
    models = [LGBMRegressor(alpha=a, **args).fit(x, y) for a in at]
    return lambda x, levels: _between(at, np.stack([m.predict(x) for m in models], 1), levels)


def treeffuser(x: Floats, y: Floats, seed: int, **settings: Any) -> Ask:
    """A diffusion whose score is a LightGBM; quantiles of draws."""
    from treeffuser import Treeffuser

    model = Treeffuser(seed=seed, **settings).fit(x, y)

    def ask(x: Floats, levels: Floats) -> Floats:
        draws = model.sample(x, n_samples=DRAWS, seed=seed)
        return np.quantile(np.asarray(draws).reshape(DRAWS, len(x)), levels, axis=0).T

    return ask


RIVALS: Mapping[str, Fit] = {
    "ngboost": ngboost,
    "quantile_forest": quantile_forest,
    "lightgbm": lightgbm,
    "catboost_multi": catboost_multi,
    "catboost_normal": catboost_normal,
    "treeffuser": treeffuser,
}

TRIED: Mapping[str, list[dict[str, Any]]] = {
    "ngboost": [
        {},
        {"n_estimators": 1000},
        {"n_estimators": 2000, "minibatch_frac": 0.5},
    ],
    "quantile_forest": [
        {"min_samples_leaf": leaf, "max_features": share}
        for leaf in (1, 5)
        for share in (1.0, 0.5)
    ],
    "lightgbm": [
        {},
        {"n_estimators": 300},
        {"num_leaves": 8, "n_estimators": 300},
        {"learning_rate": 0.05, "n_estimators": 500, "min_child_samples": 5},
    ],
    "catboost_multi": [{}, {"depth": 4}, {"depth": 8}],
    "catboost_normal": [{}, {"depth": 4}, {"depth": 8}, {"iterations": 3000}],
}
"""The settings that light tuning chooses from; what is not named is at its default."""


def tuned(name: str) -> Fit:
    """A rival whose settings are those of `TRIED` with the least CRPS on a fifth of its rows."""

    def fit(x: Floats, y: Floats, seed: int) -> Ask:
        order = np.random.default_rng(seed).permutation(len(y))
        held, rest = order[: len(y) // 5], order[len(y) // 5 :]
        found = [
            crps(RIVALS[name](x[rest], y[rest], seed, **settings)(x[held], LEVELS), y[held])
            for settings in TRIED[name]
        ]
        return RIVALS[name](x, y, seed, **TRIED[name][int(np.argmin(found))])

    return fit
