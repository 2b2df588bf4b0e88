"""The table of mistakes: each ends in the right error, in words that help, and harms nothing."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

TABLE = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "table_of_mistakes.py")))
ROWS = TABLE.rows()


@pytest.mark.parametrize(("call", "error", "words"), ROWS.values(), ids=ROWS)
def test_a_mistake_ends_in_words_that_help(world, call, error, words):
    TABLE.refusal(world, call, error, words)
