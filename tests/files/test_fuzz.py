"""A small part of what `python tests/files/fuzz.py` does."""

import importlib.util
import sys
import warnings
from pathlib import Path

import pytest


@pytest.mark.filterwarnings("ignore")
def test_changed_files_are_refused_or_models():
    spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).parent / "fuzz.py")
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fuzz.run(150, seed=20, tell=told.append)
    assert told == []
    ends = {key.split(": ")[-1] for key in found}
    assert {"refused", "loaded, answers"} <= ends, found
    assert "fuzz" not in sys.modules
