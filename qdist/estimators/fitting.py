"""How the parts of a regressor are fitted: one after another, then weighed by held-out rows."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from qdist.estimators.judging import Data, count_alike, judge
from qdist.estimators.parts import Parts, Plan, as_rows, build_network
from qdist.files import check_regression
from qdist.laws import RegressionLaw
from qdist.regression import FeatureCodec, Guess, TargetCodec
from qdist.training import Limits, Recipe, Rows, split, train

__all__ = ["fit_parts"]

log = logging.getLogger(__name__)

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
# Where rows are few a tenth of them is hardly enough to stop and to weigh by.
_COPIES, _FEW_ROWS = 3, 2000
_NEXT_SEED = 1_000_003  # from one copy to the next


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
    watch = _Watch()
    features = FeatureCodec.fit(table)
    check_regression(features)  # what cannot be saved is not trained first
    targets = [TargetCodec.fit(column, weight, few_values=plan.few_values) for column in y.T]
    z = np.stack([target.encode(y[:, t]) for t, target in enumerate(targets)], -1)
    matrix = features.matrix(table)
    parts = Parts(features, targets, [], {}, {"plain": dict(plan.network)}, [], [], [])
    questions = features.questions(matrix)
    # The trees are grown again when a fit goes on; each network goes on from where it was.
    raw = Rows(torch.tensor(matrix), torch.tensor(y))  # copies, as a frame may be read-only
    codecs = parts.to_json()
    plan.checkpoint.claim(raw, None, codec=codecs, **plan.asked).offer(dict)
    copies = plan.copies or (_COPIES if len(z) < _FEW_ROWS else 1)
    guesses = []
    if plan.trees.symmetric.trees:
        shared = {k: v for k, v in plan.network.items() if k not in GUIDED_NETWORK}
        parts.settings["guided"] = {**shared, **GUIDED_NETWORK, "guesses": len(targets)}
        for t in range(len(targets)):
            unseen, guess = Guess.cross_fit(
                questions,
                y[:, t],
                repeats=copies,
                seed=plan.seed + 1000 * t,
                weight=weight,
                recipe=plan.trees,
            )
            guesses.append(unseen)
            parts.trees.append(guess)
    parts.profile["trees"] = watch.seconds

    data = Data(matrix, questions, guesses, z, weight, held_out)
    checks: list[dict[str, Rows | None]] = []
    for copy in range(copies):
        limits = [_shared(limit, watch, copies - copy) for limit in plan.limits]
        found: dict[str, Rows | None] = {}
        try:
            stopped = _train_copy(parts, plan, data, copy, limits, codecs, found, watch)
        except KeyboardInterrupt:
            if not parts.networks:
                raise
            stopped = True
        if not copy:  # a fit that was interrupted early has only the first network
            parts.settings = {name: parts.settings[name] for name in parts.networks}
        if len(found) == len(parts.settings):
            checks.append(found)
        else:  # half a copy is of no use beside whole ones
            for trained in parts.networks.values():
                del trained[copy:]
        if stopped:
            break
    began_weighing = time.perf_counter()
    try:
        judge(parts, plan, data, checks)
    except KeyboardInterrupt:
        log.warning("stopped by the user before shares were chosen: the networks count alike")
        count_alike(parts)
    parts.profile["weighing"] = time.perf_counter() - began_weighing
    parts.profile["total"] = watch.seconds
    return parts


class _Watch:
    """Seconds of a fit, those that its networks took before an interruption included."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


def _shared(limit: Limits, watch: _Watch, by: int) -> Limits:
    """A limit with an equal part of the time that is left."""
    if limit.max_time is None:
        return limit
    return replace(limit, max_time=(limit.max_time - watch.seconds) / by)


def _train_copy(
    parts: Parts,
    plan: Plan,
    data: Data,
    copy: int,
    limits: Sequence[Limits],
    codecs: dict[str, Any],
    checks: dict[str, Rows | None],
    watch: _Watch,
) -> bool:
    """Train a copy of each network into `parts`.

    Into `checks` go, by the name of each network that is trained, the rows that it has not seen,
    None where there are none.

    Returns:
        Whether the user has stopped it, perhaps before all networks were trained.
    """
    began, seed = watch.seconds, (plan.seed + _NEXT_SEED * copy) % 2**63
    for name, recipe in (("guided", GUIDED), ("plain", PLAIN)):
        if name not in parts.settings:
            continue
        law = build_network(parts, name, seed=seed, device=plan.device)

        def encode(
            matrix: Floats, guesses: Sequence[Floats], z: Floats, weight: Floats,
            *, name: str = name, law: RegressionLaw = law,
        ) -> Rows:  # fmt: skip
            encoded = as_rows(parts, name, matrix, guesses, z).to(law.device, law.dtype)
            return Rows(encoded, torch.from_numpy(weight).to(encoded))

        rows = encode(data.matrix, data.guesses, data.z, data.weight)
        if data.held_out is None:
            rows, check = split(rows, plan.fraction, plan.seed, part=copy)
        else:
            check = _given_rows(parts, data.held_out, encode)
        law.start(rows.y, weight=rows.weight)
        limit = limits[name == "guided"]
        if limit.max_time is not None:
            left = limit.max_time - (watch.seconds - began)
            left *= _GUIDED_TIME if name == "guided" else 1.0
            limit = replace(limit, max_time=max(0.1, left))
        # No more steps than in the first copy, so that its numbers of steps repeat the fit. Under
        # a limit on time a later copy may be planned shorter, and then they do not.
        if copy:
            limit = replace(limit, max_steps=parts.n_steps[len(checks)])
        kept = plan.checkpoint.part(f"{name}-{copy}" if copy else name)
        kept.seed(seed)
        result = train(
            law,
            rows,
            check,
            limits=limit,
            recipe=replace(
                recipe,
                batch_size=plan.batch_size,
                learning_rate=recipe.learning_rate * plan.rate,
            ),
            seed=seed,
            callbacks=plan.callbacks,
            checkpoint=kept.claim(rows, check, codec=codecs, **plan.asked),
        )
        if kept.state is not None:
            watch.began -= float(kept.state["seconds"])
        parts.networks.setdefault(name, []).append(law)
        checks[name] = check
        if not copy:
            parts.n_steps.append(result.n_steps)
        parts.history += [{"network": name, "copy": copy, **r} for r in result.history]
        for key, seconds in result.profile.items():
            total = parts.profile.get(f"{name} {key}", 0.0) + seconds
            parts.profile[f"{name} {key}"] = total
        if result.stopped == "user":  # what is trained makes a forecast: do not train more
            return True
    return False


def _given_rows(
    parts: Parts, held_out: tuple[pa.Table, Floats], encode: Callable[..., Rows]
) -> Rows:
    table, y = held_out
    matrix = parts.features.matrix(table)
    questions = parts.features.questions(matrix)
    guesses = [trees.predict(questions) for trees in parts.trees]
    z = [target.encode(y[:, t]) for t, target in enumerate(parts.targets)]
    return encode(matrix, guesses, np.stack(z, -1), np.ones(len(y)))
