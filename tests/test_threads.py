"""Threads: as many as asked for, for a while; tasks side by side, in their order."""

import threading
import time

import numpy as np
import pytest
import torch

import qdist
from qdist.laws import table
from qdist.threads import side_by_side, threads


@pytest.fixture
def two_threads():
    with threads(2):
        yield


def test_a_number_of_threads_for_a_while(two_threads):
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), threads(1):
        raise KeyError
    assert torch.get_num_threads() == 2


def test_results_come_in_order_however_long_the_tasks_take(two_threads):
    def task(k):
        time.sleep(0.02 if k % 2 else 0.0)
        return k

    assert list(side_by_side(lambda k=k: task(k) for k in range(7))) == list(range(7))
    assert list(side_by_side([])) == []


def test_two_run_at_once_each_on_one_thread(two_threads):
    both = threading.Barrier(2, timeout=20)  # broken, unless two tasks meet at it

    def task():
        both.wait()
        return torch.get_num_threads()

    assert list(side_by_side([task] * 4)) == [1, 1, 1, 1]
    assert torch.get_num_threads() == 2


def test_on_one_thread_nothing_is_started():
    with threads(1):
        names = list(side_by_side([lambda: threading.current_thread()] * 2))
    assert names == [threading.current_thread()] * 2


def test_a_task_that_fails_says_so_and_leaves_the_threads_as_they_were(two_threads):
    def fails():
        raise ValueError("of this task")

    with pytest.raises(ValueError, match="of this task"):
        list(side_by_side([lambda: 1, fails, lambda: 2]))
    assert torch.get_num_threads() == 2


def test_no_more_run_ahead_than_there_are_threads(two_threads):
    begun = []
    results = side_by_side(lambda k=k: begun.append(k) for k in range(10))
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 3  # one was read, and two are ahead
    results.close()
    assert len(begun) <= 3
    assert torch.get_num_threads() == 2


def test_samples_are_the_same_on_one_thread_and_side_by_side(two_threads, monkeypatch):
    monkeypatch.setattr(table, "_LEAST_ROWS", 8)
    monkeypatch.setattr(table, "_ROWS", 32)
    rng = np.random.default_rng(0)
    frame = {"x": rng.normal(size=200), "level": rng.choice(["a", "b"], 200)}
    model = qdist.TabularModel(max_steps=20, random_state=0, backbone_args={"width": 16})
    model.fit(frame)
    together = model.sample(101, random_state=1)
    scores = model.score_samples(frame)
    with threads(1):
        alone = model.sample(101, random_state=1)
        assert list(together["level"]) == list(alone["level"])
        np.testing.assert_allclose(together["x"], alone["x"], rtol=1e-5)
        np.testing.assert_allclose(scores, model.score_samples(frame), rtol=1e-5, atol=1e-5)
