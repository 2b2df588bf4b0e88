"""From limits to a number of steps, and the schedule over these steps."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qdist.codecs.table import TableCodec
from qdist.laws import TableLaw
from qdist.training import Limits, Recipe, Rows, loop, plan, train
from qdist.training.plan import plan_again, plan_steps
from qdist.training.schedule import schedule

RECIPE = Recipe(batch_size=32)
ROWS = Rows(torch.linspace(-1, 1, 300).unsqueeze(1), torch.ones(300))


@pytest.mark.parametrize(("gone", "steps"), [(0, 8890), (70, 1890), (92, 1)])
def test_what_is_gone_before_the_first_step_is_no_time_for_steps(monkeypatch, gone, steps):
    """Of 100 s 93 are planned; some are gone, and 41 checks take a tenth of a second each."""
    monkeypatch.setattr(plan, "_speed", lambda *args: (0.01, 0.1))
    monkeypatch.setattr(plan, "Run", lambda *args, **facts: None)
    monkeypatch.setattr(plan, "time", SimpleNamespace(perf_counter=lambda: 100.0 + gone))
    limits = Limits(max_time=100.0, max_steps=10**6)
    facts = {"check": None, "limits": limits, "recipe": RECIPE, "batch_size": 32, "seed": 0}
    found = plan_steps(None, ROWS, **facts, began=100.0)
    assert found == pytest.approx(steps, abs=1)


def test_the_look_at_the_memory_counts_as_time_of_the_run(monkeypatch):
    times = {}

    def look(law, rows, *sizes, seed):
        times["look"] = time.perf_counter()
        return sizes

    monkeypatch.setattr(loop, "fit_into_memory", look)
    monkeypatch.setattr(loop, "plan_steps", lambda *args, **facts: times.update(facts) or 1)
    codec = TableCodec.fit({"a": ROWS.y[:, 0].tolist()})
    args = {"width": 8, "blocks": 1}
    law = TableLaw(
        codec, backbone="mlp", backbone_args=args, head="binned", head_args={}, order=None
    )
    train(law, ROWS, None, limits=Limits(max_time=600.0), recipe=RECIPE, seed=0)
    assert times["began"] < times["look"]


def test_the_pace_is_that_of_the_lower_quartile():
    # 30 steps of 1 s and 70 of 9 s under a load that passes: a step takes 1 s.
    paces = [1.0] * 30 + [9.0] * 70
    assert plan_again(paces, planned=1000, most=9999, left=2500.0) == 100 + 2500
    assert plan_again(paces, planned=1000, most=1234, left=2500.0) == 1234
    assert plan_again(paces, planned=5000, most=9999, left=1.0) == 1000


def test_a_short_run_begins_anew_for_twice_the_steps():
    paces = [1.0] * 10 + [9.0] * 10
    assert plan_again(paces, planned=200, most=9999, left=399.0) == 200
    assert plan_again(paces, planned=200, most=9999, left=400.0) == 400
    assert plan_again(paces, planned=200, most=250, left=400.0) == 200
    # A quarter of the way from 0.4 to 1.6 is 0.7, where 8 s are 11 steps.
    assert plan_again([0.4, 1.6], planned=5, most=9999, left=8.0) == 11
    assert plan_again([0.4, 2.0], planned=25, most=9999, left=8.0) == 25


def test_the_schedule_warms_up_and_ends_near_zero():
    rates = [schedule(step, 400) for step in range(1, 401)]
    # 40 steps (a tenth) of warm-up; then a line that would be zero at step 401.
    assert rates[:3] == pytest.approx([1 / 40, 2 / 40, 3 / 40])
    assert np.argmax(rates) == 39
    assert rates[-2:] == pytest.approx([2 / 361, 1 / 361])
    assert schedule(1, 1) == 1.0


@given(st.integers(1000, 10**6), st.integers(1000, 10**6), st.integers(1, 100))
def test_the_warm_up_does_not_depend_on_the_plan(first, second, step):
    assert schedule(step, first) == schedule(step, second) == step / 100
