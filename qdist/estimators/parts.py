"""The parts of a regressor and how they are fitted: trees, two networks, and their average.

1. Symmetric trees are boosted for the mean of each target. By cross-fitting, each training row
   gets a first guess of trees that have not seen it.
2. A small network, `guided`, learns the law of the target given the features and the guess.
3. A larger network, `plain`, learns the law given the features alone.
4. Their quantile functions are averaged, in the shares that serve the held-out rows best.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, final

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from qdist.checkpoint import fill_weights
from qdist.errors import InputError
from qdist.laws import RegressionLaw, build
from qdist.quantile import PiecewiseLinear, QuantileFunction
from qdist.regression import (
    FeatureCodec,
    SymmetricTrees,
    TargetCodec,
    average,
    cross_fit,
    spread_of,
    stretched,
)
from qdist.regression.trees import TreeRecipe
from qdist.training import Callback, Checkpoint, Limits, Recipe, Rows, split, train

__all__ = ["Parts", "Plan", "fit_parts"]

Floats = NDArray[np.float64]

_ROWS = 8192  # rows that go through the networks at once
_GRID = np.linspace(0, 1, 21)  # of shares

PLAIN = Recipe(
    learning_rate=2e-3, weight_decay=0.1, least_steps=2000, most_steps=4000, patience=10
)
GUIDED = Recipe(
    learning_rate=1e-3, weight_decay=0.1, least_steps=600, most_steps=2000, epochs=20, patience=20
)
# The guide carries most of what there is to know: less network has less to overfit.
GUIDED_NETWORK = {"width": 64, "layers": 2, "dropout": 0.2}
_GUIDED_TIME = 0.3  # of what the trees leave


@dataclass(frozen=True)
class Plan:
    """How to fit, as checked.

    Args:
        trees: How to boost; no trees, no guided network.
        folds: Parts of cross-fitting.
        network: Arguments of the plain network; those that both take go to the guided one too.
        batch_size: Rows a step, or None.
        rate: Factor on the learning rates.
        limits: When each network stops at the latest, the plain one first; times are of all.
        fraction: Share of the rows held out.
        seed: Determines all that is random.
        device: Where the networks live.
        callbacks: Called after each validation.
        checkpoint: Where the fit is kept.
        asked: The parameters that it goes by.
    """

    trees: TreeRecipe
    folds: int
    network: dict[str, Any]
    batch_size: int | None
    rate: float
    limits: tuple[Limits, Limits]
    fraction: float
    seed: int
    device: str
    callbacks: Sequence[Callback] = ()
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    asked: dict[str, Any] = field(default_factory=dict)


@final
@dataclass
class Parts:
    """A fitted regressor without its face.

    Args:
        features: From tables to numbers and codes.
        targets: One codec for each of T targets.
        trees: One sum of trees for each target; none where there is no guided network.
        networks: By name, "plain" and, where there are trees, "guided".
        settings: For each network what it was built of, besides the codecs.
        shares: For each target the shares of the networks in the average, in their order.
        spreads: For each target the factor by which its laws are stretched.
    """

    features: FeatureCodec
    targets: list[TargetCodec]
    trees: list[SymmetricTrees]
    networks: dict[str, RegressionLaw]
    settings: dict[str, dict[str, Any]]
    shares: list[list[float]]
    spreads: list[float]
    n_steps: list[int] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, float] = field(default_factory=dict)

    @torch.no_grad()
    def laws(self, table: pa.Table) -> Iterator[list[QuantileFunction]]:
        """The laws of the targets, a batch of rows at a time.

        Args:
            table: N rows.

        Yields:
            For each target a law of batch shape (at most 8192,), on the scale of the data.
        """
        for start in range(0, max(1, table.num_rows), _ROWS):
            matrix = self.features.matrix(table.slice(start, _ROWS))
            questions = self.features.questions(matrix) if self.trees else None
            guesses = [trees.predict(questions) for trees in self.trees]  # type: ignore[arg-type]
            blank = np.zeros((len(matrix), len(self.targets)))
            found = {
                name: law.laws(_rows(self, name, matrix, guesses, blank).to(law.device, law.dtype))
                for name, law in self.networks.items()
            }
            yield [
                target.decode(self._law([found[name][t] for name in found], t))
                for t, target in enumerate(self.targets)
            ]

    def _law(self, laws: list[PiecewiseLinear], t: int) -> PiecewiseLinear:
        law = average(laws, self.shares[t])
        # A target of few values has no width to stretch.
        return law if self.targets[t].atoms is not None else stretched(law, self.spreads[t])

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name."""
        named = {
            f"{name}.{key}": w
            for name, law in self.networks.items()
            for key, w in law.state_dict().items()
        }
        for t, trees in enumerate(self.trees):
            named |= {f"trees.{t}.{key}": w for key, w in trees.tensors().items()}
        return named

    def to_json(self) -> dict[str, Any]:
        """All that is no tensor, as JSON-able data."""
        return {
            "features": self.features.to_json(),
            "targets": [target.to_json() for target in self.targets],
            "trees": len(self.trees),
            # In the order of training, as the shares are.
            "networks": {name: self.settings[name] for name in self.networks},
            "shares": self.shares,
            "spreads": self.spreads,
        }

    @classmethod
    def from_file(cls, data: dict[str, Any], weights: dict[str, Tensor]) -> Self:
        """The parts that `to_json` and `tensors` describe.

        Raises:
            FileFormatError: If the tensors are not those of the description.
        """
        features = FeatureCodec.from_json(data["features"])
        targets = [TargetCodec.from_json(target) for target in data["targets"]]
        of = _by_part(weights)
        questions = features.questions(np.zeros((0, len(features.columns)))).shape[1]
        trees = [
            SymmetricTrees.from_tensors(of.pop(f"trees.{t}", {}), features=questions)
            for t in range(int(data["trees"]))
        ]
        shares, spreads = list(data["shares"]), [float(s) for s in data["spreads"]]
        parts = cls(features, targets, trees, {}, dict(data["networks"]), shares, spreads)
        for name in parts.settings:
            law = _build(parts, name, seed=0, device="cpu")
            fill_weights(law, of.pop(name, {}))
            law.eval()
            parts.networks[name] = law
        return parts


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
    parts = Parts(features, targets, [], {}, {"plain": dict(plan.network)}, [], [])
    questions = features.questions(matrix)
    # The trees are grown again when a fit goes on; each network goes on from where it was.
    raw = Rows(torch.tensor(matrix), torch.tensor(y))  # copies, as a frame may be read-only
    codecs = parts.to_json()
    plan.checkpoint.claim(raw, None, codec=codecs, **plan.asked).offer(dict)
    guesses = []
    if plan.trees.trees:
        shared = {k: v for k, v in plan.network.items() if k not in GUIDED_NETWORK}
        parts.settings["guided"] = {**shared, **GUIDED_NETWORK, "guesses": len(targets)}
        for t, target in enumerate(targets):
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
            del target
    parts.profile["trees"] = time.perf_counter() - began

    checks: dict[str, Rows | None] = {}
    for name, recipe in (("guided", GUIDED), ("plain", PLAIN)):
        if name not in parts.settings:
            continue
        law = _build(parts, name, seed=plan.seed, device=plan.device)

        def as_rows(
            matrix: Floats, guesses: Sequence[Floats], z: Floats, weight: Floats,
            *, name: str = name, law: RegressionLaw = law,
        ) -> Rows:  # fmt: skip
            encoded = _rows(parts, name, matrix, guesses, z).to(law.device, law.dtype)
            return Rows(encoded, torch.from_numpy(weight).to(encoded))

        rows = as_rows(matrix, guesses, z, weight)
        if held_out is None:
            rows, check = split(rows, plan.fraction, plan.seed)
        else:
            check = _given_rows(parts, held_out, as_rows)
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
    parts.shares, parts.spreads = _weigh(parts, checks)
    parts.profile["total"] = time.perf_counter() - began
    return parts


