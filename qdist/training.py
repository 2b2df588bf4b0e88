"""The training loop, in reading order: plan, loop, validate, stop, take the best weights.

Plain AdamW with a linear warm-up and a linear decay to zero, gradients clipped by norm, weights
averaged over steps; the average with the best score on held-out rows wins. The visible cells of
the held-out rows are drawn once, or early stopping would follow their noise.

A limit on time becomes a number of steps before the first step is taken, by timing a copy of the
network: the run is then a function of that number alone, and can be repeated bit for bit.
"""

import copy
import logging
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from qdist.errors import InputError, TrainingError
from qdist.laws import AbstractLaw
from qdist.progress import progress
from qdist.rng import isolated_rng

__all__ = ["Callback", "Limits", "Recipe", "Result", "Rows", "split", "train"]

log = logging.getLogger(__name__)

Callback = Callable[[dict[str, Any]], bool | None]
"""Called after each validation with its record; training stops if it returns True."""

_WARM_UP = 100  # steps
_CHECK_ROWS = 4096  # validation rows at a time, and about how many in all for a small table
_PROBE = 12  # steps timed to turn a time into a number of steps


@dataclass(frozen=True)
class Rows:
    """Encoded rows y (N, D) and their weights (N,), of mean 1."""

    y: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.y)


def split(rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows | None]:
    """Hold out a random part of the rows; none where that would leave less than two."""
    n = round(fraction * len(rows))
    if n < 1 or len(rows) - n < 2:
        return rows, None
    at = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return (
        Rows(rows.y[at[n:]], rows.weight[at[n:]]),
        Rows(rows.y[at[:n]], rows.weight[at[:n]]),
    )


@dataclass(frozen=True)
class Limits:
    """When to stop at the latest; None does not limit."""

    max_time: float | None = None  # seconds
    max_epochs: float | None = None
    max_steps: int | None = None


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    # Rows a step for each learner; None: a twentieth of the rows, between 64 and 512.
    batch_size: int | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.3
    clip: float = 1.0
    averaging: float = 0.998
    validations: int = 40  # over the whole run
    patience: int = 12  # validations without a better score
    epochs: float = 60  # unless limited; a longer decay fits the training rows too well
    least_steps: int = 2000
    most_steps: int = 6000  # unless there is a limit on time
    check_rows: int = _CHECK_ROWS  # fewer where a row is large


@dataclass
class Result:
    """What a run leaves besides the weights."""

    n_steps: int = 0  # as planned: with this as `max_steps` the run repeats itself
    history: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, float] = field(default_factory=dict)  # seconds


