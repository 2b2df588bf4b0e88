"""The training loop: repeatable, bounded, stopped in time, and left with the best weights."""

import logging
import math
from time import perf_counter

import numpy as np
import pytest
import torch

from qdist.codecs.table import TableCodec
from qdist.errors import TrainingError
from qdist.laws import TableLaw, build
from qdist.training import Limits, Recipe, Rows, loop, split, train
from qdist.training.plan import plan_steps
from qdist.training.run import Batches
from qdist.training.validation import Validation

RNG = np.random.default_rng(0)
A = RNG.normal(size=300)
FRAME = {"a": A, "b": A + 0.1 * RNG.normal(size=300), "c": [["x", "y"][int(v > 0)] for v in A]}
CODEC = TableCodec.fit(FRAME)
PARTS = {
    "backbone": "mlp",
    "backbone_args": {"width": 16, "blocks": 1},
    "head": "binned",
    "head_args": {},
    "order": None,
}
RECIPE = Recipe(batch_size=32)


@pytest.fixture
def rows():
    y = CODEC.encode(FRAME).float()
    return Rows(y, torch.ones(len(y), dtype=torch.float32))


@pytest.fixture
def law():
    return build(lambda: TableLaw(CODEC, **PARTS), seed=0, device="cpu")


def state(law):
    return torch.cat([p.detach().flatten() for p in law.parameters()])


def run(rows, *, seed=0, steps=20, held_out=None, recipe=RECIPE, callbacks=(), **limits):
    law = build(lambda: TableLaw(CODEC, **PARTS), seed=0, device="cpu")
    limits = Limits(max_steps=steps, **limits)
    result = train(
        law, rows, held_out, limits=limits, recipe=recipe, seed=seed, callbacks=callbacks
    )
    return law, result


def test_a_seed_gives_the_same_weights_bit_for_bit(rows, untouched_rng):
    training_rows, held_out = split(rows, 0.2, 0)
    first, _ = run(training_rows, held_out=held_out)
    torch.rand(3, generator=torch.Generator())
    second, _ = run(training_rows, held_out=held_out)
    other, _ = run(training_rows, held_out=held_out, seed=1)
    assert torch.equal(state(first), state(second))
    assert not torch.equal(state(first), state(other))


def test_a_law_ends_in_evaluation_mode_with_a_better_score(rows):
    training_rows, held_out = split(rows, 0.2, 0)
    law, result = run(training_rows, held_out=held_out, steps=60)
    assert not law.training
    scores = [record["validation_loss"] for record in result.history]
    assert min(scores) < scores[0]
    check = Validation(law, held_out, 0)
    assert check.score(law) == pytest.approx(min(scores), rel=1e-5)


def test_a_score_does_not_depend_on_how_many_rows_are_scored_at_once(law, rows):
    with torch.no_grad():  # heads begin as if they knew nothing of what is shown
        for parameter in law.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, dtype=parameter.dtype)
    whole, parts = (Validation(law, rows, 0, at_once=k).score(law) for k in (len(rows), 70))
    assert parts == pytest.approx(whole, rel=1e-5)


def test_records_are_in_order_and_complete(rows):
    training_rows, held_out = split(rows, 0.2, 0)
    told = []
    _, result = run(training_rows, held_out=held_out, callbacks=[told.append])
    assert told == result.history
    keys = {"step", "epoch", "train_loss", "validation_loss", "skipped", "seconds"}
    assert all(record.keys() == keys for record in told)
    steps = [record["step"] for record in told]
    assert steps == sorted(set(steps))
    assert steps[-1] == result.n_steps == 20
    # 20 steps of 32 rows out of 240.
    assert told[-1]["epoch"] == pytest.approx(20 * 32 / 240)
    seconds = [record["seconds"] for record in told]
    assert seconds == sorted(seconds)
    parts = {"data", "forward", "backward", "step", "validation", "total"}
    assert result.profile.keys() >= parts
    assert sum(v for k, v in result.profile.items() if k != "total") <= result.profile["total"]


def test_without_held_out_rows_the_last_average_is_taken(rows):
    law, result = run(rows, steps=5)
    assert result.n_steps == 5
    assert all(math.isnan(record["validation_loss"]) for record in result.history)
    assert bool(state(law).isfinite().all())


