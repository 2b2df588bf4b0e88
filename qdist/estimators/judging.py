"""What the parts of a regressor are to count, judged by rows that they have not seen."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from qdist.estimators.join import join_pieces
from qdist.estimators.parts import Parts, Plan
from qdist.estimators.weigh import ask_copies, ask_network, weigh
from qdist.quantile import PiecewiseLinear
from qdist.regression import ForestMemory
from qdist.training import Rows, split

__all__ = ["Data", "count_alike", "judge"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """N rows as the parts want them.

    Args:
        matrix: The features.
        questions: What trees and forests ask about.
        guesses: For each target the trees' guesses of rows that they have not seen.
        z: The targets, encoded.
        weight: What the rows count.
        held_out: Features and targets that were given to validate by.
    """

    matrix: Floats
    questions: Floats
    guesses: list[Floats]
    z: Floats
    weight: Floats
    held_out: tuple[pa.Table, Floats] | None


@dataclass(frozen=True)
class _Unseen:
    """The rows that shares are chosen by, those of all copies one after another.

    Args:
        laws: What each network says of each target of these rows.
        y: The targets, shape (N, T).
        weight: What the rows count.
        apart: For each part of them the training rows besides, and what a forest is asked there.
    """

    laws: list[list[PiecewiseLinear]]
    y: Tensor
    weight: Tensor
    apart: list[tuple[NDArray[np.int64], Floats]]


def _unseen(parts: Parts, plan: Plan, data: Data, checks: list[list[Rows]]) -> _Unseen:
    """What was held out: for each copy, in the order of its networks, the rows as these take them.

    Of a training row only the copy may speak that has not seen it. Rows that were given to
    validate by none has seen: of them the copies speak together.
    """
    networks, everything = list(parts.networks.values()), np.arange(len(data.z))
    if data.held_out is None:
        index = Rows(torch.from_numpy(everything)[:, None], torch.from_numpy(data.weight))
        apart = []
        for copy in range(len(checks)):
            # The same rows as in training: a split depends on nothing but numbers and seed.
            rest, held = split(index, plan.fraction, plan.seed, part=copy)
            assert held is not None
            apart.append((rest.y[:, 0].numpy(), data.questions[held.y[:, 0].numpy()]))
        laws = []
        for k, copies in enumerate(networks):
            each = [ask_network(law, rows[k].y) for law, rows in zip(copies, checks, strict=True)]
            laws.append([join_pieces(list(of_target)) for of_target in zip(*each, strict=True)])
    else:
        asked = parts.features.questions(parts.features.matrix(data.held_out[0]))
        apart, checks = [(everything, asked)], checks[:1]
        laws = [
            ask_copies(copies, rows.y) for copies, rows in zip(networks, checks[0], strict=True)
        ]
    y = torch.cat([rows[0].y[:, -len(parts.targets) :].cpu().double() for rows in checks])
    weight = torch.cat([rows[0].weight.cpu() for rows in checks])
    return _Unseen(laws, y, weight, apart)


def judge(parts: Parts, plan: Plan, data: Data, checks: list[dict[str, Rows | None]]) -> None:
    """Grow forests, choose the shares by held-out rows, keep the forests that have one.

    Args:
        parts: The trained networks; shares, spreads and forests are added.
        plan: How they were trained.
        data: Of what.
        checks: For each copy, by the name of each network, the rows that it has not seen; None
            where there are none.
    """
    held = [[rows for rows in check.values() if rows is not None] for check in checks]
    if not held[0]:  # nothing to choose by
        count_alike(parts)
        return
    unseen = _unseen(parts, plan, data, held)

    def grow(rows: NDArray[np.int64] | slice, t: int) -> ForestMemory:
        values = parts.targets[t].atoms
        return ForestMemory.fit(
            data.questions[rows],
            data.z[rows, t],
            weight=data.weight[rows],
            seed=plan.seed + 1000 * t,
            grid=None if values is None else np.array(values),
            recipe=plan.memory,
        )

    for t, target in enumerate(parts.targets):
        laws, memory = [law[t] for law in unseen.laws], None
        if plan.memory.trees:
            grown = [grow(rows, t) for rows, _ in unseen.apart]
            memory = grown[0]
            laws.append(
                join_pieces(
                    [
                        forest.law(asked, levels=parts.knots(t))
                        for forest, (_, asked) in zip(grown, unseen.apart, strict=True)
                    ]
                )
            )
        shares, spread = weigh(laws, unseen.y[:, t], unseen.weight, target=target)
        shares = shares if plan.memory.trees else [*shares, 0.0]
        if not shares[-1]:
            memory = None
        elif data.held_out is None:  # now that the share is chosen it may see all rows
            memory = grow(slice(None), t)
        parts.shares.append(shares)
        parts.spreads.append(spread)
        parts.memories.append(memory)


def count_alike(parts: Parts) -> None:
    """Let all networks count alike, and no forest: what is left where nothing was judged."""
    count, even = len(parts.targets), [1.0 / len(parts.networks)] * len(parts.networks)
    parts.shares, parts.spreads = [[*even, 0.0] for _ in range(count)], [1.0] * count
    parts.memories = [None] * count
