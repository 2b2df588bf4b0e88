"""A progress bar is drawn where asked for, on standard error, and nowhere else."""

import sys

import pytest

from qdist.progress import _watched, progress, showing


def draw(show: bool | None) -> None:
    with progress("fitting", total=2, show=show) as bar:
        bar.update(1, note="loss [red]0.5")
        bar.update(2, total=2, note="loss [red]0.3")


@pytest.mark.parametrize("show", [None, False])
def test_nothing_is_drawn_where_nobody_watches(show, capsys):
    draw(show)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_asked_for_it_is_drawn_on_standard_error(capsys):
    draw(show=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fitting" in captured.err
    assert "[red]0.3" in captured.err  # no markup


def test_showing_has_the_last_word(capsys):
    with showing(visible=False):
        draw(show=True)
    assert capsys.readouterr().err == ""
    with showing(visible=True):
        draw(show=None)
    assert "fitting" in capsys.readouterr().err


def test_a_terminal_is_enough(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    draw(show=None)
    assert "fitting" in capsys.readouterr().err


@pytest.mark.parametrize("widgets", [True, False])
@pytest.mark.parametrize("shell", ["ZMQInteractiveShell", "TerminalInteractiveShell"])
def test_a_notebook_with_widgets_is_enough(shell, widgets, monkeypatch):
    running = type(shell, (), {})()
    monkeypatch.setattr("builtins.get_ipython", lambda: running, raising=False)
    monkeypatch.setattr("qdist.progress.find_spec", lambda name: name if widgets else None)
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert _watched() == (widgets and shell == "ZMQInteractiveShell")
    monkeypatch.delitem(sys.modules, "IPython")
    assert not _watched()


def test_an_error_inside_gets_out():
    with pytest.raises(ZeroDivisionError), progress("fitting", show=True) as bar:
        bar.update(1 / 0)
