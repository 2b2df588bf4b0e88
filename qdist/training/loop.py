"""The training loop, in reading order: plan, loop, validate, stop, take the best weights.

Plain AdamW with a linear warm-up and a linear decay to zero, gradients clipped by norm, weights
averaged over steps; the average with the best score on held-out rows wins. What held-out rows
show and are asked is drawn once, or early stopping would follow its noise.

A limit on time becomes a number of steps before the first step is taken, by timing a copy of the
network, and once more by the pace of the warm-up: a run that ends as planned is a function of that
number alone, and can be repeated bit for bit with as many threads. One that the clock ends early
is not: its learning rate has not come down to zero.

A batch whose loss or gradient is not finite is skipped; after too many of them the run ends with
the best weights so far. It ends in the same way when the user interrupts it.
"""

import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from qdist.errors import TrainingError
from qdist.laws import AbstractLaw
from qdist.progress import progress
from qdist.training.checkpoint import Checkpoint
from qdist.training.memory import fit_into_memory
from qdist.training.plan import SLACK, most_steps, plan_again, plan_steps
from qdist.training.recipe import Callback, Limits, Recipe, Result, Rows
from qdist.training.run import Run
from qdist.training.schedule import WARM_UP, warm_up
from qdist.training.validation import Validation

__all__ = ["train"]

log = logging.getLogger(__name__)


