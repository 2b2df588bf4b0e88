"""Threads of torch: how many work on one operation, and operations side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import torch

from qdist.arguments import number as a_number
from qdist.errors import InputError

__all__ = ["by_batches", "side_by_side", "slices", "threads"]

T = TypeVar("T")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many threads for a while.

    Args:
        number: How many work on one operation, at least 1.

    Raises:
        InputError: If it is no such number.

    Example:
        >>> import torch
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
    a_number("number", number, least=1, whole=True)
    before = torch.get_num_threads()
    if number == before:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(tasks: Iterable[Callable[[], T]]) -> Iterator[T]:
    """Run tasks at once, as many as torch has threads, each on one of these.

    Threads that share an operation wait for each other at its end, tens of thousands of times for
    a table of samples; those with rows of their own do not. Autocast, which torch keeps for each
    thread, is on in a task where it is on at the first one's start.

    Args:
        tasks: What to run, on the CPU. None may depend on another one, and a random number only
            on what the task was made of.

    Yields:
        What the tasks return, in their order. No more of them run ahead of the reader than there
        are threads.

    Raises:
        InputError: If one of them cannot be run.

    Example:
        >>> list(side_by_side([lambda: "a", lambda: "b"]))
        ['a', 'b']
    """
    workers = torch.get_num_threads()
    if workers == 1:
        for task in _checked(tasks):
            yield task()
        return
    dtype, lower = torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu")

    def alone(task: Callable[[], T]) -> T:
        with torch.autocast("cpu", dtype=dtype, enabled=lower):
            return task()

    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    ahead: deque[Future[T]] = deque()
    try:
        for task in _checked(tasks):
            if len(ahead) == workers:
                yield ahead.popleft().result()
            ahead.append(pool.submit(alone, task))
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        # What a worker sets for itself is also torch's default for threads that start later.
        torch.set_num_threads(workers)


def by_batches(
    part: Callable[[slice], T], n: int, *, most: int, least: int, multiple: int = 1
) -> Iterator[T]:
    """What a function makes of n rows, a batch at a time: side by side where rows are many.

    Args:
        part: What is made of the rows of a slice; none of it may depend on other rows.
        n: The number of rows. Where there is none, the function is called once all the same.
        most: Rows of a batch, at most, about.
        least: Rows that a thread must have for itself, lest starting it take longer than it
            saves. No more threads are used than that allows; where it allows one, all threads
            share each operation.
        multiple: Batches that run side by side begin at rows that are multiples of it.

    Yields:
        What the function returns, in the order of the rows.

    Raises:
        InputError: If a number is not a whole one of at least 1 (n: at least 0).

    Example:
        >>> list(by_batches(lambda at: at.stop - at.start, 10, most=4, least=100))
        [4, 4, 2]
    """
    for name, value in (("most", most), ("least", least), ("multiple", multiple)):
        a_number(name, value, least=1, whole=True)
    a_number("n", n, least=0, whole=True)
    workers = min(torch.get_num_threads(), n // least)
    if workers <= 1:
        yield from map(part, slices(n, most))
        return
    size = -(-n // (workers * -(-n // (workers * most))))  # as many batches for each thread
    size += -size % multiple
    yield from side_by_side(partial(part, at) for at in slices(n, size))


def slices(n: int, size: int) -> Iterator[slice]:
    """Slices of n rows, at most so many in each; an empty one, if there is none.

    Args:
        n: The number of rows.
        size: Rows of a slice, at most.

    Raises:
        InputError: If a number is not a whole one of at least 0, or 1 for the size.

    Example:
        >>> list(slices(5, 3))
        [slice(0, 3, None), slice(3, 5, None)]
    """
    a_number("n", n, least=0, whole=True)
    a_number("size", size, least=1, whole=True)
    for start in range(0, max(n, 1), size):
        yield slice(start, min(start + size, n))


def _checked(tasks: Iterable[Callable[[], T]]) -> Iterator[Callable[[], T]]:
    if not isinstance(tasks, Iterable):
        raise InputError(
            f"Expected tasks to be a list of functions; got {tasks!r:.80}. Put one into a list."
        )
    for task in tasks:
        if not callable(task):
            raise InputError(
                f"Expected tasks that are functions of nothing; got {task!r:.80}. "
                "Give the function, not what it returns."
            )
        yield task
