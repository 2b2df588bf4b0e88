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
    """Encoded rows y (N, D) and their weights (N,), of mean 1."""

    y: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.y)


def split(rows: Rows, fraction: float, seed: int, *, part: int = 0) -> tuple[Rows, Rows | None]:
    """Hold out a random part of the rows; none where that would leave less than two.

    Parts of different numbers hold out different rows, as long as there are enough.
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
    least_steps: int = 3500
    most_steps: int = 6000  # unless there is a limit on time
    check_rows: int = CHECK_ROWS  # fewer where a row is large
    bad_batches: int = 10  # skipped in a run, for a loss or a gradient that is not finite


@dataclass
class Result:
    """What a run leaves besides the weights."""

    # As planned: with this as `max_steps` the run repeats itself, unless the clock cut it short;
    # no number of steps repeats a part of a schedule.
    n_steps: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, float] = field(default_factory=dict)  # seconds
    stopped: str = "plan"  # or "patience", "callback", "clock", "bad batches", "user"
