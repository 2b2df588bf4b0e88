"""How good sampled rows are: the scores of `benchmarks.joint`, of nothing but frames.

No code of qdist takes part, so that the package is not judged by itself. In all frames the columns
are the same, numbers are numbers (NaN where missing), and all else is levels.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.c2st import (
    bootstrap_error,
    is_number,
    levels_of,
    lightgbm_c2st,
    marginal_error,
    numbers_of,
)

__all__ = [
    "associations",
    "copied",
    "energy_distance",
    "nearest_ratio",
    "pairwise_error",
    "scores",
    "utility",
]

Floats = np.ndarray

LEAF = 1.0
"""Least sum of second derivatives in a leaf of the trees that predict one of several levels."""
ROWS = 2_000
"""Rows of each frame in the scores that compare rows one by one."""


def scores(
    train: pd.DataFrame,
    heldout: pd.DataFrame,
    synthetic: pd.DataFrame,
    *,
    target: str,
    measure: str,
    seed: int,
) -> dict[str, float | None]:
    """All scores of one sample.

    Args:
        train: The rows that the model was fitted to.
        heldout: Rows that it has not seen.
        synthetic: Rows that it drew; at most as many as are held out.
        target: The column to predict, and `measure` how that is judged; see `utility`.
        measure: "auc", "r2" or "accuracy".
        seed: Of all that is drawn here.
    """
    error = marginal_error(heldout, synthetic)
    floor = bootstrap_error(train, heldout, seed, size=len(synthetic))
    same = train.sample(min(len(train), len(synthetic)), random_state=seed)
    judged = {"target": target, "measure": measure}
    return {
        "c2st": lightgbm_c2st(heldout, synthetic, seed=seed),
        "marginal_error": error,
        "bootstrap_error": floor,
        "marginal_ratio": error / floor,
        "pairwise_error": pairwise_error(heldout, synthetic),
        "energy_distance": energy_distance(train, heldout, synthetic, seed=seed),
        "utility": utility(synthetic, heldout, **judged),
        "utility_real": utility(same, heldout, **judged),
        "utility_leaf": LEAF if measure == "accuracy" else None,
        "copied": copied(train, synthetic),
        "copied_heldout": copied(train, heldout),
        "nearest_ratio": nearest_ratio(train, heldout, synthetic, seed=seed),
    }


def pairwise_error(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """The mean absolute difference of the associations of each two columns, in [0, 1] or [0, 2].

    See `associations`. A pair that is undefined in one frame (a column without variation) counts
    as not associated there.
    """
    kinds = {name: is_number(real[name]) for name in real.columns}
    pair = [associations(frame, kinds) for frame in (real, synthetic)]
    return float(np.mean(np.abs(pair[0] - pair[1])))


def associations(frame: pd.DataFrame, kinds: dict[str, bool]) -> Floats:
    """The associations of all pairs of columns, in their order.

    Spearman's correlation of two numbers; of a number and levels the correlation ratio of its
    ranks; Cramer's V of two columns of levels. Over the rows where both numbers are known;
    "missing" is a level.

    Args:
        frame: The rows.
        kinds: For each column whether it is one of numbers.
    """
    columns = {
        name: numbers_of(frame[name]) if number else _codes(levels_of(frame[name]))
        for name, number in kinds.items()
    }
    found = []
    for a, b in combinations(kinds, 2):
        known = np.ones(len(frame), dtype=bool)
        for name in (a, b):
            known &= ~np.isnan(columns[name]) if kinds[name] else True
        x, y = columns[a][known], columns[b][known]
        if kinds[a] and kinds[b]:
            found.append(_correlation(_ranks(x), _ranks(y)))
        elif kinds[a] or kinds[b]:
            number, level = (x, y) if kinds[a] else (y, x)
            found.append(_correlation_ratio(_ranks(number), level))
        else:
            found.append(_cramer(x, y))
    return np.array(found)


def _codes(levels: Floats) -> Floats:
    return np.unique(levels, return_inverse=True)[1]


def _ranks(x: Floats) -> Floats:
    return pd.Series(x).rank().to_numpy()


def _correlation(x: Floats, y: Floats) -> float:
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _correlation_ratio(x: Floats, level: Floats) -> float:
    """The root of the share of the variance of x that the means of the levels make up."""
    if len(x) < 2 or np.ptp(x) == 0:
        return 0.0
    count = np.bincount(level)
    mean = np.bincount(level, x) / np.maximum(count, 1)
    return float(np.sqrt((count * (mean - x.mean()) ** 2).sum() / ((x - x.mean()) ** 2).sum()))


def _cramer(x: Floats, y: Floats) -> float:
    table = np.zeros((x.max() + 1, y.max() + 1))
    np.add.at(table, (x, y), 1)
    if min(table.shape) < 2:
        return 0.0
    expected = np.outer(table.sum(1), table.sum(0)) / len(x)
    chi2 = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(chi2 / len(x) / (min(table.shape) - 1)))


def energy_distance(
    train: pd.DataFrame, real: pd.DataFrame, synthetic: pd.DataFrame, *, seed: int
) -> float:
    """The energy distance of encoded rows, unbiased: about 0, of either sign, for equal laws.

    At most 2,000 rows of either frame; see `_encode`, which the training rows fit.
    """
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(seed)
    x, y = (_encode(train, _draw(frame, ROWS, rng)) for frame in (real, synthetic))
    within = sum(cdist(z, z).sum() / (len(z) * (len(z) - 1)) for z in (x, y))
    return float(2 * cdist(x, y).mean() - within)


def nearest_ratio(
    train: pd.DataFrame, heldout: pd.DataFrame, synthetic: pd.DataFrame, *, seed: int
) -> float | None:
    """How near sampled rows come to training rows, beside held-out rows: a ratio of medians.

    The median distance of equally many (at most 2,000) sampled rows to the nearest training row,
    over that of held-out rows. 1 is right, and much less than 1 says that training rows are
    remembered. None where half of the held-out rows repeat a training row.
    """
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(seed)
    n = min(ROWS, len(heldout), len(synthetic))
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_encode(train, train))
    near, usual = (
        float(np.median(search.kneighbors(_encode(train, _draw(frame, n, rng)))[0]))
        for frame in (synthetic, heldout)
    )
    return near / usual if usual > 0 else None


def _draw(frame: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[rng.permutation(len(frame))[:n]]


def _encode(train: pd.DataFrame, frame: pd.DataFrame) -> Floats:
    """Rows as points: numbers in deviations of the training rows, levels as indicators.

    A missing number is the mean, and an indicator says so. A level that the training rows do not
    have is no indicator at all.
    """
    parts = []
    for name, column in train.items():
        if is_number(column):
            known = numbers_of(column)
            scale = np.nanstd(known) or 1.0
            z = (numbers_of(frame[name]) - np.nanmean(known)) / scale
            parts += [np.nan_to_num(z)[:, None], np.isnan(z)[:, None]]
        else:
            parts.append(levels_of(frame[name])[:, None] == np.unique(levels_of(column))[None])
    return np.concatenate(parts, axis=1, dtype=float)


def copied(train: pd.DataFrame, rows: pd.DataFrame) -> float:
    """The share of rows all of whose cells, the missing ones too, are those of a training row."""
    known = set(_names(train, train))
    return float(np.mean([name in known for name in _names(train, rows)]))


def _names(like: pd.DataFrame, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    columns = []
    for name, column in like.items():
        if is_number(column):
            columns.append(np.nan_to_num(numbers_of(frame[name]), nan=-np.inf))
        else:
            columns.append(levels_of(frame[name]))
    return list(zip(*(c.tolist() for c in columns), strict=True))


def utility(train: pd.DataFrame, test: pd.DataFrame, *, target: str, measure: str) -> float:
    """How well LightGBM (one thread) fitted to `train` predicts a column of `test`.

    Its defaults, but for the accuracy of several levels: with levels of a handful of rows these
    diverge (0.52 on real flights, where 0.997 can be had), unless a leaf holds enough of them.

    Args:
        train: Sampled or real rows.
        test: Real rows. In both, rows whose target is missing are left out.
        target: The column.
        measure: "auc" (of the second of two levels), "r2" or "accuracy". Of rows of one level the
            AUC is 1/2 and that level is the prediction.
    """
    import lightgbm
    from sklearn.metrics import r2_score, roc_auc_score

    train, test = (frame[frame[target].notna()] for frame in (train, test))
    x, x_test = _features(train, test, target)
    args: dict[str, Any] = {"n_jobs": 1, "random_state": 0, "verbose": -1}
    if measure == "r2":
        trees = lightgbm.LGBMRegressor(**args).fit(x, numbers_of(train[target]))
        return float(r2_score(numbers_of(test[target]), trees.predict(x_test)))
    y, y_test = levels_of(train[target]), levels_of(test[target])
    if len(np.unique(y)) < 2:
        return 0.5 if measure == "auc" else float((y_test == y[0]).mean())
    if measure == "accuracy":
        args["min_sum_hessian_in_leaf"] = LEAF
    model = lightgbm.LGBMClassifier(**args).fit(x, y)
    if measure == "auc":
        chance = np.asarray(model.predict_proba(x_test))[:, 1]
        return float(roc_auc_score(y_test == model.classes_[1], chance))
    return float((np.asarray(model.predict(x_test)) == y_test).mean())


def _features(
    train: pd.DataFrame, test: pd.DataFrame, target: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    sides: tuple[dict[str, Any], dict[str, Any]] = {}, {}
    for k, name in enumerate(test.columns.drop(target)):
        number = is_number(test[name])
        cells = [numbers_of(f[name]) if number else levels_of(f[name]) for f in (train, test)]
        known = None if number else np.unique(np.concatenate(cells))
        for side, values in zip(sides, cells, strict=True):
            side[f"x{k}"] = values if number else pd.Categorical(values, categories=known)
    return pd.DataFrame(sides[0]), pd.DataFrame(sides[1])