LIMITS = {
    # 300 rows, 32 a batch: 9 whole batches an epoch.
    "steps": (Limits(max_steps=7), 7),
    "epochs": (Limits(max_epochs=2), 18),
    "a part of an epoch": (Limits(max_epochs=0.5), 4),
    "almost no epoch": (Limits(max_epochs=0.01), 1),
    "the lesser of two": (Limits(max_steps=7, max_epochs=2), 7),
    "none": (Limits(), 3500),
    "time that is too short": (Limits(max_time=1e-9), 1),
    "time that is longer than needed": (Limits(max_time=600.0, max_steps=3), 3),
}


def planned(law, rows, held_out, limits):
    facts = {"limits": limits, "recipe": RECIPE, "batch_size": 32, "seed": 0}
    check = Validation(law, held_out, 0)
    return plan_steps(law, rows, check=check, began=perf_counter(), **facts)


@pytest.mark.parametrize(("limits", "steps"), LIMITS.values(), ids=LIMITS)
def test_limits_become_steps(law, rows, limits, steps):
    assert planned(law, rows, None, limits) == steps


def test_planning_leaves_the_law_alone(law, rows, untouched_rng):
    before = state(law)
    assert planned(law, rows, rows, Limits(max_time=60.0)) > 1
    assert torch.equal(state(law), before)
    assert all(p.grad is None for p in law.parameters())


def test_a_run_limited_by_time_repeats_itself_by_its_steps(rows):
    training_rows, held_out = split(rows, 0.2, 0)
    timed, result = run(training_rows, steps=None, held_out=held_out, max_time=1.0)
    last = result.history[-1]["step"]
    if last == result.n_steps:  # unless the machine was too busy to keep its plan
        again, _ = run(training_rows, steps=result.n_steps, held_out=held_out)
        assert torch.equal(state(timed), state(again))


def test_a_plan_made_under_a_passing_load_is_mended_after_the_warm_up(rows, monkeypatch):
    monkeypatch.setattr(loop, "plan_steps", lambda *args, **facts: 1000)  # as if steps were slow
    monkeypatch.setattr(loop, "plan_again", lambda paces, **left: 1100 + len(paces))
    timed, result = run(rows, steps=None, max_time=600.0)
    assert result.n_steps == result.history[-1]["step"] == 1200
    monkeypatch.undo()
    again, _ = run(rows, steps=1200)
    assert torch.equal(state(timed), state(again))


def test_a_short_plan_made_under_a_passing_load_begins_anew(rows, monkeypatch):
    """Twice: 50 steps were planned, then 200, then 1,200, whose warm-up is the usual one."""
    plans = {50: 200, 200: 1200}
    monkeypatch.setattr(loop, "plan_steps", lambda *args, **facts: 50)
    monkeypatch.setattr(
        loop, "plan_again", lambda paces, *, planned, **left: plans.get(planned, planned)
    )
    timed, result = run(rows, steps=None, max_time=600.0)
    assert result.n_steps == result.history[-1]["step"] == 1200
    monkeypatch.undo()
    again, other = run(rows, steps=1200)
    assert torch.equal(state(timed), state(again))
    assert [r["step"] for r in result.history] == [r["step"] for r in other.history]


def test_runs_without_a_limit_on_time_are_planned_once(rows, monkeypatch):
    monkeypatch.setattr(loop, "plan_again", lambda *args, **left: 1)
    for steps in (120, 1000):
        assert run(rows, steps=steps)[1].n_steps == steps


def test_the_clock_stops_a_run_that_is_slower_than_planned(rows, monkeypatch, caplog):
    monkeypatch.setattr(loop, "plan_steps", lambda *args, **facts: 10**9)
    caplog.set_level(logging.INFO, logger="qdist")
    law, result = run(rows, steps=None, max_time=0.3)
    assert 0 < result.history[-1]["step"] < 10**9
    assert "stopped by the clock at step" in caplog.text
    assert not law.training


def test_a_callback_stops_and_all_are_told(rows):
    steps = []
    stop = [lambda record: record["step"] >= 4, lambda record: steps.append(record["step"])]
    _, result = run(rows, steps=40, callbacks=stop)
    assert steps == [1, 2, 3, 4]
    assert result.n_steps == 40
    assert result.history[-1]["step"] == 4


