"""From limits to a number of steps.

A limit on time is planned twice: before the run, by timing a dozen steps of a copy, and after the
warm-up, by the pace of its steps. Up to there the schedule of a long run does not depend on the
plan, so that a run that ends as planned is a function of its final number of steps; a short run
begins anew to be one too.
"""

import copy
import statistics
import time
from collections.abc import Sequence

from qdist.laws import AbstractLaw
from qdist.training.recipe import Limits, Recipe, Rows
from qdist.training.run import Run
from qdist.training.schedule import WARM_UP
from qdist.training.validation import Validation

__all__ = ["SLACK", "most_steps", "plan_again", "plan_steps"]

_PROBE = 12  # steps timed to turn a time into a number of steps
SLACK = 0.93  # share of the time that is planned; the rest is for steps slower than most


def plan_steps(
    law: AbstractLaw,
    rows: Rows,
    *,
    check: Validation,
    limits: Limits,
    recipe: Recipe,
    batch_size: int,
    seed: int,
    began: float,
) -> int:
    """The number of steps that the limits allow, as far as it can be told before the first.

    Args:
        law: What is to be trained; it is not changed.
        rows: Training rows.
        check: The held-out rows.
        limits: When to stop at the latest.
        recipe: How to train.
        batch_size: Rows a step for each learner.
        seed: For the steps that are timed.
        began: When the run began, by `time.perf_counter`.

    Returns:
        The number, at least 1.
    """
    most = most_steps(rows, limits, recipe, batch_size)
    if limits.max_time is not None:
        probe = Run(
            copy.deepcopy(law),
            recipe,
            n_rows=len(rows),
            batch_size=batch_size,
            n_steps=10 * WARM_UP,
            seed=seed,
            began=began,
        )
        a_step, a_check = _speed(probe, rows, check, recipe)
        # What is gone is read from the clock: the first steps of a process pay for imports and
        # warm caches, and may take twenty times as long as those that are to come.
        left = SLACK * limits.max_time - (time.perf_counter() - began)
        most = min(most, (left - (recipe.validations + 1) * a_check) / a_step)
    return max(1, int(most))


def plan_again(paces: Sequence[float], *, planned: int, most: float, left: float) -> int:
    """The number of steps, now that the warm-up has shown how long they take.

    A plan that was made under a moment's load of the machine would leave most of the time unused.

    Args:
        paces: Seconds of the steps of the warm-up, two or more.
        planned: The number that was planned before.
        most: The number by all limits but that on time.
        left: Seconds for the steps after the warm-up.

    Returns:
        The number. Of a long run at least ten times that of the warm-up, or the warm-up would
        have been shorter. A shorter run, of 20 steps or more, has to begin anew, and does for
        twice the steps or more.
    """
    # The lower quartile: a load that lasts makes the clock end the run before its last steps,
    # which costs little; one that passes would make the run too short, which costs much.
    a_step = statistics.quantiles(paces, n=4, method="inclusive")[0]
    if planned >= 10 * WARM_UP:
        return max(10 * WARM_UP, int(min(most, WARM_UP + left / a_step)))
    anew = int(min(most, left / a_step))
    return anew if anew >= 2 * planned else planned


def most_steps(rows: Rows, limits: Limits, recipe: Recipe, batch_size: int) -> float:
    """The number of steps by all limits but that on time."""
    an_epoch = max(1, len(rows) // batch_size)
    most: float = max(recipe.least_steps, round(recipe.epochs * an_epoch))
    if limits.max_time is None:
        most = min(most, recipe.most_steps)
    if limits.max_epochs is not None:
        most = round(limits.max_epochs * an_epoch)
    if limits.max_steps is not None:
        most = limits.max_steps if limits.max_epochs is None else min(most, limits.max_steps)
    return most


def _speed(run: Run, rows: Rows, check: Validation, recipe: Recipe) -> tuple[float, float]:
    """Seconds a step and seconds a validation, measured on the run of a copy."""
    seconds = []
    for _ in range(_PROBE + 2):
        start = time.perf_counter()
        run.learn(rows, recipe)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    check.score(run.law)
    # The median, as a moment's load from elsewhere must not decide the length of the run.
    return statistics.median(seconds[2:]), time.perf_counter() - start
