"""A fit that was long enough ends with calibrated marginals, and can still be repeated."""

import numpy as np
import pytest
import torch

import qdist
from qdist.estimators import calibration
from qdist.training import Limits, train

RNG = np.random.default_rng(0)
FRAME = {"a": RNG.normal(size=400), "b": RNG.choice(["x", "y", "z"], 400, p=[0.7, 0.2, 0.1])}
SMALL = {"backbone_args": {"width": 16, "blocks": 1}, "batch_size": 256, "random_state": 0}


def test_a_short_fit_is_not_calibrated():
    # 20 steps of 256 rows are worth 20 * 256 / 10 / 2 = 256 drawn rows, fewer than 1,000.
    model = qdist.TabularModel(max_steps=20, **SMALL).fit(FRAME)
    assert "calibration" not in model.profile_


def test_a_longer_one_is_and_repeats():
    one = qdist.TabularModel(max_steps=120, **SMALL).fit(FRAME)
    assert one.profile_["calibration"] > 0
    assert one.profile_["total"] > one.profile_["calibration"]
    two = qdist.TabularModel(max_steps=one.n_steps_, **SMALL).fit(FRAME)
    same = two.module_.state_dict()
    assert all(torch.equal(value, same[name]) for name, value in one.module_.state_dict().items())


def test_weights_and_all_rows_are_told(monkeypatch):
    told = {}
    monkeypatch.setattr(
        "qdist.joint.Ensemble.calibrate", lambda joint, y, **more: told.update(y=y, **more)
    )
    weight = np.arange(1, 401)
    model = qdist.TabularModel(max_steps=120, **SMALL).fit(FRAME, sample_weight=weight)
    assert torch.equal(told["y"], model.encode(FRAME))  # those held out for validation too
    expected = torch.from_numpy(weight / weight.mean())
    torch.testing.assert_close(told["weight"].double(), expected, rtol=1e-6, atol=0)


def test_training_is_told_of_the_time_that_is_left(monkeypatch):
    told = []

    def spy(*args, limits, **more):
        told.append(limits.max_time)
        return train(*args, limits=limits, **more)

    monkeypatch.setattr("qdist.estimators.tabular.train", spy)
    qdist.TabularModel(max_time=50, max_steps=3, **SMALL).fit(FRAME)
    assert told == [48.0]


def test_it_moves_the_shares_of_samples(monkeypatch):
    """Those of the second column of a chain: the first one's are exact without it."""
    frame = {**FRAME, "c": RNG.choice(list("pqrst"), 400, p=[0.6, 0.1, 0.1, 0.1, 0.1])}

    def share(model):
        assert model.order_[:2] == ["b", "c"]
        return float(np.mean(np.asarray(model.sample(20_000, random_state=1)["c"]) == "p"))

    args = {**SMALL, "learning_rate": 0.03, "validation_fraction": 0}
    with monkeypatch.context() as patched:
        patched.setattr(calibration, "_LEAST", 10**9)
        without = share(qdist.TabularModel(max_steps=120, **args).fit(frame))
    with_it = share(qdist.TabularModel(max_steps=120, **args).fit(frame))
    wanted = float(np.mean(frame["c"] == "p"))
    # Of 20,000 draws, 3 deviations are 0.0104; of 1,500 contexts a little more.
    assert abs(with_it - wanted) < 0.012
    assert abs(with_it - wanted) < abs(without - wanted)


def test_an_interrupt_keeps_the_fit(monkeypatch, caplog):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("qdist.joint.Ensemble.calibrate", interrupted)
    model = qdist.TabularModel(max_steps=120, **SMALL).fit(FRAME)
    assert len(model.sample(3)["a"]) == 3
    assert "stopped by the user" in caplog.text


@pytest.mark.parametrize(("given", "left"), [(None, None), (100.0, 96.0)])
def test_time_is_kept_for_it(given, left):
    found = calibration.but_for_calibration(Limits(max_time=given, max_steps=7))
    assert found == Limits(max_time=left, max_steps=7)
