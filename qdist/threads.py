"""Threads of torch: how many work on one operation, and operations side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

from qdist.arguments import number as a_number
from qdist.errors import InputError

__all__ = ["side_by_side", "threads"]

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
    a table of samples; those with rows of their own do not.

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
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    ahead: deque[Future[T]] = deque()
    try:
        for task in _checked(tasks):
            if len(ahead) == workers:
                yield ahead.popleft().result()
            ahead.append(pool.submit(task))
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


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
