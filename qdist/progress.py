"""A progress bar on standard error: shown where someone is watching, or where asked for.

The library prints nothing. This is the one place that draws, and only on a terminal or in a
notebook, in a way that leaves standard output alone.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Bar", "progress", "showing"]

_SHOW: Final[ContextVar[bool | None]] = ContextVar("qdist_show_progress", default=None)


@contextmanager
def showing(*, visible: bool | None) -> Iterator[None]:
    """Show or hide every progress bar opened inside, whatever the terminal.

    Args:
        visible: `True` shows, `False` hides, `None` leaves it to the terminal or the notebook.

    Example:
        >>> with showing(visible=False), progress("fitting", total=3) as bar:
        ...     bar.update(3)
    """
    token = _SHOW.set(visible)
    try:
        yield
    finally:
        _SHOW.reset(token)


@final
class Bar:
    """What the caller of [`progress`][qdist.progress.progress] holds; hidden, it does nothing."""

    def __init__(self, shown: "Progress | None" = None, task: "TaskID | None" = None) -> None:
        self._shown = shown
        self._task = task

    def update(self, done: float, *, total: float | None = None, note: str = "") -> None:
        """Move the bar.

        Args:
            done: How much is done, from the start.
            total: How much there is to do, if that has only now become known.
            note: A few words at the end of the line, such as the loss.
        """
        if self._shown is None or self._task is None:
            return
        if total is None:
            self._shown.update(self._task, completed=done, note=note)
        else:
            self._shown.update(self._task, completed=done, total=total, note=note)


@contextmanager
def progress(what: str, *, total: float | None = None, show: bool | None = None) -> Iterator[Bar]:
    """A bar for a piece of long work.

    Args:
        what: A word or two in front of the bar.
        total: How much there is to do; `None` while that is not known.
        show: Whether to show it; `None` shows it if standard error is a terminal, or in a notebook
            with ipywidgets.
            [`showing`][qdist.progress.showing] has the last word.

    Yields:
        The bar to update.

    Example:
        >>> with progress("fitting", total=10, show=False) as bar:
        ...     for step in range(10):
        ...         bar.update(step + 1, note="loss 0.31")
    """
    override = _SHOW.get()
    wanted = show if override is None else override
    if wanted is None:
        wanted = _watched()
    if not wanted:
        yield Bar()
        return
    # Only here: rich is a tenth of a second at import that most processes never need.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    shown = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),  # column names may hold brackets
        console=Console(stderr=True),
    )
    with shown:
        yield Bar(shown, shown.add_task(what, total=total, note=""))


def _watched() -> bool:
    """Whether somebody sees what is drawn: on a terminal, or in a notebook."""
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    if "IPython" not in sys.modules:  # which each kernel of a notebook has loaded
        return False
    from rich.console import Console

    # Without widgets rich draws nothing there, and warns.
    return Console(stderr=True).is_jupyter and find_spec("ipywidgets") is not None
