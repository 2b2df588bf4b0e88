"""Laws of tables whose conditional laws are known in closed form."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

__all__ = ["LAWS", "KnownLaw", "Question"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """One conditional law of a known law.

    Attributes:
        column: The column asked for.
        given: The columns that are known.
        cdf: Its true cdf: points (G,) and conditions (N rows) to probabilities (N, G).
    """

    column: str
    given: tuple[str, ...]
    cdf: Callable[[Floats, pd.DataFrame], Floats]


@dataclass(frozen=True)
class KnownLaw:
    """A law to draw from, with questions whose answers are known.

    Attributes:
        draw: A generator and a number of rows to a frame.
        questions: What can be asked.
        smooth: Whether it is smooth: less regret is asked for then.
    """

    draw: Callable[[np.random.Generator, int], pd.DataFrame]
    questions: tuple[Question, ...]
    smooth: bool


# A Gaussian copula with marginals of three kinds.

_R = np.array([[1.0, 0.7, -0.4], [0.7, 1.0, 0.1], [-0.4, 0.1, 1.0]])
_MARGINALS = {"gamma": stats.gamma(2), "student": stats.t(5), "normal": stats.norm(10, 3)}


def _copula(rng: np.random.Generator, n: int) -> pd.DataFrame:
    z = rng.multivariate_normal(np.zeros(3), _R, n)
    u = stats.norm.cdf(z)
    return pd.DataFrame({m: law.ppf(u[:, i]) for i, (m, law) in enumerate(_MARGINALS.items())})


def _copula_question(column: str, given: tuple[str, ...]) -> Question:
    names = list(_MARGINALS)
    i, known = names.index(column), [names.index(g) for g in given]
    weights = np.linalg.solve(_R[np.ix_(known, known)], _R[known, i]) if known else np.zeros(0)
    spread = np.sqrt(1 - weights @ _R[known, i]) if known else 1.0

    def cdf(points: Floats, rows: pd.DataFrame) -> Floats:
        mean = np.zeros(len(rows))
        for weight, name in zip(weights, given, strict=True):
            mean += weight * stats.norm.ppf(_MARGINALS[name].cdf(rows[name]))
        z = stats.norm.ppf(_MARGINALS[column].cdf(points))
        return stats.norm.cdf((z[None] - mean[:, None]) / spread)

    return Question(column, given, cdf)


# Four modes whose weights and places follow x.

_MODES = np.array([-3.0, -1.0, 1.0, 3.0])
_TILT = np.array([0.8, -0.5, 0.3, -0.6])


def _weights(x: Floats) -> Floats:
    logits = x[:, None] * _TILT
    weight = np.exp(logits - logits.max(1, keepdims=True))
    return weight / weight.sum(1, keepdims=True)


def _modes(rng: np.random.Generator, n: int) -> pd.DataFrame:
    x = rng.normal(size=n)
    k = (rng.random(n)[:, None] > _weights(x).cumsum(1)[:, :-1]).sum(1)
    return pd.DataFrame({"x": x, "y": _MODES[k] + 0.5 * x + 0.3 * rng.normal(size=n)})


def _modes_cdf(points: Floats, rows: pd.DataFrame) -> Floats:
    x = rows["x"].to_numpy()
    means = _MODES + 0.5 * x[:, None]
    parts = stats.norm.cdf((points[None, :, None] - means[:, None]) / 0.3)
    return (parts * _weights(x)[:, None]).sum(-1)


# Zero or log-normal, as rain is.


def _rain(rng: np.random.Generator, n: int) -> pd.DataFrame:
    x = rng.normal(size=n)
    dry = rng.random(n) < 1 / (1 + np.exp(1.5 * x))
    return pd.DataFrame(
        {"x": x, "y": np.where(dry, 0, np.exp(0.7 * x + 0.5 * rng.normal(size=n)))}
    )


def _rain_cdf(points: Floats, rows: pd.DataFrame) -> Floats:
    x = rows["x"].to_numpy()[:, None]
    dry = 1 / (1 + np.exp(1.5 * x))
    with np.errstate(divide="ignore"):
        wet = stats.norm.cdf((np.log(np.maximum(points, 0)) - 0.7 * x) / 0.5)
    return np.where(points < 0, 0.0, dry + (1 - dry) * wet)


# Counts.


def _counts(rng: np.random.Generator, n: int) -> pd.DataFrame:
    x = rng.normal(size=n)
    return pd.DataFrame({"x": x, "y": rng.poisson(np.exp(1 + 0.7 * x))})


def _counts_cdf(points: Floats, rows: pd.DataFrame) -> Floats:
    return stats.poisson.cdf(points[None], np.exp(1 + 0.7 * rows["x"].to_numpy()[:, None]))


# A level that drives two numbers.

_GROUPS = {
    "a": (0.30, -2.0, 1.0, 1.0, 0.8, 0.5),  # share, mean and spread of u; then v = c + d u, spread
    "b": (0.25, 0.0, 0.5, -1.0, -1.0, 0.3),
    "c": (0.25, 2.0, 1.0, 0.0, 0.0, 1.0),
    "d": (0.20, 1.0, 2.0, 2.0, 0.5, 0.8),
}


def _groups(rng: np.random.Generator, n: int) -> pd.DataFrame:
    table = np.array(list(_GROUPS.values()))
    k = rng.choice(len(table), n, p=table[:, 0])
    _, mean, spread, c, d, noise = table[k].T
    u = mean + spread * rng.normal(size=n)
    v = c + d * u + noise * rng.normal(size=n)
    return pd.DataFrame({"k": np.array(list(_GROUPS))[k], "u": u, "v": v})


def _v_cdf(points: Floats, rows: pd.DataFrame) -> Floats:
    _, _, _, c, d, noise = np.array([_GROUPS[k] for k in rows["k"]]).T
    mean = c + d * rows["u"].to_numpy()
    return stats.norm.cdf((points[None] - mean[:, None]) / noise[:, None])


def _u_cdf(points: Floats, rows: pd.DataFrame) -> Floats:
    _, m, s, c, d, noise = np.array([_GROUPS[k] for k in rows["k"]]).T
    precision = 1 / s**2 + d**2 / noise**2
    mean = (m / s**2 + d * (rows["v"].to_numpy() - c) / noise**2) / precision
    return stats.norm.cdf((points[None] - mean[:, None]) * np.sqrt(precision)[:, None])


def _u_of_k_cdf(points: Floats, rows: pd.DataFrame) -> Floats:
    _, m, s, *_ = np.array([_GROUPS[k] for k in rows["k"]]).T
    return stats.norm.cdf((points[None] - m[:, None]) / s[:, None])


LAWS = {
    "copula": KnownLaw(
        _copula,
        (
            _copula_question("student", ("gamma", "normal")),
            _copula_question("gamma", ("student", "normal")),
            _copula_question("normal", ("gamma",)),
        ),
        smooth=True,
    ),
    "four modes": KnownLaw(_modes, (Question("y", ("x",), _modes_cdf),), smooth=False),
    "zero or log-normal": KnownLaw(_rain, (Question("y", ("x",), _rain_cdf),), smooth=False),
    "Poisson": KnownLaw(_counts, (Question("y", ("x",), _counts_cdf),), smooth=True),
    "level and two numbers": KnownLaw(
        _groups,
        (
            Question("v", ("k", "u"), _v_cdf),
            Question("u", ("k", "v"), _u_cdf),
            Question("u", ("k",), _u_of_k_cdf),
        ),
        smooth=True,
    ),
}
