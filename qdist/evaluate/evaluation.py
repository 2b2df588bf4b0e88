"""`evaluate`: the questions, asked in order."""

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from qdist.arguments import number
from qdist.data.pairs import ColumnPair, pair_columns
from qdist.errors import InputError
from qdist.evaluate.associations import association_distance, cells_of
from qdist.evaluate.classifier import N_FOLDS, N_TREES, c2st, c2st_noise
from qdist.evaluate.marginals import bootstrap_distance, marginal_distance
from qdist.evaluate.report import Association, Marginal, Report
from qdist.evaluate.rows import copied_shares, joint_energy_distance
from qdist.rng import seed_of

__all__ = ["evaluate"]

MIN_ROWS = 10
N_BOOTSTRAPS = 10


def evaluate(
    real: Any,
    synthetic: Any,
    *,
    train: Any = None,
    random_state: int = 0,
    max_rows: int = 20_000,
    max_energy_rows: int = 2_000,
) -> Report:
    """Measures how far a synthetic table is from a real one.

    Give real rows that the model has *not* seen: against its own training rows a model that
    copies them would look perfect.

    What is measured:

    - **C2ST**, the joint law: the mean AUC of histogram gradient boosting (200 iterations, 3
      stratified folds) that tells equal numbers of real and synthetic rows apart, missing cells
      included. It sees everything that trees can see, and is the hardest of the four.
    - **marginals**: the Kolmogorov distance of each column of numbers or times, the total
      variation of each other column; "missing" is a value of its own.
    - **associations** of each two columns: half the difference of Pearson's correlations for
      numbers and times, else the total variation of contingency tables (numbers cut at their real
      deciles, categories into 50 levels and the rest).
    - **energy distance** of encoded rows.

    Missing cells are never dropped, except from correlations, which take the rows that have both.

    Args:
        real: Held-out rows: a pandas or polars DataFrame, a pyarrow Table, a numpy array, a dict
            of columns.
        synthetic: Sampled rows with the same columns, of any make.
        train: The rows that the model was fitted to, if wanted: then the marginal error is also
            set against that of the training rows themselves (drawn with replacement, 10 times),
            and rows that repeat a training row are counted.
        random_state: Seed of subsamples, folds and bootstraps.
        max_rows: C2ST uses at most this many rows of each frame.
        max_energy_rows: The energy distance uses at most this many, as its cost grows with the
            square.

    Returns:
        A [`Report`][qdist.evaluate.Report]. The same frames and seed give the same one.

    Raises:
        InputError: If the frames do not have the same columns of the same kinds, one has fewer
            than 10 rows, or a number of rows is too small.

    Example:
        >>> from qdist.data.datasets import load_penguins
        >>> from qdist.evaluate import evaluate
        >>> birds = load_penguins().sample(frac=1, random_state=0)
        >>> report = evaluate(birds[::2], birds[1::2])
        >>> abs(report.c2st - 0.5) < 5 * report.c2st_noise
        True
    """
    max_rows = number("max_rows", max_rows, least=MIN_ROWS, whole=True)
    max_energy_rows = number("max_energy_rows", max_energy_rows, least=2, whole=True)
    random_state = seed_of(random_state)
    pairs = pair_columns(real, synthetic, train)
    sizes = {"real": len(pairs[0].real), "synthetic": len(pairs[0].synthetic)}
    for role, size in sizes.items():
        if size < MIN_ROWS:
            raise InputError(
                f"Expected at least {MIN_ROWS} rows; the {role} frame has {size}. Sample more."
            )
    rng = np.random.default_rng(random_state)
    n = min(max_rows, *sizes.values())
    rows = _draw(rng, pairs[0], n)
    areas = c2st(pairs, rows, seed=random_state)
    marginals = _marginals(pairs, rng, with_train=train is not None)
    error = float(np.mean([m.error for m in marginals]))
    floor = [m.bootstrap for m in marginals if m.bootstrap is not None]
    associations = _associations(pairs)
    energy_rows = _draw(rng, pairs[0], max_energy_rows)
    copied = copied_shares(pairs) if train is not None else (None, None)
    return Report(
        c2st=float(np.mean(areas)),
        c2st_folds=areas,
        c2st_noise=c2st_noise(n),
        marginal_error=error,
        marginal_ratio=_ratio(error, float(np.mean(floor))) if floor else None,
        association_error=float(np.mean([a.error for a in associations]))
        if associations
        else None,
        energy_distance=joint_energy_distance(pairs, energy_rows),
        copied=copied[0],
        copied_real=copied[1],
        marginals=marginals,
        associations=associations,
        settings={
            "n_real": sizes["real"],
            "n_synthetic": sizes["synthetic"],
            "n_train": len(pairs[0].train),
            "c2st_rows": n,
            "c2st_trees": N_TREES,
            "c2st_folds": N_FOLDS,
            "energy_rows": [len(r) for r in energy_rows],
            "bootstraps": N_BOOTSTRAPS if floor else 0,
            "random_state": random_state,
        },
    )


def _draw(
    rng: np.random.Generator, pair: ColumnPair, n: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """At most n rows of each frame, without replacement."""
    real, synthetic = (rng.permutation(len(x))[:n] for x in (pair.real, pair.synthetic))
    return real, synthetic


def _ratio(error: float, floor: float) -> float:
    if floor > 0:
        return error / floor
    return 1.0 if error == 0 else float("inf")


def _marginals(
    pairs: list[ColumnPair], rng: np.random.Generator, *, with_train: bool
) -> tuple[Marginal, ...]:
    # The same rows for all columns: a bootstrap of rows, not of cells.
    size = len(pairs[0].synthetic)
    draws = range(N_BOOTSTRAPS if with_train else 0)
    rows = [rng.integers(len(pairs[0].train), size=size) for _ in draws]
    return tuple(
        Marginal(
            column=pair.name,
            kind=pair.kind,
            error=marginal_distance(pair),
            missing_real=float(pair.missing[0].mean()),
            missing_synthetic=float(pair.missing[1].mean()),
            bootstrap=float(np.mean([bootstrap_distance(pair, r) for r in rows]))
            if rows
            else None,
        )
        for pair in pairs
    )


def _associations(pairs: list[ColumnPair]) -> tuple[Association, ...]:
    cut = list(zip(pairs, map(cells_of, pairs), strict=True))
    return tuple(
        Association((first.name, second.name), association_distance(first, second, a, b))
        for (first, a), (second, b) in combinations(cut, 2)
    )
