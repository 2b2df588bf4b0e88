"""All of a run that changes from step to step, so that it can be put down and taken up again."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from qdist.errors import FileFormatError
from qdist.laws import AbstractLaw
from qdist.rng import Noise
from qdist.training.average import Average, Best
from qdist.training.gradients import clip
from qdist.training.recipe import CHECK_ROWS, Recipe, Rows
from qdist.training.schedule import make_optimiser, schedule

__all__ = ["BadBatch", "Batches", "Clock", "Run"]


@final
class Batches:
    """Row numbers, epoch after epoch, without end: whole batches of rows in a drawn order.

    Each of several learners has an order of its own; in a batch their rows take turns.
    """

    def __init__(
        self, n: int, batch_size: int, generator: torch.Generator, *, learners: int = 1
    ) -> None:
        self._n, self._size, self._generator = n, batch_size, generator
        self._learners = learners
        self.order = torch.empty((0, learners), dtype=torch.int64)
        self.start = 0

    def __next__(self) -> Tensor:
        if self.start + self._size > len(self.order):
            orders = [
                torch.randperm(self._n, generator=self._generator) for _ in range(self._learners)
            ]
            self.order, self.start = torch.stack(orders, 1), 0
        at = self.order[self.start : self.start + self._size]
        self.start += self._size
        return at.flatten()


@final
class Clock:
    """Adds up where the time goes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what happens inside under this name."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class BadBatch(NamedTuple):
    """A batch whose loss or gradient was not finite.

    Attributes:
        loss: Its loss.
        y: Its rows, shape (B, D).
        visible: What they showed, shape (B, D), bool.
    """

    loss: float
    y: Tensor
    visible: Tensor


