"""Files of every format that was ever written still load, and answer as they did."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import qdist
from qdist.files import FORMAT
from qdist.files.upgrades import UPGRADES

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.glob("format-*/*.qdist"))


def make():
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def close(got, wanted):
    """Numbers within float32 rounding of another machine; all else equal."""
    if isinstance(wanted, dict):
        assert got.keys() == wanted.keys()
        for key, value in wanted.items():
            close(got[key], value)
    elif isinstance(wanted, list) and not all(isinstance(v, int | float) for v in wanted):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            close(one, other)
    elif isinstance(wanted, list | float):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    else:
        assert got == wanted


def test_there_are_files_of_each_format():
    names = {
        f"format-{k}/{n}" for k in range(1, FORMAT + 1) for n in ("table", "image", "regressor")
    }
    names |= {f"format-{k}/implicit" for k in range(3, FORMAT + 1)}
    assert {f"{p.parent.name}/{p.stem}" for p in FILES} == names
    assert sorted(UPGRADES) == list(range(1, FORMAT))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_golden_file_answers_as_it_did(path, tmp_path):
    wanted = json.loads(path.with_suffix(".json").read_text())
    model = qdist.load(path)
    close(json.loads(json.dumps(make().answers(path.stem, model))), wanted)
    model.save(tmp_path / "again.qdist")
    again = qdist.load(tmp_path / "again.qdist")
    close(json.loads(json.dumps(make().answers(path.stem, again))), wanted)


def test_a_leak_of_an_older_file_is_dropped():
    """It was an argument of heads that took part in training alone."""
    args = {"head_args": {"leak": 0.5, "n_tau": 4}}
    old = {"params": dict(args), "parts": {**args, "head": "implicit"}}
    meta, _ = UPGRADES[3](old, {})
    assert meta["params"] == {"head_args": {"n_tau": 4}}
    assert meta["parts"] == {"head_args": {"n_tau": 4}, "head": "implicit"}
    assert old["params"] == args


def test_a_count_of_trees_in_an_older_file_makes_no_list_of_that_length():
    old = {"estimator": "DistributionRegressor", "parts": {"trees": 10**12, "shares": [[1.0]]}}
    meta, _ = UPGRADES[4](old, {})
    assert meta["parts"]["leafwise"] == [False]


def test_no_file_holds_an_id():
    for path in FILES:
        assert b"person-" not in path.read_bytes()
