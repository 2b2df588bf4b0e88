"""The classifier two-sample test: can trees tell synthetic rows from real ones?"""

import numpy as np
import numpy.typing as npt

from qdist.data.pairs import ColumnPair

__all__ = ["N_FOLDS", "N_TREES", "c2st", "c2st_noise"]

N_TREES = 200
N_LEAF = 20
N_FOLDS = 3
N_LEVELS = 254
"""Histogram boosting takes at most 255 levels as categories."""


def c2st(
    pairs: list[ColumnPair],
    rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    *,
    seed: int,
) -> tuple[float, ...]:
    """The AUC of each fold of a stratified cross-validation.

    [`HistGradientBoostingClassifier`][sklearn.ensemble.HistGradientBoostingClassifier] of 200
    iterations, no early stopping, its other parameters at their defaults, except for smaller
    leaves where a fold has fewer than 40 rows to learn from. Missing numbers stay missing, which
    the trees may split on; a missing category is one more level.

    Args:
        pairs: The columns.
        rows: The real rows and the synthetic rows to tell apart; as many of each.
        seed: Of the folds and the trees.

    Returns:
        Three numbers: 0.5 where the two cannot be told apart, 1 where every row can.

    References:
        Revisiting Classifier Two-Sample Tests (Lopez-Paz and Oquab, 2017).
        <https://arxiv.org/abs/1610.06545>
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    columns: list[npt.NDArray[np.float64]] = []
    categorical: list[bool] = []
    for pair in pairs:
        for values, nominal in _features(pair, rows):
            columns.append(values)
            categorical.append(nominal)
    features = np.column_stack(columns)
    seed %= 2**32  # as scikit-learn wants it
    label = np.repeat([0, 1], len(rows[0]))
    areas = []
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    for fit, test in folds.split(features, label):
        # With fewer rows than two leaves hold, no tree could split.
        leaf = N_LEAF if len(fit) >= 2 * N_LEAF else max(1, len(fit) // 10)
        trees = HistGradientBoostingClassifier(
            max_iter=N_TREES,
            min_samples_leaf=leaf,
            early_stopping=False,
            categorical_features=np.array(categorical),
            random_state=seed,
        )
        # A column without a value in these rows says nothing, and bins cannot be made of it.
        told = ~np.isnan(features[fit]).all(0)
        known = np.where(told, features, 0.0)
        trees.fit(known[fit], label[fit])
        chance = trees.predict_proba(known[test])[:, 1]
        areas.append(float(roc_auc_score(label[test], chance)))
    return tuple(areas)


def c2st_noise(n: int) -> float:
    r"""The standard deviation of the mean AUC when both frames follow one law.

    For one fold, of m rows of each frame, it is that of the Mann-Whitney statistic,
    $\sigma^2 = (2 m + 1) / (12 m^2)$. Chance in one third of the rows acts on the other two folds
    both ways, as training and as test rows: two folds correlate by up to 1/2, and the mean of
    three has a variance of up to $2 \sigma^2 / 3$ (which this is), not $\sigma^2 / 3$.

    Args:
        n: Rows of each frame.

    Example:
        >>> round(c2st_noise(3000), 4)
        0.0105
    """
    m = max(n // N_FOLDS, 1)
    return float(np.sqrt((2 * m + 1) / (12 * m * m) * 2 / N_FOLDS))


def _features(
    pair: ColumnPair, rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
) -> list[tuple[npt.NDArray[np.float64], bool]]:
    values = np.concatenate([pair.real[rows[0]], pair.synthetic[rows[1]]])
    if not pair.is_category:
        # Infinities are values too, but the trees refuse them.
        limit = np.finfo(np.float32).max
        return [(np.clip(values.astype(np.float64), -limit, limit), False)]
    size = len(pair.levels) + 1
    count = np.bincount(values, minlength=size)
    if np.count_nonzero(count) <= N_LEVELS:
        return [(np.unique(values, return_inverse=True)[1].astype(np.float64), True)]
    # Too many levels: the most frequent keep their identity, the others only how often they occur
    # in both frames together. So text that is nearly unique gives nothing away by its spelling.
    code = np.full(size, float(N_LEVELS - 1))
    kept = np.argsort(-count, kind="stable")[: N_LEVELS - 1]
    code[kept] = np.arange(len(kept))
    return [(code[values], True), (count[values].astype(np.float64), False)]
