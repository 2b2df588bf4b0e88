"""Fixtures of the table of mistakes."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

TABLE = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "table_of_mistakes.py")))


@pytest.fixture(scope="session")
def fitted():
    """A model of each kind."""
    return TABLE.fitted()


@pytest.fixture
def world(fitted, tmp_path):
    """A world to make mistakes in."""
    return TABLE.World(fitted, tmp_path)
