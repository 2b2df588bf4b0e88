"""How the parts of a regressor are fitted: one after another, then weighed by held-out rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from qdist.estimators.parts import Parts, Plan, as_rows, build_network
from qdist.estimators.weigh import ask_network, weigh
from qdist.laws import RegressionLaw
from qdist.regression import FeatureCodec, ForestMemory, TargetCodec, cross_fit
from qdist.training import Recipe, Rows, split, train

__all__ = ["fit_parts"]

Floats = NDArray[np.float64]

PLAIN = Recipe(
    learning_rate=2e-3, weight_decay=0.1, least_steps=2000, most_steps=4000, patience=10
)
GUIDED = Recipe(
    learning_rate=1e-3, weight_decay=0.1, least_steps=600, most_steps=2000, epochs=20, patience=20
)
# The guide carries most of what there is to know: less network has less to overfit.
GUIDED_NETWORK = {"width": 64, "layers": 2, "dropout": 0.2}
_GUIDED_TIME = 0.3  # of what the trees leave


def fit_parts(
    table: pa.Table,
    y: Floats,
    weight: Floats,
    plan: Plan,
    *,
    held_out: tuple[pa.Table, Floats] | None = None,
) -> Parts:
    """Fit a regressor.

    Args:
        table: Features of N rows.
        y: Their targets, shape (N, T).
        weight: What they count, shape (N,), of mean 1.
        plan: How.
        held_out: Features and targets for early stopping and for the shares; by default a part of
            the rows is held out.

    Returns:
        The fitted parts.

    Raises:
        InputError: If a column or a parameter cannot be worked with.
        TrainingError: If training diverges.
    """
    began = time.perf_counter()
    features = FeatureCodec.fit(table)
    targets = [TargetCodec.fit(column, weight) for column in y.T]
    z = np.stack([target.encode(y[:, t]) for t, target in enumerate(targets)], -1)
    matrix = features.matrix(table)
    parts = Parts(features, targets, [], {}, {"plain": dict(plan.network)}, [], [], [])
    questions = features.questions(matrix)
    # The trees are grown again when a fit goes on; each network goes on from where it was.
    raw = Rows(torch.tensor(matrix), torch.tensor(y))  # copies, as a frame may be read-only
    codecs = parts.to_json()
    plan.checkpoint.claim(raw, None, codec=codecs, **plan.asked).offer(dict)
    guesses = []
    if plan.trees.trees:
        shared = {k: v for k, v in plan.network.items() if k not in GUIDED_NETWORK}
        parts.settings["guided"] = {**shared, **GUIDED_NETWORK, "guesses": len(targets)}
        for t in range(len(targets)):
            unseen, trees = cross_fit(
                questions,
                y[:, t],
                folds=plan.folds,
                seed=plan.seed + 1000 * t,
                weight=weight,
                recipe=plan.trees,
            )
            guesses.append(unseen)
            parts.trees.append(trees)
    parts.profile["trees"] = time.perf_counter() - began

    checks: dict[str, Rows | None] = {}
    for name, recipe in (("guided", GUIDED), ("plain", PLAIN)):
        if name not in parts.settings:
            continue
        law = build_network(parts, name, seed=plan.seed, device=plan.device)

        def encode(
            matrix: Floats, guesses: Sequence[Floats], z: Floats, weight: Floats,
            *, name: str = name, law: RegressionLaw = law,
        ) -> Rows:  # fmt: skip
            encoded = as_rows(parts, name, matrix, guesses, z).to(law.device, law.dtype)
            return Rows(encoded, torch.from_numpy(weight).to(encoded))

        rows = encode(matrix, guesses, z, weight)
        if held_out is None:
            rows, check = split(rows, plan.fraction, plan.seed)
        else:
            check = _given_rows(parts, held_out, encode)
        law.start(rows.y, weight=rows.weight)
        limits = plan.limits[name == "guided"]
        if limits.max_time is not None:
            left = limits.max_time - (time.perf_counter() - began)
            left *= _GUIDED_TIME if name == "guided" else 1.0
            limits = replace(limits, max_time=max(0.1, left))
        kept = plan.checkpoint.part(name)
        kept.seed(plan.seed)
        result = train(
            law,
            rows,
            check,
            limits=limits,
            recipe=replace(
                recipe,
                batch_size=plan.batch_size,
                learning_rate=recipe.learning_rate * plan.rate,
            ),
            seed=plan.seed,
            callbacks=plan.callbacks,
            checkpoint=kept.claim(rows, check, codec=codecs, **plan.asked),
        )
        parts.networks[name], checks[name] = law, check
        parts.n_steps.append(result.n_steps)
        parts.history += [{"network": name, **record} for record in result.history]
        parts.profile |= {f"{name} {key}": s for key, s in result.profile.items()}
        if result.stopped == "user":  # what is there makes a forecast; more was not waited for
            parts.settings = {key: parts.settings[key] for key in parts.networks}
            break
    began_weighing = time.perf_counter()
    _weigh(parts, plan, z, weight, questions, checks, held_out=held_out)
    parts.profile["weighing"] = time.perf_counter() - began_weighing
    parts.profile["total"] = time.perf_counter() - began
    return parts


def _given_rows(
    parts: Parts, held_out: tuple[pa.Table, Floats], encode: Callable[..., Rows]
) -> Rows:
    table, y = held_out
    matrix = parts.features.matrix(table)
    questions = parts.features.questions(matrix)
    guesses = [trees.predict(questions) for trees in parts.trees]
    z = [target.encode(y[:, t]) for t, target in enumerate(parts.targets)]
    return encode(matrix, guesses, np.stack(z, -1), np.ones(len(y)))


def _weigh(
    parts: Parts,
    plan: Plan,
    z: Floats,
    weight: Floats,
    questions: Floats,
    checks: dict[str, Rows | None],
    *,
    held_out: tuple[pa.Table, Floats] | None,
) -> None:
    """Grow forests, choose the shares by held-out rows, keep the forests that have one."""
    count, everything = len(parts.targets), np.arange(len(z))
    checked = [check for check in checks.values() if check is not None]
    if not checked:  # nothing to choose by
        even = [1.0 / len(checks)] * len(checks)
        parts.shares, parts.spreads = [[*even, 0.0]] * count, [1.0] * count
        parts.memories = [None] * count
        return
    if held_out is None:
        # The same rows as of the networks: the split depends on nothing but number and seed.
        index = Rows(torch.from_numpy(everything)[:, None], torch.from_numpy(weight))
        rest, apart = split(index, plan.fraction, plan.seed)
        assert apart is not None
        kept, asked = rest.y[:, 0].numpy(), questions[apart.y[:, 0].numpy()]
    else:
        kept = everything
        asked = parts.features.questions(parts.features.matrix(held_out[0]))
    found = [
        ask_network(parts.networks[name], check.y)
        for name, check in zip(checks, checked, strict=True)
    ]
    y, mass = checked[0].y[:, -count:].cpu().double(), checked[0].weight.cpu()

    def grow(rows: NDArray[np.int64], t: int) -> ForestMemory:
        values = parts.targets[t].atoms
        return ForestMemory.fit(
            questions[rows],
            z[rows, t],
            weight=weight[rows],
            seed=plan.seed + 1000 * t,
            grid=None if values is None else np.array(values),
            recipe=plan.memory,
        )

    for t, target in enumerate(parts.targets):
        laws, memory = [law[t] for law in found], None
        if plan.memory.trees:
            memory = grow(kept, t)
            laws.append(memory.law(asked, levels=parts.knots(t)))
        shares, spread = weigh(laws, y[:, t], mass, few=target.atoms is not None)
        shares = shares if plan.memory.trees else [*shares, 0.0]
        if not shares[-1]:
            memory = None
        elif len(kept) < len(everything):  # now that the share is chosen it may see all rows
            memory = grow(everything, t)
        parts.shares.append(shares)
        parts.spreads.append(spread)
        parts.memories.append(memory)