def test_patience_ends_a_run_without_progress(rows, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="qdist")
    scores = iter([3.0, 2.0, 2.5, 2.4, 2.3, 2.2])
    monkeypatch.setattr(Validation, "score", lambda self, law: next(scores))
    training_rows, held_out = split(rows, 0.2, 0)
    weights = []
    recipe = Recipe(batch_size=32, patience=3)

    def remember(record):
        weights.append(record["step"])

    _, result = run(
        training_rows, held_out=held_out, steps=40, recipe=recipe, callbacks=[remember]
    )
    assert result.history[-1]["step"] == 5  # best at 2, then three without a better one
    assert "stopped early at step 5; best was step 2" in caplog.text


def test_the_best_weights_win(rows, monkeypatch):
    scores = iter([3.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(Validation, "score", lambda self, law: next(scores))
    training_rows, held_out = split(rows, 0.2, 0)
    best, _ = run(training_rows, held_out=held_out, steps=4)
    # The same run, whose third validation is bad enough to stop at once after the second.
    scores = iter([3.0, 1.0, 2.0, 4.0])
    stopped, _ = run(
        training_rows, held_out=held_out, steps=4, callbacks=[lambda r: r["step"] == 2]
    )
    assert torch.equal(state(best), state(stopped))


def spoil(monkeypatch, bad, *, factor=math.nan):
    """Spoil the loss of the steps, counted from 1, of which `bad` is true."""
    forward, steps = TableLaw.forward, []

    def spoilt(self, y, visible, *, generator=None):
        loss = forward(self, y, visible, generator=generator)
        if len(y) != RECIPE.batch_size:  # a look ahead at what memory a step needs
            return loss
        steps.append(1)
        return loss * (factor if bad(len(steps)) else 1.0)

    monkeypatch.setattr(TableLaw, "forward", spoilt)


def test_a_loss_that_is_nan_from_the_start_is_an_error(rows, monkeypatch):
    spoil(monkeypatch, lambda step: True)
    words = r"Expected a finite loss and gradient; the loss was nan at step 11, after 10 other bad"
    with pytest.raises(TrainingError, match=words):
        run(rows)


def test_a_run_of_fewer_steps_that_are_all_bad_is_an_error(rows, monkeypatch):
    spoil(monkeypatch, lambda step: True)
    with pytest.raises(TrainingError, match="the loss was nan at step 2, after 1 other bad"):
        run(rows, steps=2)


def test_a_loss_that_becomes_nan_leaves_the_last_good_weights(rows, monkeypatch, caplog):
    good, _ = run(rows, steps=20, callbacks=[lambda record: record["step"] == 3])
    spoil(monkeypatch, lambda step: step >= 4)
    law, result = run(rows, steps=20)
    assert (
        "the loss was nan at step 14, after 10 other bad batches; kept the weights" in caplog.text
    )
    assert result.stopped == "bad batches"
    assert [record["skipped"] for record in result.history] == [0, 0, 0, *range(1, 11)]
    assert torch.equal(state(law), state(good))


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_a_few_bad_batches_are_skipped_and_counted(rows, monkeypatch, factor):
    """Two steps less, and all others as they would have been: nothing bad has touched a weight."""
    spoil(monkeypatch, lambda step: step in {5, 12}, factor=factor)
    law, result = run(rows, steps=20)
    assert result.stopped == "plan"
    assert [record["step"] for record in result.history] == list(range(1, 21))
    assert result.history[-1]["skipped"] == 2
    assert all(math.isfinite(record["train_loss"]) for record in result.history)
    assert bool(state(law).isfinite().all())


@pytest.mark.parametrize("every", [1, 7])
def test_a_nan_between_validations_spoils_nothing(rows, monkeypatch, every):
    spoil(monkeypatch, lambda step: step >= 2 * every)
    law, _ = run(rows, steps=40 * every)
    assert bool(state(law).isfinite().all())


def test_the_column_that_is_not_finite_is_named(law, rows):
    visible = torch.zeros(32, 3, dtype=torch.bool)
    assert law.culprit(rows.y[:32], visible) is None
    with torch.no_grad():
        law.joint.heads[1].layer.weight[0] = math.nan
    assert law.culprit(rows.y[:32], visible) == "b"
    visible[:, 1] = True  # given: its loss is not asked for
    assert law.culprit(rows.y[:32], visible) is None


def test_an_interrupted_run_keeps_the_best_weights_and_says_so(rows, caplog):
    def interrupt(record):
        if record["step"] == 5:
            raise KeyboardInterrupt

    law, result = run(rows, callbacks=[interrupt])
    same, _ = run(rows, callbacks=[lambda record: record["step"] == 5])
    assert result.stopped == "user"
    assert "stopped by the user at step 5 of 20; kept the weights of step 5" in caplog.text
    assert torch.equal(state(law), state(same))
    assert not law.training


def test_an_interruption_before_anything_is_worth_keeping_is_passed_on(rows, monkeypatch):
    def interrupt(self, y, visible, *, generator=None):
        raise KeyboardInterrupt

    law = build(lambda: TableLaw(CODEC, **PARTS), seed=0, device="cpu")
    monkeypatch.setattr(loop, "fit_into_memory", lambda law, rows, *sizes, seed: sizes)
    monkeypatch.setattr(TableLaw, "forward", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(law, rows, None, limits=Limits(max_steps=5), recipe=RECIPE, seed=0)


def test_held_out_scores_of_nan_are_not_the_best(rows, monkeypatch):
    scores = iter([3.0, 1.0, math.nan, math.nan])
    monkeypatch.setattr(Validation, "score", lambda self, law: next(scores))
    training_rows, held_out = split(rows, 0.2, 0)
    kept, _ = run(training_rows, held_out=held_out, steps=4)
    scores = iter([3.0, 1.0, 2.0, 2.0])
    best, _ = run(training_rows, held_out=held_out, steps=4)
    assert torch.equal(state(kept), state(best))


def test_held_out_rows_that_are_never_scored_are_an_error(rows, monkeypatch):
    training_rows, held_out = split(rows, 0.2, 0)
    monkeypatch.setattr(Validation, "score", lambda self, law: math.inf)
    with pytest.raises(TrainingError, match="Expected a finite score on the held-out rows; got"):
        run(training_rows, held_out=held_out, steps=2)


def test_rows_of_no_weight_teach_nothing(rows):
    weight = torch.ones(300, dtype=torch.float32)
    weight[150:] = 0
    changed = rows.y.clone()
    changed[150:] = changed[:150]
    recipe = Recipe(batch_size=300)
    first, _ = run(Rows(rows.y, weight), steps=3, recipe=recipe)
    second, _ = run(Rows(changed, weight), steps=3, recipe=recipe)
    assert torch.allclose(state(first), state(second), atol=1e-4)


def test_an_epoch_visits_whole_batches_of_distinct_rows(generator):
    batches = Batches(10, 3, generator)
    for _ in range(2):
        epoch = torch.cat([next(batches) for _ in range(3)])
        assert len(set(epoch.tolist())) == 9


def test_every_learner_has_an_order_of_its_own(generator):
    batches = Batches(100, 30, generator, learners=3)
    epoch = torch.stack([next(batches) for _ in range(3)])  # 3 batches of 30 rows for each of 3
    assert epoch.shape == (3, 90)
    apart = [epoch[:, k::3].flatten().tolist() for k in range(3)]
    assert [len(set(rows)) for rows in apart] == [90, 90, 90]
    assert apart[0] != apart[1] != apart[2]


def test_a_split_is_a_partition(rows):
    training_rows, held_out = split(rows, 0.1, 3)
    assert (len(training_rows), len(held_out)) == (270, 30)
    both = torch.cat([training_rows.y, held_out.y])
    assert torch.equal(both.sort(0).values, rows.y.sort(0).values)
    again, _ = split(rows, 0.1, 3)
    assert torch.equal(again.y, training_rows.y)


@pytest.mark.parametrize(("n", "fraction"), [(300, 0.0), (2, 0.5), (1, 0.5), (3, 0.1)])
def test_no_rows_are_held_out_where_too_few_would_be_left(n, fraction):
    rows = Rows(torch.zeros(n, 1), torch.ones(n))
    kept, held_out = split(rows, fraction, 0)
    assert held_out is None
    assert len(kept) == n
