"""The methods of `benchmarks.joint`: a small adapter each, with default settings.

An adapter fits a frame and returns a function that draws so many rows. What a method cannot do
itself (missing cells, whole numbers) is done by `benchmarks.joint_frames`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.c2st import is_number
from benchmarks.joint_frames import with_gaps, without_gaps

Sampler = Callable[[int], pd.DataFrame]


@dataclass(frozen=True)
class Task:
    """What an adapter is told, beside the rows.

    Attributes:
        seed: Of the fit; global generators are seeded with it before.
        seconds: The time for the fit, for those who keep it themselves.
        budget: How many epochs, copies or rounds; see `Method.dial`.
    """

    seed: int
    seconds: float
    budget: int | None


@dataclass(frozen=True)
class Method:
    """A joint model.

    Attributes:
        fit: Its adapter.
        packages: The distributions whose versions matter.
        dial: What of it is chosen so that the fit ends in time; None if nothing is.
        most: The default of the package for that.
    """

    fit: Callable[[pd.DataFrame, Task], Sampler]
    packages: tuple[str, ...] = ()
    dial: str | None = None
    most: int = 1


def qdist_default(frame: pd.DataFrame, task: Task) -> Sampler:
    """Ours, with its defaults and the limit on time."""
    from qdist import TabularModel

    model = TabularModel(max_time=task.seconds, random_state=task.seed).fit(frame)
    seeds = iter(range(task.seed, task.seed + 1000))
    return lambda n: model.sample(n, random_state=next(seeds))


def training_rows(frame: pd.DataFrame, task: Task) -> Sampler:
    """No model: training rows, without replacement. What real rows would score."""
    return lambda n: frame.sample(n, random_state=task.seed).reset_index(drop=True)


def tvae(frame: pd.DataFrame, task: Task) -> Sampler:
    """A variational autoencoder (Xu et al., 2019)."""
    from ctgan import TVAE

    return _ctgan(TVAE(epochs=task.budget), frame)


def ctgan(frame: pd.DataFrame, task: Task) -> Sampler:
    """A conditional adversarial network (Xu et al., 2019)."""
    from ctgan import CTGAN

    return _ctgan(CTGAN(epochs=task.budget), frame)


def _ctgan(model: Any, frame: pd.DataFrame) -> Sampler:
    plain = without_gaps(frame)
    model.fit(plain, discrete_columns=[name for name in plain if not is_number(plain[name])])
    return lambda n: with_gaps(model.sample(n), frame)


def gaussian_copula(frame: pd.DataFrame, task: Task) -> Sampler:
    """SDV's Gaussian copula, beta marginals; it takes missing cells, and puts as many back."""
    del task
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer

    rows = frame.copy()
    for name in rows:
        if not is_number(rows[name]):
            rows[name] = rows[name].astype(object).map(str, na_action="ignore")
        else:
            rows[name] = rows[name].astype(float)
    kinds = {n: "numerical" if is_number(frame[n]) else "categorical" for n in frame}
    columns = {name: {"sdtype": kind} for name, kind in kinds.items()}
    metadata = Metadata.load_from_dict({"tables": {"table": {"columns": columns}}})
    model = GaussianCopulaSynthesizer(metadata)
    model.fit({"table": rows})
    return lambda n: model.sample(n)["table"]


def arf(frame: pd.DataFrame, task: Task) -> Sampler:
    """Adversarial random forests (Watson et al., 2023)."""
    from arfpy import arf as package

    model = package.arf(without_gaps(frame), max_iters=task.budget, verbose=False)
    model.forde()
    return lambda n: with_gaps(model.forge(n), frame)


def unmasking_trees(frame: pd.DataFrame, task: Task) -> Sampler:
    """One boosted tree model a column, of rows that lose their cells (McCarter, 2024)."""
    from utrees import UnmaskingTrees

    coded = Codes(without_gaps(frame))
    kinds = ["continuous" if number else "categorical" for number in coded.numbers]
    model = UnmaskingTrees(duplicate_K=task.budget, random_state=task.seed)
    model.fit(coded.matrix, quantize_cols=kinds)
    return lambda n: with_gaps(coded.rows(model.generate(n)), frame)


