"""Threads: as many as asked for, for a while; tasks side by side, in their order."""

import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import qdist
from qdist.laws import table
from qdist.threads import by_batches, side_by_side, slices, threads


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


def test_threads_that_start_later_have_as_many_as_before(two_threads):
    list(side_by_side([lambda: 1] * 3))
    seen = []
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [2]


def test_no_more_run_ahead_than_there_are_threads(two_threads):
    begun = []
    results = side_by_side(lambda k=k: begun.append(k) for k in range(10))
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 3  # one was read, and two are ahead
    results.close()
    assert len(begun) <= 3
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("number", [1, 2])
def test_autocast_holds_in_tasks_where_it_holds_outside(number):
    def task():
        return torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    with threads(number):
        with torch.autocast("cpu", torch.float16):
            assert list(side_by_side([task] * 3)) == [(True, torch.float16)] * 3
        assert [lower for lower, _ in side_by_side([task] * 3)] == [False] * 3
    assert not torch.is_autocast_enabled("cpu")


@given(n=st.integers(0, 60), size=st.integers(1, 70))
def test_slices_cover_all_rows_once_in_order(n, size):
    found = list(slices(n, size))
    assert [row for at in found for row in range(n)[at]] == list(range(n))
    assert max(at.stop - at.start for at in found) <= size
    assert len(found) == max(1, -(-n // size))


@given(
    n=st.integers(0, 200),
    most=st.integers(1, 30),
    least=st.integers(1, 60),
    multiple=st.integers(1, 5),
    number=st.integers(1, 3),
)
def test_batches_cover_all_rows_once_in_order(n, most, least, multiple, number):
    with threads(number):
        found = list(
            by_batches(
                lambda at: (at, threading.current_thread()),
                n,
                most=most,
                least=least,
                multiple=multiple,
            )
        )
    assert [row for at, _ in found for row in range(n)[at]] == list(range(n))
    alone = {thread for _, thread in found} == {threading.current_thread()}
    assert alone == (number == 1 or n < 2 * least)
    room = most if alone else most + multiple - 1
    assert max(at.stop - at.start for at, _ in found) <= room
    if not alone:
        assert n / len(found) >= min(least, most) / 2  # a thread is not started for a few rows
        assert all(at.start % multiple == 0 for at, _ in found)
        # The last batch may be short, or gone, by what the others were rounded up.
        assert len({at.stop - at.start for at, _ in found[:-1]}) <= 1


def test_batches_side_by_side_are_as_many_for_each_thread(two_threads):
    # 100 rows, 30 at most: two for each of two threads, of 25 rows.
    sizes = list(by_batches(lambda at: at.stop - at.start, 100, most=30, least=10))
    assert sizes == [25] * 4


def test_many_threads_take_as_many_rows_as_are_worth_one():
    # 100 rows, 30 for each thread at least: three of sixteen threads, with 34, 34 and 32 rows.
    with threads(16):
        sizes = list(by_batches(lambda at: at.stop - at.start, 100, most=50, least=30))
    assert sizes == [34, 34, 32]


def test_samples_are_the_same_on_one_thread_and_side_by_side(two_threads, monkeypatch):
    monkeypatch.setattr(table, "_LEAST_ROWS", 8)
    monkeypatch.setattr(table, "_ROWS", 32)
    monkeypatch.setattr(table, "_DRAWN", 32)
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
