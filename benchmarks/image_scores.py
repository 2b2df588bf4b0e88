"""How far drawn images are from real ones: the arithmetic, which knows no networks."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from qdist.scores import crps_ensemble, energy_score

__all__ = [
    "background",
    "flatness",
    "frechet_distance",
    "inpainting_scores",
    "kernel_distance",
    "precision_recall",
]

Floats = npt.NDArray[np.float64]


def frechet_distance(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    r"""The Frechet distance of two normal laws with the moments of two samples.

    $\|m_x - m_y\|^2 + \mathrm{tr}(S_x + S_y - 2 (S_x S_y)^{1/2})$. The last trace is the sum of
    the roots of the eigenvalues of $S_x^{1/2} S_y S_x^{1/2}$, which is symmetric: no root of an
    asymmetric matrix, and no imaginary part to be dropped.

    Args:
        x: One sample, shape (N, D).
        y: The other, shape (M, D).

    Returns:
        The distance, 0 for equal samples. It is biased upwards by an amount that depends on N and
        M: compare only what was computed from as many.

    Example:
        >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
        >>> round(frechet_distance(x, x + [3.0, 4.0]), 6)  # 3^2 + 4^2
        25.0
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(np.atleast_2d(cov_a))
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ np.atleast_2d(cov_b) @ root).clip(min=0)
    shift = a.mean(0) - b.mean(0)
    traces = np.trace(np.atleast_2d(cov_a)) + np.trace(np.atleast_2d(cov_b))
    return max(0.0, float(shift @ shift + traces - 2 * np.sqrt(inner).sum()))


def kernel_distance(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    r"""The unbiased squared maximum mean discrepancy with kernel $(x^\top y / D + 1)^3$.

    Zero on average for equal laws, whatever the sizes; so it may come out slightly negative.

    Source: "Demystifying MMD GANs" (Binkowski et al., 2018), https://arxiv.org/abs/1801.01401

    Args:
        x: One sample, shape (N, D).
        y: The other, shape (M, D).

    Returns:
        The distance.

    Example:
        >>> kernel_distance([[0.0], [0.0]], [[1.0], [1.0]])  # 1 + 2^3 - 2 * 1
        7.0
    """
    a, b = np.asarray(x, float), np.asarray(y, float)

    def kernel(p: Floats, q: Floats) -> Floats:
        return np.asarray((p @ q.T / p.shape[1] + 1) ** 3)

    def within(p: Floats) -> float:
        k = kernel(p, p)
        return float((k.sum() - np.trace(k)) / (len(p) * (len(p) - 1)))

    return within(a) + within(b) - 2 * float(kernel(a, b).mean())


def precision_recall(
    real: npt.ArrayLike, drawn: npt.ArrayLike, *, k: int = 3
) -> tuple[float, float]:
    """Which share of the drawn lies among the real, and of the real among the drawn.

    A point lies among others if one of them has it nearer than its own k-th neighbour.

    Source: "Improved Precision and Recall Metric for Assessing Generative Models" (Kynkaanniemi
    et al., 2019), https://arxiv.org/abs/1904.06991

    Args:
        real: Features of real images, shape (N, D).
        drawn: Features of drawn images, shape (M, D).
        k: Which neighbour.

    Returns:
        Precision and recall.

    Example:
        >>> precision_recall([[0.0], [1.0], [9.0]], [[0.5], [0.6], [0.7]], k=1)
        (1.0, 0.0)
    """
    a, b = np.asarray(real, float), np.asarray(drawn, float)

    def covered(points: Floats, centres: Floats) -> float:
        radius = np.sort(cdist(centres, centres), 1)[:, k]  # the 0-th neighbour is the point
        return float((cdist(points, centres) <= radius).any(1).mean())

    return covered(b, a), covered(a, b)


def inpainting_scores(truth: Any, draws: Any, mask: Any) -> dict[str, float]:
    """The fair CRPS and the energy score of hidden pixels, grey values divided by 255.

    Args:
        truth: Images, shape (N, H, W) or (N, H, W, C), uint8.
        draws: Completions, shape (S, N, H, W) or (S, N, H, W, C), uint8.
        mask: True where a pixel was hidden, shape (H, W).

    Returns:
        `crps`, the mean over hidden grey values; `energy`, the mean over images.
    """
    y = np.asarray(truth, float)[:, mask].reshape(len(truth), -1) / 255
    x = np.asarray(draws, float)[:, :, mask].reshape(*np.shape(draws)[:2], -1) / 255
    return {
        "crps": float(crps_ensemble(y, np.moveaxis(x, 0, -1)).mean()),
        "energy": float(energy_score(y, np.moveaxis(x, 0, 1)).mean()),
    }


def background(real: Any, *, share: float = 0.995) -> npt.NDArray[np.bool_]:
    """The places that are exactly 0 in at least such a share of real images, shape (H, W, ...)."""
    return np.asarray((np.asarray(real) == 0).mean(0) >= share)


def flatness(real: Any, drawn: Any) -> dict[str, float]:
    """What became of exact zeros.

    Args:
        real: Real images, shape (N, ...), uint8.
        drawn: Drawn images, shape (M, ...), uint8.

    Returns:
        `background_grey`: mass on values other than 0 where real images are flat, beyond that of
        the real ones; `zeros` and `zeros_real`: shares of zeros; `faint` and `faint_real`: shares
        of values 1 ... 15.
    """
    a, b = np.asarray(real), np.asarray(drawn)
    flat = background(a)
    grey = float((b[:, flat] > 0).mean() - (a[:, flat] > 0).mean()) if flat.any() else float("nan")
    parts = {"background_grey": grey}
    for name, images in (("", b), ("_real", a)):
        parts[f"zeros{name}"] = float((images == 0).mean())
        parts[f"faint{name}"] = float(((images > 0) & (images < 16)).mean())
    return parts