def train(
    law: AbstractLaw,
    rows: Rows,
    held_out: Rows | None,
    *,
    limits: Limits,
    recipe: Recipe,
    seed: int,
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
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
        checkpoint: Where the run is kept, and taken up from if it was begun before.

    Returns:
        Number of steps, history, and where the time went.

    Raises:
        TrainingError: If too many losses are not finite before any weights are worth keeping.
        OutOfMemoryError: If not even one row a step fits into memory.
        KeyboardInterrupt: If the user interrupts before any weights are worth keeping.
    """
    checkpoint = checkpoint or Checkpoint()
    asked: dict[str, Any] = {"limits": limits, "recipe": recipe}
    run, check = _begin(law, rows, held_out=held_out, seed=seed, checkpoint=checkpoint, **asked)
    # A deadline that drifting speed overruns still stops the run.
    most_seconds = math.inf if limits.max_time is None else limits.max_time
    paces: list[float] = []
    untouched: dict[str, Any] | None = None  # kept while the run may have to begin anew
    law.train()
    with progress("fitting", total=run.n_steps) as bar:
        try:
            if checkpoint.state is not None:
                run.restore(checkpoint.state)
                log.info("resumed at step %d of %d", run.step, run.n_steps)
            if _may_begin_anew(run, rows, limits, recipe):
                untouched = run.copied_state()
            while not run.stopped:
                checkpoint.offer(run.state)
                began = time.perf_counter()
                if run.learn(rows, recipe) is None:
                    _skipped(run, recipe)
                if run.step <= WARM_UP:
                    paces.append(time.perf_counter() - began)
                if run.step == warm_up(run.n_steps) and (untouched or not _is_short(run)):
                    anew = _replan(run, rows, check=check, paces=paces, first=untouched, **asked)
                    bar.update(run.step, total=run.n_steps)
                    if anew:
                        checkpoint.offer(run.state, now=True)  # lest the plan given up be taken up
                        paces.clear()
                        continue
                    untouched = None
                every = max(1, run.n_steps // recipe.validations)
                in_time = run.seconds < most_seconds
                due = run.step % every == 0 or run.step == run.n_steps or not in_time
                if not due or run.stopped or math.isnan(run.loss):
                    continue  # not yet, no more, or nothing was learned

                record = _validate(run, rows, check=check, held_out=held_out)
                rows_of = "train" if held_out is None else "validation"
                bar.update(run.step, note=f"{rows_of} loss {record[rows_of + '_loss']:.4g}")
                answers = [callback(record) for callback in callbacks]  # all of them are told
                if any(answers):
                    run.stopped = "callback"
                elif held_out is not None and run.step - run.best.step >= recipe.patience * every:
                    run.stopped = "patience"
                    log.info("stopped early at step %d; best was step %d", run.step, run.best.step)
                elif run.step == run.n_steps:
                    run.stopped = "plan"
                elif not in_time:
                    run.stopped = "clock"
                    log.info("stopped by the clock at step %d of %d", run.step, run.n_steps)
            checkpoint.offer(run.state, now=True)
        except KeyboardInterrupt:
            if run.best.weights is None:
                raise
            run.stopped = "user"  # not in the checkpoint: the same command goes on from there
            log.warning(
                "stopped by the user at step %d of %d; kept the weights of step %d",
                run.step,
                run.n_steps,
                run.best.step,
            )
    run.best.restore(law)
    law.eval()
    profile = {**run.clock.seconds, "total": run.seconds}
    return Result(run.n_steps, run.history, profile, stopped=run.stopped)


def _begin(
    law: AbstractLaw,
    rows: Rows,
    *,
    held_out: Rows | None,
    limits: Limits,
    recipe: Recipe,
    seed: int,
    checkpoint: Checkpoint,
) -> tuple[Run, Validation]:
    """The run before its first step, with its batch size and its number of steps."""
    began = time.perf_counter()
    batch_size = recipe.batch_size or min(512, max(64, len(rows) // 20))
    batch_size = min(batch_size, len(rows))
    batch_size, at_once = fit_into_memory(law, rows, batch_size, recipe.check_rows, seed=seed)
    kept = checkpoint.state  # as it was planned then, on whatever machine
    if kept is not None:
        batch_size, at_once = int(kept["batch_size"]), int(kept.get("at_once", at_once))
    check = Validation(law, held_out, seed, asked=recipe.check_rows, at_once=at_once)
    facts: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "began": began}
    if kept is not None:
        n_steps = int(kept["n_steps"])
    else:
        n_steps = plan_steps(law, rows, check=check, limits=limits, recipe=recipe, **facts)
    run = Run(law, recipe, n_rows=len(rows), n_steps=n_steps, at_once=at_once, **facts)
    return run, check


def _replan(
    run: Run,
    rows: Rows,
    *,
    check: Validation,
    limits: Limits,
    recipe: Recipe,
    paces: Sequence[float],
    first: dict[str, Any] | None,
) -> bool:
    """Plan a run again whose warm-up is over; whether it begins anew, from its first state."""
    if limits.max_time is None or len(paces) < 2:
        return False  # no time to plan for, or no pace
    with run.clock("validation"):
        start = time.perf_counter()
        check.score(run.law)
        a_check = time.perf_counter() - start
    left = SLACK * limits.max_time - run.seconds - recipe.validations * a_check
    most = most_steps(rows, limits, recipe, run.batch_size)
    n_steps = plan_again(paces, planned=run.n_steps, most=most, left=left)
    log.debug("%d steps were planned, %d are by the pace of the first", run.n_steps, n_steps)
    # The rates of these steps may have been those of a shorter warm-up.
    anew = _is_short(run) and n_steps != run.n_steps
    run.n_steps = n_steps
    if anew:
        assert first is not None  # kept of every short run
        run.begin_anew(first)
    return anew


def _validate(run: Run, rows: Rows, *, check: Validation, held_out: Rows | None) -> dict[str, Any]:
    """Score the averaged weights, keep them if they are the best, and make the record of it."""
    with run.clock("validation"):
        record: dict[str, Any] = {"step": run.step}
        record["epoch"] = run.step * run.batch_size / len(rows)
        record["train_loss"] = run.loss
        with run.average.applied():
            record["validation_loss"] = check.score(run.law)
        record["skipped"] = run.skipped
        record["seconds"] = run.seconds
        run.history.append(record)
        run.best.offer(_rank(record, held_out), run.step, run.average.weights)
    return record


def _is_short(run: Run) -> bool:
    """Whether the warm-up of a run depends on its number of steps."""
    return run.n_steps < 10 * WARM_UP


def _may_begin_anew(run: Run, rows: Rows, limits: Limits, recipe: Recipe) -> bool:
    """Whether a run that has not begun could have twice the steps, if time were not limited."""
    if limits.max_time is None or run.step or not _is_short(run):
        return False
    return most_steps(rows, limits, recipe, run.batch_size) >= 2 * run.n_steps


def _rank(record: dict[str, Any], held_out: Rows | None) -> float:
    """The score of weights: NaN where there is none to be had, infinite where it is not finite."""
    score = float(record["validation_loss"])
    return math.inf if held_out is not None and math.isnan(score) else score


def _skipped(run: Run, recipe: Recipe) -> None:
    """Note a batch that was skipped; after too many stop with the best weights so far.

    Raises:
        TrainingError: If there are none.
    """
    assert run.bad is not None
    loss, y, visible = run.bad
    if run.skipped <= recipe.bad_batches and run.step < run.n_steps:
        log.debug("skipped the batch of step %d: its loss was %s", run.step, loss)
        return
    if run.skipped <= recipe.bad_batches and not math.isnan(run.loss):
        return  # the last step of a run that went well
    column = run.law.culprit(y, visible)
    what = f"the loss was {loss}" if not math.isfinite(loss) else "the gradient was not finite"
    where = "" if column is None else f" (column {column!r})"
    if run.best.weights is None:
        raise TrainingError(
            f"Expected a finite loss and gradient; {what} at step {run.step}{where}, after "
            f"{run.skipped - 1} other bad batches and before any weights were worth keeping. "
            "Lower learning_rate, or look at the data for extreme values."
        )
    run.stopped = "bad batches"
    log.warning(
        "%s at step %d%s, after %d other bad batches; kept the weights of step %d",
        what,
        run.step,
        where,
        run.skipped - 1,
        run.best.step,
    )
