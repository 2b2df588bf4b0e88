"""A short run that begins anew: nothing of its first steps is left, in memory or on the disk."""

import time

import pytest
import torch

from qdist.codecs.table import TableCodec
from qdist.laws import TableLaw, build
from qdist.training import Checkpoint, Limits, Recipe, Rows, loop, train
from qdist.training.run import Run

FRAME = {"a": [0.1 * k for k in range(60)], "b": [["x", "y"][k % 2] for k in range(60)]}
CODEC = TableCodec.fit(FRAME)
Y = CODEC.encode(FRAME).float()
ROWS, RECIPE = Rows(Y, torch.ones(60, dtype=torch.float32)), Recipe(batch_size=16)


class Killed(BaseException):
    """Nothing catches this, as nothing catches SIGKILL."""


@pytest.fixture
def law():
    small = {"width": 8, "blocks": 1}
    parts = {"backbone": "mlp", "backbone_args": small, "head": "binned", "head_args": {}}
    return build(lambda: TableLaw(CODEC, **parts), seed=0, device="cpu")


def take_a_step(run):
    y = Y[next(run.batches)]
    with run.noise:
        questions = run.law.questions(len(y), generator=run.generator)
        run.loss = run.law(y, questions, generator=run.generator).mean()
    run.optimiser.zero_grad()
    run.loss.backward()
    run.optimiser.step()
    run.step += 1
    run.average.update(run.step)
    run.best.offer(1.0, run.step, run.average.weights)
    run.history.append({"step": run.step})
    run.skipped, run.loss = 1, run.loss.item()


def test_all_but_the_plan_and_the_clock_is_as_before_the_first_step(law):
    run = Run(law, RECIPE, n_rows=60, batch_size=16, n_steps=50, seed=0, began=time.perf_counter())
    first = run.copied_state()
    for _ in range(5):
        take_a_step(run)
    assert "optimiser.0.step" in run.state()
    assert "best.0" in run.state()
    seconds, run.n_steps = run.seconds, 200
    run.begin_anew(first)
    found = run.state()
    assert found.keys() == first.keys()
    assert found["n_steps"] == 200
    assert found["seconds"] >= seconds
    for name in found.keys() - {"n_steps", "seconds"}:
        same = torch.equal if isinstance(found[name], torch.Tensor) else lambda a, b: a == b
        assert same(found[name], first[name]) or found[name] != found[name], name


def test_a_plan_that_was_given_up_is_not_what_a_killed_run_goes_on_with(
    law, monkeypatch, tmp_path
):
    """50 steps, after 5 of them 200; killed three steps later, long before it is time to write."""
    monkeypatch.setattr(loop, "plan_steps", lambda *args, **facts: 50)
    after: list[int] = []  # how many steps were taken since the second plan

    def plan_again(paces, **facts):
        after.append(0)
        return 200

    def kill(law, args, loss):
        if after and law.training:
            after[0] += 1
            if after[0] > 3:
                raise Killed
        return loss

    monkeypatch.setattr(loop, "plan_again", plan_again)

    def kept():
        checkpoint = Checkpoint(tmp_path)
        checkpoint.seed(0)
        return checkpoint.claim(ROWS, None)

    law.register_forward_hook(kill)
    limits = Limits(max_time=600.0)
    with pytest.raises(Killed):
        train(law, ROWS, None, limits=limits, recipe=RECIPE, seed=0, checkpoint=kept())
    assert kept().state["n_steps"] == 200
