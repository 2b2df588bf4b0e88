"""Threads of torch: how many work on one operation, and operations side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

__all__ = ["side_by_side", "threads"]

T = TypeVar("T")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many threads for a while.

    Args:
        number: How many work on one operation.

    Example:
        >>> import torch
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
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
    a table of samples; those with rows of their own do not.

    Args:
        tasks: What to run, on the CPU. None may depend on another one, and a random number only
            on what the task was made of.

    Yields:
        What the tasks return, in their order. No more of them run ahead of the reader than there
        are threads.

    Example:
        >>> list(side_by_side([lambda: "a", lambda: "b"]))
        ['a', 'b']
    """
    workers = torch.get_num_threads()
    if workers == 1:
        for task in tasks:
            yield task()
        return
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    ahead: deque[Future[T]] = deque()
    try:
        for task in tasks:
            if len(ahead) == workers:
                yield ahead.popleft().result()
            ahead.append(pool.submit(task))
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        # A number that a thread sets is its own for some libraries below torch, not for all.
        torch.set_num_threads(workers)
