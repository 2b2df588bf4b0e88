"""Every code block of the site and of README is run, page by page, in order."""

import re
import shlex
from pathlib import Path

import click
import pytest
import torch

from qdist.cli import app
from qdist.data.datasets import load_penguins

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```", flags=re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """The line where each block starts, and its text without the indentation of the fence."""
    text = page.read_text()
    return [
        (
            text.count("\n", 0, match.start(3)) + 1,
            re.sub(f"^{match[1]}", "", match[3], flags=re.MULTILINE),
        )
        for match in FENCE.finditer(text)
        if match[2] in languages
    ]


def with_blocks(*languages: str) -> list[object]:
    return [
        pytest.param(page, id=str(page.relative_to(ROOT)))
        for page in PAGES
        if blocks(page, *languages)
    ]


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_default_dtype(torch.float32)  # as a reader has it
    load_penguins().to_csv("penguins.csv", index=False)  # for pages that read a file
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(page, "python"):
        # The blank lines make a traceback point at the line of the page.
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)


def commands(page: Path) -> list[list[str]]:
    """The words of each `qdist` call in shell blocks."""
    found = []
    for _, text in blocks(page, "bash", "console", "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            line = re.split(r"\s\|\s|\s>\s|\s#\s", line.strip().removeprefix("$ "))[0]
            if line.startswith("qdist "):
                found.append(shlex.split(line)[1:])
    return found


@pytest.mark.parametrize(
    "page", [page for page in with_blocks("bash", "console", "sh") if commands(page.values[0])]
)
def test_shell_blocks_are_understood(page):
    for words in commands(page):
        command = app.commands.get(words[0])
        assert command is not None, f"qdist {words[0]} is no command"
        with command.make_context(f"qdist {words[0]}", words[1:]) as context:
            assert isinstance(context, click.Context)


def test_make_targets_that_pages_name_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        name
        for page in PAGES
        for _, text in blocks(page, "bash", "console", "sh", "text")
        for name in re.findall(r"^(?:\$ )?make (\w+)", text, flags=re.MULTILINE)
    }
    assert named
    assert named <= targets
