"""Rows as points: their energy distance, and how many repeat a training row."""

import numpy as np
import numpy.typing as npt

from qdist.data.pairs import ColumnPair
from qdist.scores import energy_distance

__all__ = ["copied_shares", "joint_energy_distance"]

N_LEVELS = 50


def joint_energy_distance(
    pairs: list[ColumnPair],
    rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> float:
    r"""The energy distance of encoded rows, unbiased: about 0 for equal laws.

    A number becomes its level in [0, 1] under the real marginal (mid-distribution, so that an atom
    is one point), 1/2 where it is missing, with a 0/1 coordinate that says so; a category becomes
    indicators over $\sqrt 2$ of its 50 most frequent levels, so that two levels are 1 apart.

    Args:
        pairs: The columns.
        rows: The real and the synthetic rows to use.
    """
    encoded = [_encode(pair, rows) for pair in pairs]
    real, synthetic = (np.column_stack(points) for points in zip(*encoded, strict=True))
    return energy_distance(real, synthetic)


def copied_shares(pairs: list[ColumnPair]) -> tuple[float, float]:
    """The share of synthetic and of real rows all of whose cells equal those of a training row.

    Compare the two: real rows too repeat one another where a table has few columns.
    """
    sides: list[list[npt.NDArray[np.int64]]] = [[], [], []]
    for pair in pairs:
        trio = (pair.real, pair.synthetic, pair.train)
        codes = np.unique(np.concatenate(trio), return_inverse=True)[1]
        ends = np.cumsum([len(values) for values in trio])[:-1]
        for side, part in zip(sides, np.split(codes, ends), strict=True):
            side.append(part)
    real, synthetic, train = ([row.tobytes() for row in np.column_stack(side)] for side in sides)
    seen = set(train)
    shares = [float(np.mean([row in seen for row in rows])) for rows in (synthetic, real)]
    return shares[0], shares[1]


def _encode(
    pair: ColumnPair, rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The points of some rows; frequent levels and the marginal are those of all rows."""
    asked = pair.real[rows[0]], pair.synthetic[rows[1]]
    if pair.is_category:
        size = len(pair.levels) + 1
        count = np.bincount(pair.real, minlength=size) + np.bincount(
            pair.synthetic, minlength=size
        )
        kept = np.argsort(-count, kind="stable")[:N_LEVELS]
        real, synthetic = ((values[:, None] == kept) / np.sqrt(2) for values in asked)
        return real, synthetic
    known = np.sort(pair.real[~np.isnan(pair.real)])
    encoded = []
    for values in asked:
        below = np.searchsorted(known, values, side="left")
        upto = np.searchsorted(known, values, side="right")
        hole = np.isnan(values)
        level = np.where(hole, 0.5, (below + upto) / (2 * max(len(known), 1)))
        encoded.append(np.column_stack([level, hole]))
    return encoded[0], encoded[1]
