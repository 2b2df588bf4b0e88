"""A process killed with SIGKILL in the middle of a fit, and a fit that ends the same."""

import os
import signal
import time

import numpy as np
import pytest

import qdist
from qdist.training import checkpoint

RNG = np.random.default_rng(0)
FRAME = {"a": RNG.normal(size=150), "b": ["x", "y", "z"] * 50}


def fit(folder=None):
    model = qdist.TabularModel(
        max_steps=60, random_state=0, backbone_args={"width": 16, "blocks": 1}
    )
    return model.fit(FRAME, checkpoint=folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_fit_killed_twice_ends_bit_for_bit_as_one_that_was_not(tmp_path, monkeypatch):
    """Each process is killed as soon as it has gone on from where the last one was."""
    monkeypatch.setattr(checkpoint, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", 0.0)
    file, steps = tmp_path / "fit.safetensors", [-1]
    for _ in range(2):
        child = os.fork()
        if not child:  # no way out but by the signal
            try:
                fit(tmp_path)
            finally:
                os._exit(0)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if file.exists() and qdist.training.Checkpoint(tmp_path).state["step"] > steps[-1] + 9:
                break
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the fit was over before it was killed"
        steps.append(qdist.training.Checkpoint(tmp_path).state["step"])
    assert 0 < steps[1] < steps[2] < 60
    model, whole = fit(tmp_path), fit()
    for name, weights in whole.module_.state_dict().items():
        assert weights.equal(model.module_.state_dict()[name]), name
    scores = [[r["validation_loss"] for r in m.history_] for m in (model, whole)]
    assert scores[0] == scores[1]