@final
class Run:
    """A run between two steps.

    Args:
        law: What is trained.
        recipe: How.
        n_rows: Number N of training rows.
        batch_size: Rows a step for each learner.
        n_steps: Steps planned.
        seed: Where the generator starts.
        began: When the run began, by `time.perf_counter`.
        at_once: Rows of validation at a time: levels are drawn for so many.
    """

    def __init__(
        self,
        law: AbstractLaw,
        recipe: Recipe,
        *,
        n_rows: int,
        batch_size: int,
        n_steps: int,
        seed: int,
        began: float,
        at_once: int = CHECK_ROWS,
    ) -> None:
        self.law, self.n_steps, self.batch_size, self.began = law, n_steps, batch_size, began
        self.at_once = at_once
        self.step, self.skipped, self.loss, self.stopped = 0, 0, math.nan, ""
        self.bad: BadBatch | None = None  # the last that was skipped
        self.history: list[dict[str, Any]] = []
        self.generator = torch.Generator().manual_seed(seed)
        self.noise = Noise(seed)  # for dropout
        self.batches = Batches(n_rows, batch_size, self.generator, learners=law.learners)
        self.optimiser = make_optimiser(law, recipe)
        self.average = Average(law, recipe.averaging)
        self.best = Best()
        self.clock = Clock()

    @property
    def seconds(self) -> float:
        """Seconds spent so far, those before an interruption included."""
        return time.perf_counter() - self.began

    def learn(self, rows: Rows, recipe: Recipe) -> float | None:
        """Take one step: a batch, its loss and gradient, and weights that are better by it.

        Args:
            rows: Training rows.
            recipe: How to train.

        Returns:
            The loss of the batch; None if that or its gradient is not finite. Such a batch is
            skipped: see `bad`.
        """
        self.step += 1
        with self.clock("data"):
            at = next(self.batches)
            y, weight = rows.y[at], rows.weight[at]
            questions = self.law.questions(len(y), generator=self.generator)
        with self.clock("forward"), self.noise:
            loss = (self.law(y, questions, generator=self.generator) * weight).mean()
        with self.clock("backward"):
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        with self.clock("step"):
            norm = clip(self.law.parameters(), recipe.clip)
            value = float(loss.item())
            if not (math.isfinite(value) and math.isfinite(norm)):
                self.skipped += 1
                self.bad = BadBatch(value, y, questions.visible)
                return None
            self.loss = value
            for group in self.optimiser.param_groups:
                group["lr"] = recipe.learning_rate * schedule(self.step, self.n_steps)
            self.optimiser.step()
            self.average.update(self.step)
        return value

    def state(self) -> dict[str, Any]:
        """Tensors, numbers, text and lists by name: all that `restore` needs."""
        found: dict[str, Any] = {
            "n_steps": self.n_steps,
            "batch_size": self.batch_size,
            "at_once": self.at_once,
            "step": self.step,
            "skipped": self.skipped,
            "loss": self.loss,
            "stopped": self.stopped,
            "seconds": self.seconds,
            "clock": self.clock.seconds,
            "history": self.history,
            "start": self.batches.start,
            "best_score": self.best.score,
            "best_step": self.best.step,
            "order": self.batches.order,
            "generator": self.generator.get_state(),
            "noise": self.noise.state,
        }
        found |= {f"law.{name}": w for name, w in self.law.state_dict().items()}
        found |= {f"average.{i}": w for i, w in enumerate(self.average.weights)}
        found |= {f"best.{i}": w for i, w in enumerate(self.best.weights or [])}
        for i, p in enumerate(self._trained()):
            for name, value in self.optimiser.state.get(p, {}).items():
                found[f"optimiser.{i}.{name}"] = value
        return found

    def copied_state(self) -> dict[str, Any]:
        """The same, which further steps do not change."""
        return copy.deepcopy(self.state())

    def begin_anew(self, first: dict[str, Any]) -> None:
        """Go back to a state before the first step; the plan and what the clock says stay."""
        self.optimiser.state.clear()
        self.best.weights = None
        kept = {"n_steps": self.n_steps, "seconds": self.seconds, "clock": self.clock.seconds}
        self.restore({**first, **kept})

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` put down, bit for bit.

        Raises:
            FileFormatError: If it is not the state of such a run.
        """
        try:
            self._restore(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FileFormatError(
                f"Expected a checkpoint of this run; got one that does not fit it ({error}). "
                "Start anew with resume=False."
            ) from error

    @torch.no_grad()
    def _restore(self, state: dict[str, Any]) -> None:
        for name, own in self.law.state_dict().items():
            own.copy_(state[f"law.{name}"])
        trained = self._trained()
        for i, own in enumerate(self.average.weights):
            own.copy_(state[f"average.{i}"])
        if "best.0" in state:
            self.best.weights = [
                _like(w, state[f"best.{i}"]) for i, w in enumerate(self.average.weights)
            ]
        for i, p in enumerate(trained):
            start = f"optimiser.{i}."
            saved = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            if saved:  # the count of steps is a number of its own, the moments are like p
                self.optimiser.state[p] = {
                    k: _like(p, v) if v.shape == p.shape and v.dim() else v.to(p.device, copy=True)
                    for k, v in saved.items()
                }
        self.best.score, self.best.step = float(state["best_score"]), int(state["best_step"])
        self.batches.order, self.batches.start = state["order"].clone(), int(state["start"])
        self.generator.set_state(state["generator"].clone())
        torch.Generator().set_state(state["noise"])  # an error, if it is none
        self.noise.state = state["noise"].clone()
        self.n_steps, self.batch_size = int(state["n_steps"]), int(state["batch_size"])
        self.step, self.skipped = int(state["step"]), int(state["skipped"])
        self.loss, self.stopped = float(state["loss"]), str(state["stopped"])
        self.history = [dict(record) for record in state["history"]]
        self.clock.seconds = {str(k): float(v) for k, v in state["clock"].items()}
        self.began = time.perf_counter() - float(state["seconds"])

    def _trained(self) -> list[Tensor]:
        return [p for group in self.optimiser.param_groups for p in group["params"]]


def _like(own: Tensor, saved: Tensor) -> Tensor:
    """A copy in memory of our own: bytes of a file may be unaligned, and take other kernels."""
    if own.shape != saved.shape or own.dtype != saved.dtype:
        raise ValueError(f"{tuple(saved.shape)} {saved.dtype} in place of {tuple(own.shape)}")
    return torch.empty_like(own).copy_(saved)
