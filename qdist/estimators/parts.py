"""The parts of a regressor: trees, two networks, a forest, and their average.

1. Trees of two kinds are boosted for the mean of each target. By cross-fitting, each training row
   gets a first guess of trees that have not seen it.
2. A small network, `guided`, learns the law of the target given the features and the guess.
3. A larger network, `plain`, learns the law given the features alone.
4. Where rows are few there are several copies of both, each of which holds out other rows.
5. A forest remembers which targets share its leaves.
6. Their quantile functions are averaged, in the shares that serve the held-out rows best.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, final

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from qdist.estimators.weigh import ask_copies
from qdist.files import budget, fill_weights
from qdist.laws import RegressionLaw, build
from qdist.laws.base import taking
from qdist.quantile import PiecewiseLinear, QuantileFunction
from qdist.regression import (
    FeatureCodec,
    ForestMemory,
    Guess,
    LeafwiseTrees,
    SymmetricTrees,
    TargetCodec,
    average,
    sharpened,
    stretched,
)
from qdist.regression.guess import GuessRecipe
from qdist.regression.memory import MemoryRecipe
from qdist.threads import by_batches
from qdist.training import Callback, Checkpoint, Limits

__all__ = ["Parts", "Plan", "as_rows", "build_network"]

Floats = NDArray[np.float64]

_ROWS = 25_000  # rows that are read at once: fewer, and threads wait for the interpreter
_LEAST_ROWS = 8192  # of a thread; fewer are read sooner by all threads together


@dataclass(frozen=True)
class Plan:
    """How to fit, as checked.

    Args:
        trees: How to guess; without symmetric trees there is no guided network.
        memory: How to grow the forest; with 0 trees there is none.
        copies: Copies of the networks; None: by the number of rows.
        few_values: A target keeps to its values if these are at most so many.
        network: Arguments of the plain network; those that both take go to the guided one too.
        batch_size: Rows a step, or None.
        rate: Factor on the learning rates.
        limits: When each network stops at the latest, the plain one first; a time is for all
            together.
        fraction: Share of the rows held out.
        seed: Determines all that is random.
        device: Where the networks live.
        callbacks: Called after each validation.
        checkpoint: Where the fit is kept.
        asked: The parameters that it goes by.
    """

    trees: GuessRecipe
    memory: MemoryRecipe
    copies: int | None
    few_values: int
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
    """A fitted regressor without the estimator interface.

    Args:
        features: From tables to numbers and codes.
        targets: One codec for each of T targets.
        trees: What guesses each target; none where there is no guided network.
        networks: By name, "plain" and, where there are trees, "guided": the copies of each, which
            count alike.
        settings: For each network what it was built of, besides the codecs.
        shares: For each target the shares in the average: of the networks, in their order, and
            of the forest.
        spreads: For each target the factor by which its laws are made wider.
        memories: For each target its forest, or None where it has no share.
    """

    features: FeatureCodec
    targets: list[TargetCodec]
    trees: list[Guess]
    networks: dict[str, list[RegressionLaw]]
    settings: dict[str, dict[str, Any]]
    shares: list[list[float]]
    spreads: list[float]
    memories: list[ForestMemory | None]
    n_steps: list[int] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, float] = field(default_factory=dict)

    def laws(self, table: pa.Table) -> Iterator[list[QuantileFunction]]:
        """The laws of the targets, a batch of rows at a time.

        Args:
            table: N rows.

        Yields:
            For each target a law of batch shape (at most 25,000,), on the scale of the data.
        """
        ask = partial(self._laws, table)
        yield from by_batches(ask, table.num_rows, most=_ROWS, least=_LEAST_ROWS)

    @torch.no_grad()
    def _laws(self, table: pa.Table, at: slice) -> list[QuantileFunction]:
        table = table.slice(at.start, at.stop - at.start)
        matrix = self.features.matrix(table)
        questions = self.features.questions(matrix)
        used = [any(shares[k] for shares in self.shares) for k in range(len(self.networks))]
        guesses: list[Floats] = []
        if any(
            u and "guesses" in self.settings[n] for n, u in zip(self.networks, used, strict=True)
        ):
            guesses = [trees.predict(questions) for trees in self.trees]
        blank = np.zeros((len(matrix), len(self.targets)))
        found = [
            ask_copies(copies, as_rows(self, name, matrix, guesses, blank)) if use else None
            for (name, copies), use in zip(self.networks.items(), used, strict=True)
        ]
        return [
            target.decode(
                self._law([None if laws is None else laws[t] for laws in found], questions, t)
            )
            for t, target in enumerate(self.targets)
        ]

    def _law(
        self, laws: list[PiecewiseLinear | None], questions: Floats, t: int
    ) -> PiecewiseLinear:
        memory = self.memories[t]
        remembered = None if memory is None else memory.law(questions, levels=self.knots(t))
        pairs = zip([*laws, remembered], self.shares[t], strict=True)
        some = [(law, share) for law, share in pairs if law is not None and share]
        law = average([law for law, _ in some], [share for _, share in some])
        change = stretched if self.targets[t].atoms is None else sharpened
        return change(law, self.spreads[t])

    def knots(self, t: int) -> Tensor | None:
        """The levels that the knots of a target's laws have in common; None for few values."""
        at = next(iter(self.networks.values()))[0].knot_levels(t)
        return None if at is None else at.cpu()

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name."""
        named = {
            f"{_copy_name(name, k)}.{key}": w
            for name, copies in self.networks.items()
            for k, law in enumerate(copies)
            for key, w in law.state_dict().items()
        }
        for t, trees in enumerate(self.trees):
            named |= {f"trees.{t}.{key}": w for key, w in trees.symmetric.tensors().items()}
            if trees.leafwise is not None:
                named |= {f"leafwise.{t}.{k}": w for k, w in trees.leafwise.tensors().items()}
        for t, memory in enumerate(self.memories):
            if memory is not None:
                named |= {f"memory.{t}.{key}": w for key, w in memory.tensors().items()}
        return named

    def to_json(self) -> dict[str, Any]:
        """All that is no tensor, as JSON-able data."""
        return {
            "features": self.features.to_json(),
            "targets": [target.to_json() for target in self.targets],
            "trees": len(self.trees),
            "leafwise": [guess.leafwise is not None for guess in self.trees],
            # In the order of training, as the shares are.
            "networks": {name: self.settings[name] for name in self.networks},
            "copies": max(map(len, self.networks.values()), default=1),
            "shares": self.shares,
            "spreads": self.spreads,
            "memories": [memory is not None for memory in self.memories],
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
            Guess(
                SymmetricTrees.from_tensors(of.pop(f"trees.{t}", {}), features=questions),
                LeafwiseTrees.from_tensors(of.pop(f"leafwise.{t}", {}), features=questions)
                if there
                else None,
            )
            for t, there in enumerate(data["leafwise"])
        ]
        shares, spreads = list(data["shares"]), [float(s) for s in data["spreads"]]
        memories = [
            ForestMemory.from_tensors(of.pop(f"memory.{t}", {}), features=questions)
            if there
            else None
            for t, there in enumerate(data["memories"])
        ]
        parts = cls(
            features, targets, trees, {}, dict(data["networks"]), shares, spreads, memories
        )
        for name in parts.settings:
            parts.networks[name] = []
            for k in range(int(data.get("copies", 1))):  # older files have one, and do not say so
                own = of.pop(_copy_name(name, k), {})
                with budget(own):
                    law = build_network(parts, name, seed=0, device="cpu")
                fill_weights(law, own)
                law.eval()
                parts.networks[name].append(law)
        return parts


def build_network(parts: Parts, name: str, *, seed: int, device: str) -> RegressionLaw:
    """A network before training, of the settings of that name."""
    bins = parts.features.bins
    settings = parts.settings[name]
    if settings.get("guesses"):
        # A guess is a number in units of its target's spread; bins of a normal law suit it.
        bins = bins + [_GUESS_BINS] * len(parts.targets)
    atoms = [target.atoms for target in parts.targets]
    levels = parts.features.levels
    with taking(settings, name="network_args", by="the network"):
        return build(
            lambda: RegressionLaw(bins, levels, atoms, **settings), seed=seed, device=device
        )


_GUESS_BINS = [-4.0, *torch.special.ndtri(torch.arange(1, 32) / 32.0).tolist(), 4.0]


def as_rows(
    parts: Parts, name: str, matrix: Floats, guesses: Sequence[Floats], z: Floats
) -> Tensor:
    """Rows as the network of that name takes them: numbers, guesses, codes, targets."""
    columns = [parts.features.numbers(matrix)]
    if parts.settings[name].get("guesses"):
        columns += [
            target.encode(guess)[:, None]
            for target, guess in zip(parts.targets, guesses, strict=True)
        ]
    return torch.from_numpy(np.concatenate([*columns, parts.features.codes(matrix), z], -1))


def _by_part(weights: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by part: "plain", "plain.1", "guided", "trees.0", ..."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        head, _, rest = name.partition(".")
        number, _, inner = rest.partition(".")
        if number.isdecimal():
            head, rest = f"{head}.{number}", inner
        parts.setdefault(head, {})[rest] = tensor
    return parts


def _copy_name(name: str, copy: int) -> str:
    """What the tensors of a copy of a network are called; the first one's have no number."""
    return f"{name}.{copy}" if copy else name