def _build(parts: Parts, name: str, *, seed: int, device: str) -> RegressionLaw:
    bins = parts.features.bins
    settings = parts.settings[name]
    if settings.get("guesses"):
        # A guess is a number in units of its target's spread; bins of a normal law suit it.
        bins = bins + [_GUESS_BINS] * len(parts.targets)
    atoms = [target.atoms for target in parts.targets]
    levels = parts.features.levels
    try:
        return build(
            lambda: RegressionLaw(bins, levels, atoms, **settings), seed=seed, device=device
        )
    except TypeError as error:
        raise InputError(
            f"Expected arguments that the network takes; got {settings}: {error}. Correct "
            "network_args."
        ) from error


_GUESS_BINS = [-4.0, *torch.special.ndtri(torch.arange(1, 32) / 32.0).tolist(), 4.0]


def _rows(parts: Parts, name: str, matrix: Floats, guesses: Sequence[Floats], z: Floats) -> Tensor:
    """Rows as the network of that name takes them: numbers, guesses, codes, targets."""
    columns = [parts.features.numbers(matrix)]
    if parts.settings[name].get("guesses"):
        columns += [
            target.encode(guess)[:, None]
            for target, guess in zip(parts.targets, guesses, strict=True)
        ]
    return torch.from_numpy(np.concatenate([*columns, parts.features.codes(matrix), z], -1))


def _given_rows(
    parts: Parts, held_out: tuple[pa.Table, Floats], as_rows: Callable[..., Rows]
) -> Rows:
    table, y = held_out
    matrix = parts.features.matrix(table)
    questions = parts.features.questions(matrix)
    guesses = [trees.predict(questions) for trees in parts.trees]
    z = [target.encode(y[:, t]) for t, target in enumerate(parts.targets)]
    return as_rows(matrix, guesses, np.stack(z, -1), np.ones(len(y)))


@torch.no_grad()
def _weigh(parts: Parts, checks: dict[str, Rows | None]) -> tuple[list[list[float]], list[float]]:
    """For each target the shares of least CRPS on the held-out rows, and the spread after it."""
    names, count = list(parts.networks), len(parts.targets)
    even = [1.0 / len(names)] * len(names)
    laws: dict[str, list[PiecewiseLinear]] = {}
    for name, check in checks.items():
        if check is None:  # nothing to choose by
            return [even] * count, [1.0] * count
        laws[name] = parts.networks[name].laws(check.y)
        weight, y = check.weight, check.y[:, -count:]
    shares, spreads = [], []
    for t in range(count):
        found = [laws[name][t] for name in names]
        grid = [[1 - float(s), float(s)] for s in _GRID] if len(names) == 2 else [even]
        scores = [float((average(found, s).crps(y[:, t]) * weight).mean()) for s in grid]
        shares.append(grid[int(np.argmin(scores))])
        few = parts.targets[t].atoms is not None
        spreads.append(1.0 if few else spread_of(average(found, shares[t]), y[:, t]))
    return shares, spreads


def _by_part(weights: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by part: "plain", "guided", "trees.0", ..."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        head, _, rest = name.partition(".")
        if head == "trees":
            number, _, rest = rest.partition(".")
            head = f"trees.{number}"
        parts.setdefault(head, {})[rest] = tensor
    return parts