def train(
    law: AbstractLaw,
    rows: Rows,
    held_out: Rows | None,
    *,
    limits: Limits,
    recipe: Recipe,
    seed: int,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Train a law in place; it ends with the best averaged weights, in evaluation mode.

    Args:
        law: The law; its parameters are changed.
        rows: Training rows.
        held_out: Rows for validation; without them there is no early stopping.
        limits: When to stop at the latest.
        recipe: How to train.
        seed: Determines everything that is random.
        callbacks: Called after each validation.

    Returns:
        Number of steps, history, and where the time went.

    Raises:
        TrainingError: If the loss is not finite before any weights are worth keeping.
    """
    began = time.perf_counter()
    clock = _Clock()
    batch_size = recipe.batch_size or min(512, max(64, len(rows) // 20))
    batch_size = min(batch_size, len(rows))
    check = _Validation(law, held_out, seed, at_once=recipe.check_rows)
    result = Result(n_steps=_plan(law, rows, check, limits, recipe, batch_size, seed))
    # A deadline that drifting speed overruns still stops the run.
    deadline = math.inf if limits.max_time is None else began + limits.max_time

    generator = torch.Generator().manual_seed(seed)
    optimiser = _optimiser(law, recipe)
    average = _Average(law, recipe.averaging)
    best = _Best()
    every = max(1, result.n_steps // recipe.validations)
    law.train()
    with isolated_rng(seed), progress("fitting", total=result.n_steps) as bar:  # dropout
        order = _batches(len(rows), batch_size, generator, learners=law.learners)
        for step in range(1, result.n_steps + 1):
            with clock("data"):
                at = next(order)
                y, weight = rows.y[at], rows.weight[at]
                visible = law.visible(len(y), generator=generator)
            with clock("forward"):
                loss = (law(y, visible, generator=generator) * weight).mean()
            with clock("backward"):
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
            with clock("step"):
                norm = nn.utils.clip_grad_norm_(law.parameters(), recipe.clip)
                for group in optimiser.param_groups:
                    group["lr"] = recipe.learning_rate * _schedule(step, result.n_steps)
                optimiser.step()
                average.update(step)
            if step % every and step != result.n_steps and time.perf_counter() < deadline:
                continue

            with clock("validation"):
                record = {"step": step, "epoch": step * batch_size / len(rows)}
                record["train_loss"] = loss.item()
                if not math.isfinite(record["train_loss"]) or not math.isfinite(float(norm)):
                    _stopped_by_nan(step, record["train_loss"], best)
                    break
                with average.applied():
                    record["validation_loss"] = check.score(law)
                record["seconds"] = time.perf_counter() - began
                result.history.append(record)
                best.offer(record["validation_loss"], step, average.weights)
                bar.update(step, note=f"held-out loss {record['validation_loss']:.4g}")
            answers = [callback(record) for callback in callbacks]  # all of them are told
            if any(answers):
                break
            if held_out is not None and step - best.step >= recipe.patience * every:
                log.info("stopped early at step %d; best was step %d", step, best.step)
                break
            if time.perf_counter() >= deadline and step < result.n_steps:
                log.info("stopped by the clock at step %d of %d", step, result.n_steps)
                break
    best.restore(law)
    law.eval()
    result.profile = {**clock.seconds, "total": time.perf_counter() - began}
    return result


def _plan(
    law: AbstractLaw,
    rows: Rows,
    check: "_Validation",
    limits: Limits,
    recipe: Recipe,
    batch_size: int,
    seed: int,
) -> int:
    """The number of steps that the limits allow."""
    an_epoch = max(1, len(rows) // batch_size)
    most: float = max(recipe.least_steps, round(recipe.epochs * an_epoch))
    if limits.max_time is None:
        most = min(most, recipe.most_steps)
    if limits.max_epochs is not None:
        most = round(limits.max_epochs * an_epoch)
    if limits.max_steps is not None:
        most = limits.max_steps if limits.max_epochs is None else min(most, limits.max_steps)
    if limits.max_time is not None:
        with isolated_rng(seed):
            a_step, a_check = _speed(copy.deepcopy(law), rows, check, recipe, batch_size)
        left = 0.93 * limits.max_time - (_PROBE + 2) * a_step - (recipe.validations + 2) * a_check
        most = min(most, left / a_step)
    return max(1, int(most))


def _speed(
    law: AbstractLaw, rows: Rows, check: "_Validation", recipe: Recipe, batch_size: int
) -> tuple[float, float]:
    """Seconds a step and seconds a validation, measured on a copy."""
    generator = torch.Generator().manual_seed(0)
    optimiser, average = _optimiser(law, recipe), _Average(law, recipe.averaging)
    seconds = []
    for step in range(1, _PROBE + 3):
        start = time.perf_counter()
        at = torch.randint(len(rows), (batch_size * law.learners,), generator=generator)
        loss = law(rows.y[at], law.visible(len(at), generator=generator), generator=generator)
        optimiser.zero_grad(set_to_none=True)
        loss.mean().backward()
        nn.utils.clip_grad_norm_(law.parameters(), recipe.clip)
        optimiser.step()
        average.update(step)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    check.score(law)
    # The median, as a moment's load from elsewhere must not decide the length of the run.
    return statistics.median(seconds[2:]), time.perf_counter() - start


def _schedule(step: int, total: int) -> float:
    return min(1.0, step / min(_WARM_UP, max(1, total // 10))) * (1 - (step - 1) / total)


def _optimiser(law: AbstractLaw, recipe: Recipe) -> torch.optim.Optimizer:
    # Biases and norms are left out of weight decay, as is usual.
    matrices = [p for p in law.parameters() if p.dim() > 1]
    vectors = [p for p in law.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]],
        lr=recipe.learning_rate,
        betas=(0.9, 0.99),
        foreach=True,
    )


def _batches(
    n: int, batch_size: int, generator: torch.Generator, *, learners: int
) -> Iterator[Tensor]:
    """Row numbers, epoch after epoch, without end: every learner has an order of its own."""
    while True:
        orders = [torch.randperm(n, generator=generator) for _ in range(learners)]
        order = torch.stack(orders, 1)
        for start in range(0, n - batch_size + 1, batch_size):
            yield order[start : start + batch_size].flatten()


def _stopped_by_nan(step: int, loss: float, best: "_Best") -> None:
    if best.weights is None:
        raise TrainingError(
            f"Expected a finite loss; got {loss} at step {step}, before any validation. "
            "Lower learning_rate, or look at the data for extreme values."
        )
    log.warning("the loss was %s at step %d; kept the weights of step %d", loss, step, best.step)


class _Validation:
    """Held-out rows with visible cells that are drawn once."""

    def __init__(
        self, law: AbstractLaw, rows: Rows | None, seed: int, *, at_once: int = _CHECK_ROWS
    ) -> None:
        self._rows = rows
        self._at_once = at_once
        if rows is None:
            return
        if not len(rows):
            raise InputError("Expected X_val with rows; got none. Give some, or leave it out.")
        copies = max(1, min(16, at_once // len(rows)))
        self._y, self._weight = rows.y.repeat(copies, 1), rows.weight.repeat(copies)
        self._seed = seed + 1
        generator = torch.Generator().manual_seed(self._seed)
        self._visible = law.visible(len(self._y), generator=generator)

    @torch.no_grad()
    def score(self, law: AbstractLaw) -> float:
        """The mean loss; NaN without held-out rows."""
        if self._rows is None:
            return math.nan
        was_training = law.training
        law.eval()
        generator = torch.Generator().manual_seed(self._seed)
        total = 0.0
        for start in range(0, len(self._y), self._at_once):
            at = slice(start, start + self._at_once)
            loss = law.score(self._y[at], self._visible[at], generator=generator)
            total += float((loss * self._weight[at]).sum())
        law.train(was_training)
        return total / float(self._weight.sum())


class _Average:
    """Exponential average of the weights, with a shorter memory in the first steps."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._current = [p for p in module.parameters() if p.requires_grad]
        self.weights = [p.detach().clone() for p in self._current]
        self._decay = decay

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.weights, [p.detach() for p in self._current], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module with the averaged weights, for a while."""
        own = [p.data for p in self._current]
        for p, averaged in zip(self._current, self.weights, strict=True):
            p.data = averaged
        yield
        for p, data in zip(self._current, own, strict=True):
            p.data = data


class _Best:
    """The averaged weights with the best score; the latest, where there is no score."""

    def __init__(self) -> None:
        self.score, self.step = math.inf, 0
        self.weights: list[Tensor] | None = None

    def offer(self, score: float, step: int, weights: list[Tensor]) -> None:
        if score < self.score or math.isnan(score):
            self.score = math.inf if math.isnan(score) else score
            self.step, self.weights = step, [w.clone() for w in weights]

    @torch.no_grad()
    def restore(self, module: nn.Module) -> None:
        if self.weights is None:
            raise TrainingError(
                "Expected a finite score on the held-out rows; got none in the whole run. "
                "Lower learning_rate, or look at the data for extreme values."
            )
        trained = [p for p in module.parameters() if p.requires_grad]
        for p, w in zip(trained, self.weights, strict=True):
            p.copy_(w)


class _Clock:
    """Adds up where the time goes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