def forest_diffusion(frame: pd.DataFrame, task: Task) -> Sampler:
    """Flow matching by boosted trees (Jolicoeur-Martineau et al., 2024)."""
    from ForestDiffusion import ForestDiffusionModel

    plain = without_gaps(frame)
    # It finds the indicators of column 3 by "3_" in their names, which column 13 has too. So
    # columns of many levels come first, where no number ends in another one.
    many = {name for name in plain if not is_number(plain[name]) and plain[name].nunique() > 2}
    assert len(many) <= 10
    coded = Codes(plain[sorted(plain, key=lambda name: name not in many)])
    sizes = [len(levels) for levels in coded.levels]
    whole = [np.array_equal(column, np.round(column)) for column in coded.matrix.T]
    model = ForestDiffusionModel(
        coded.matrix,
        duplicate_K=task.budget,
        bin_indexes=[i for i, size in enumerate(sizes) if 0 < size <= 2],
        cat_indexes=[i for i, size in enumerate(sizes) if size > 2],
        int_indexes=[i for i, size in enumerate(sizes) if not size and whole[i]],
        seed=task.seed,
    )
    order = list(plain)
    return lambda n: with_gaps(coded.rows(model.generate(batch_size=n))[order], frame)


def tabular_argn(frame: pd.DataFrame, task: Task) -> Sampler:
    """MOSTLY AI's autoregressive network of binned columns; it takes missing cells itself."""
    from mostlyai.engine import TabularARGN

    rows = frame.copy()
    for name in rows:
        if not is_number(rows[name]):
            rows[name] = rows[name].astype(object).map(str, na_action="ignore")
    model = TabularARGN(max_training_time=task.seconds / 60, random_state=task.seed)
    model.fit(rows)
    return lambda n: model.sample(n_samples=n)


class Codes:
    """A frame without gaps as a matrix of numbers: levels become 0, 1, 2 and so on."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.names = list(frame)
        self.numbers = [is_number(frame[name]) for name in frame]
        self.levels = [
            np.array([]) if number else np.unique(frame[name].to_numpy(dtype=str))
            for name, number in zip(frame, self.numbers, strict=True)
        ]
        columns = [
            np.searchsorted(known, frame[name].to_numpy(dtype=str)) if len(known) else frame[name]
            for name, known in zip(self.names, self.levels, strict=True)
        ]
        self.matrix = np.column_stack(columns).astype(float)

    def rows(self, matrix: np.ndarray) -> pd.DataFrame:
        """The way back, of a matrix that was drawn."""
        columns = {}
        for name, levels, values in zip(self.names, self.levels, matrix.T, strict=True):
            if len(levels):
                codes = np.clip(np.round(values.astype(float)), 0, len(levels) - 1)
                columns[name] = levels[codes.astype(int)].astype(object)
            else:
                columns[name] = values
        return pd.DataFrame(columns)


METHODS = {
    "qdist": Method(qdist_default, ("qdist",)),
    "tvae": Method(tvae, ("ctgan",), "epochs", 300),
    "ctgan": Method(ctgan, ("ctgan",), "epochs", 300),
    "gaussian_copula": Method(gaussian_copula, ("sdv", "copulas")),
    "arf": Method(arf, ("arfpy",), "rounds (max_iters)", 10),
    "unmasking_trees": Method(unmasking_trees, ("utrees", "xgboost"), "copies (duplicate_K)", 50),
    "forest_diffusion": Method(
        forest_diffusion, ("ForestDiffusion", "xgboost"), "copies (duplicate_K)", 100
    ),
    "tabular_argn": Method(tabular_argn, ("mostlyai-engine",)),
    "training_rows": Method(training_rows),
}
