"""Two pandas frames told apart by LightGBM, and the error of their marginals.

The package's own [`evaluate`][qdist.evaluate.evaluate] asks the same questions with scikit-learn's
histogram boosting. This file uses LightGBM, and nothing of qdist, so that a benchmark does not
judge the package by the package's own code.
"""

import numpy as np
import pandas as pd

__all__ = [
    "bootstrap_error",
    "is_number",
    "levels_of",
    "lightgbm_c2st",
    "marginal_error",
    "numbers_of",
]


def lightgbm_c2st(real: pd.DataFrame, synthetic: pd.DataFrame, *, seed: int = 0) -> float:
    """Mean AUC over 3 stratified folds of 200 trees that tell `synthetic` from `real`.

    Of the longer frame, as many rows as the shorter one has are drawn without replacement. Missing
    numbers stay missing (trees split on it); a missing category is one more category.

    Args:
        real: Rows that the model has not seen.
        synthetic: Sampled rows with the same columns, in any order.
        seed: Of the subsample and of the folds.

    Returns:
        0.5 where nothing tells the two apart, 1 where everything does.
    """
    import lightgbm
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    n = min(len(real), len(synthetic))
    rng = np.random.default_rng(seed)
    rows = [frame.iloc[rng.permutation(len(frame))[:n]] for frame in (real, synthetic)]
    features = _features(*rows)
    label = np.repeat([0, 1], n)
    areas = []
    for fit, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(features, label):
        trees = lightgbm.LGBMClassifier(n_estimators=200, n_jobs=1, random_state=0, verbose=-1)
        trees.fit(features.iloc[fit], label[fit])
        chance = np.asarray(trees.predict_proba(features.iloc[test]))[:, 1]
        areas.append(roc_auc_score(label[test], chance))
    return float(np.mean(areas))


def marginal_error(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """Mean over the columns of the distance between the two empirical marginals.

    Numbers and times: the Kolmogorov distance, "missing" being a value below all others. All
    else, booleans included: the total variation, "missing" being one more level.
    """
    return float(np.mean([_distance(real[name], synthetic[name]) for name in real.columns]))


def bootstrap_error(
    train: pd.DataFrame, heldout: pd.DataFrame, seed: int, *, size: int | None = None
) -> float:
    """The marginal error, against `heldout`, of `size` training rows drawn with replacement.

    What a model that knew the training marginals exactly would score: the mean over 10 draws.

    Args:
        train: The training rows.
        heldout: The rows compared with.
        seed: Of the draws.
        size: Rows of each draw; as many as are held out by default.
    """
    rng = np.random.default_rng(seed)
    size = len(heldout) if size is None else size
    draws = [rng.integers(len(train), size=size) for _ in range(10)]
    return float(np.mean([marginal_error(heldout, train.iloc[rows]) for rows in draws]))


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers or times; booleans are levels."""
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind):
        return False
    return (
        pd.api.types.is_numeric_dtype(kind)
        or pd.api.types.is_datetime64_any_dtype(kind)
        or pd.api.types.is_timedelta64_dtype(kind)
    )


def numbers_of(column: pd.Series) -> np.ndarray:
    """Numbers or times as floats, NaN where a cell is missing."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)
    ticks = column.astype("int64").to_numpy(dtype=float)  # datetimes and timedeltas
    return np.where(column.isna().to_numpy(), np.nan, ticks)


def levels_of(column: pd.Series) -> np.ndarray:
    """Levels as text, "missing" being one more."""
    text = column.astype(object).map(str, na_action="ignore")
    return text.where(column.notna(), "<missing>").to_numpy(dtype=object)


def _distance(real: pd.Series, synthetic: pd.Series) -> float:
    if is_number(real):
        a, b = (np.nan_to_num(numbers_of(x), nan=-np.inf) for x in (real, synthetic))
        at = np.unique(np.concatenate([a, b]))
        cdfs = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (a, b)]
        return float(np.abs(cdfs[0] - cdfs[1]).max())
    shares = [pd.Series(levels_of(x)).value_counts(normalize=True) for x in (real, synthetic)]
    return float(shares[0].sub(shares[1], fill_value=0.0).abs().sum() / 2)


def _features(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for name in real.columns:
        pair = (real[name], synthetic[name])
        if is_number(real[name]):
            columns[str(name)] = np.concatenate([numbers_of(x) for x in pair])
        else:
            columns[str(name)] = pd.Categorical(np.concatenate([levels_of(x) for x in pair]))
    return pd.DataFrame(columns)
