"""What goes into a run and what comes out: rows, limits, the recipe, the result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

__all__ = ["Callback", "Limits", "Recipe", "Result", "Rows", "split"]

Callback = Callable[[dict[str, Any]], bool | None]
"""Called after each validation with its record; training stops if it returns True.

Steps count from 1 again where a run of less than 1,000 steps begins anew, as there is time for
more than was planned under a load that has passed.
"""

CHECK_ROWS = 4096  # validation rows at a time, and about how many in all for a small table


@dataclass(frozen=True)
class Rows:
    """Encoded rows with their weights.

    Attributes:
        y: The rows, shape (N, D).
        weight: What each of them counts, shape (N,), of mean 1.
    """

    y: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.y)


def split(rows: Rows, fraction: float, seed: int, *, part: int = 0) -> tuple[Rows, Rows | None]:
    """Hold out a random part of the rows; none where that would leave less than two.

    Args:
        rows: All of them.
        fraction: The share to hold out.
        seed: Draws the parts.
        part: Which of the parts of one seed; they do not overlap, as long as there are enough
            rows.

    Returns:
        The rows that are left, and those that are held out, if any.
    """
    n = round(fraction * len(rows))
    if n < 1 or len(rows) - n < 2:
        return rows, None
    at = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).roll(-part * n)
    return (
        Rows(rows.y[at[n:]], rows.weight[at[n:]]),
        Rows(rows.y[at[:n]], rows.weight[at[:n]]),
    )


@dataclass(frozen=True)
class Limits:
    """When to stop at the latest; None does not limit.

    Attributes:
        max_time: Seconds of the whole run.
        max_epochs: Passes over the training rows, in parts too.
        max_steps: Batches.
    """

    max_time: float | None = None
    max_epochs: float | None = None
    max_steps: int | None = None


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        batch_size: Rows a step for each learner; None: a twentieth of the rows, between 64 and
            512.
        learning_rate: The largest of the run, at the end of the warm-up.
        weight_decay: AdamW's, of matrices only; biases and norms are left alone.
        clip: The largest norm of a gradient; a greater one is scaled down to it.
        averaging: What share of the averaged weights stays at each step, but for the first steps,
            whose memory is shorter.
        validations: How many there are over the whole run.
        patience: Validations without a better score after which the run stops.
        epochs: Passes over the rows, unless limited; a longer decay fits the rows too well.
        least_steps: Steps that there are at least, unless limited.
        most_steps: Steps that there are at most, unless there is a limit on time.
        check_rows: Validation rows at a time, fewer where a row is large.
        bad_batches: Batches that may be skipped in a run, for a loss or a gradient that is not
            finite.
    """

    batch_size: int | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.3
    clip: float = 1.0
    averaging: float = 0.998
    validations: int = 40
    patience: int = 12
    epochs: float = 60
    least_steps: int = 3500
    most_steps: int = 6000
    check_rows: int = CHECK_ROWS
    bad_batches: int = 10


@dataclass
class Result:
    """What a run leaves besides the weights.

    Attributes:
        n_steps: Steps, as planned: with this as `max_steps` the run repeats itself, unless the
            clock cut it short; no number of steps repeats a part of a schedule.
        history: The record of each validation.
        profile: Seconds by what they went into.
        stopped: What ended the run: "plan", "patience", "callback", "clock", "bad batches" or
            "user".
    """

    n_steps: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, float] = field(default_factory=dict)
    stopped: str = "plan"
