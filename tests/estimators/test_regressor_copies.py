"""Copies of a regressor's networks: other rows held out, one average, and fits that end early."""

import time

import numpy as np
import pytest
import torch

import qdist
from qdist.errors import FileFormatError
from qdist.estimators import fitting, judging
from qdist.training import Rows, split
from tests.estimators.test_files import rewrite

SMALL = {
    "trees": 10,
    "forest": 5,
    "depth": 2,
    "folds": 2,
    "copies": 3,
    "max_steps": 20,
    "network_args": {"width": 8, "layers": 1, "members": 2, "embedding": 4, "knots": 8},
    "random_state": 0,
}


def data(n=120):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(n, 2))
    return x, x[:, 0] + 0.2 * rng.normal(size=n)


X, Y = data()
GRADES = np.digitize(Y, [-0.4, 0.4]) * 2.0


def fitted(y=Y, **more):
    return qdist.DistributionRegressor(**{**SMALL, **more}).fit(X, y)


def copies_of(model):
    return {name: len(copies) for name, copies in model._parts.networks.items()}


def test_each_part_holds_out_other_rows():
    rows = Rows(torch.arange(50.0)[:, None], torch.ones(50))
    apart = [split(rows, 0.2, 7, part=part) for part in range(5)]
    held = [set(out.y[:, 0].tolist()) for _, out in apart]
    assert set.union(*held) == set(range(50))  # five parts of ten rows: each row once
    for (kept, out), rows_out in zip(apart, held, strict=True):
        assert len(out) == 10
        assert set(kept.y[:, 0].tolist()) == set(range(50)) - rows_out


@pytest.mark.parametrize("y", [Y, GRADES], ids=["many values", "few values"])
def test_the_forecast_is_the_average_of_the_copies(y):
    """Quantiles are averaged, of few values the probabilities; both are linear in each copy."""
    model = fitted(y)
    parts, few = model._parts, y is GRADES
    parts.spreads = [1.0]
    parts.shares = [[0.3, 0.5, 0.2]] if any(parts.memories) else [[0.4, 0.6, 0.0]]
    levels, points = np.linspace(0.02, 0.98, 25), torch.tensor([0.0, 2.0])

    def answers():
        if few:
            return model.predict_dist(X).cdf(points[:, None].expand(-1, len(X))).numpy()
        # At the knots: between them the average of lines is a line.
        return model.predict_quantiles(X, levels)

    whole, networks, alone = answers(), parts.networks, []
    for k in range(3):
        parts.networks = {name: [copies[k]] for name, copies in networks.items()}
        alone.append(answers())
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    np.testing.assert_allclose(np.mean(alone, 0), whole, atol=1e-5)


def test_a_copy_is_judged_by_the_rows_that_it_has_not_seen(monkeypatch):
    train, ask, held, asked = fitting.train, judging.ask_network, {}, []

    def noting(law, rows, held_out, **more):
        held[id(law)] = held_out.y
        return train(law, rows, held_out, **more)

    def checking(law, rows):
        assert torch.equal(rows, held[id(law)])
        asked.append(id(law))
        return ask(law, rows)

    monkeypatch.setattr(fitting, "train", noting)
    monkeypatch.setattr(judging, "ask_network", checking)
    fitted()
    assert sorted(asked) == sorted(held)  # six networks, each of them once


def test_few_rows_have_three_copies_and_many_have_one(monkeypatch):
    assert copies_of(fitted(copies=None)) == {"guided": 3, "plain": 3}
    monkeypatch.setattr(fitting, "_FEW_ROWS", 120)
    assert copies_of(fitted(copies=None)) == {"guided": 1, "plain": 1}


def test_the_steps_of_a_fit_repeat_it():
    model = fitted(max_steps=None, max_time=2.0)
    assert len(model.n_steps_) == 2
    assert {record["copy"] for record in model.history_} == {0, 1, 2}
    first = [r["step"] for r in model.history_ if r["copy"] == 0]
    assert max(first) <= max(model.n_steps_)


def interrupting(run, error):
    """A callback that raises in the fifth step of a run, of those that a fit consists of."""
    seen = {"run": -1, "step": 10**9}

    def callback(record):
        seen["run"] += record["step"] <= seen["step"]
        seen["step"] = record["step"]
        if seen["run"] == run and record["step"] >= 5:
            raise error

    return callback


@pytest.mark.parametrize(
    ("run", "copies"),
    [(1, 1), (2, 1), (3, 2), (4, 2)],
    ids=["last of the first", "first of the second", "last of the second", "first of the third"],
)
def test_an_interrupted_fit_keeps_whole_copies(run, copies, tmp_path):
    model = fitted(callbacks=[interrupting(run, KeyboardInterrupt)])
    assert copies_of(model) == {"guided": copies, "plain": copies}
    model.set_params(callbacks=()).save(tmp_path / "m.qdist")
    np.testing.assert_array_equal(qdist.load(tmp_path / "m.qdist").predict(X), model.predict(X))


def test_an_interrupt_before_a_copy_has_weights_ends_the_fit_with_those_before(monkeypatch):
    calls, train = [], fitting.train

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    monkeypatch.setattr(fitting, "train", interrupted)
    assert copies_of(fitted()) == {"guided": 1, "plain": 1}


@pytest.mark.parametrize("call", [1, 2])
def test_an_interrupt_between_the_first_networks_keeps_what_is_trained(call, monkeypatch):
    calls, train = [], fitting.train

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return train(*args, **kwargs)

    monkeypatch.setattr(fitting, "train", interrupted)
    if call == 1:
        with pytest.raises(KeyboardInterrupt):
            fitted()
        return
    model = fitted()
    assert copies_of(model) == {"guided": 1}
    assert np.isfinite(model.predict(X)).all()


def test_an_interrupt_while_forests_grow_keeps_the_networks(monkeypatch, caplog, tmp_path):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(judging.ForestMemory, "fit", interrupted)
    model = fitted()
    assert model.shares_ == [[0.5, 0.5, 0.0]]
    assert "stopped by the user before shares were chosen" in caplog.text
    model.save(tmp_path / "m.qdist")
    np.testing.assert_array_equal(qdist.load(tmp_path / "m.qdist").predict(X), model.predict(X))


def test_a_killed_fit_goes_on_in_the_copy_where_it_was(tmp_path):
    model = qdist.DistributionRegressor(**SMALL, callbacks=[interrupting(3, RuntimeError)])
    with pytest.raises(RuntimeError):
        model.fit(X, Y, checkpoint=tmp_path / "kept")
    runs = []
    again = qdist.DistributionRegressor(**SMALL, callbacks=[lambda r: runs.append(r["step"])])
    again.fit(X, Y, checkpoint=tmp_path / "kept")
    np.testing.assert_array_equal(again.predict(X), fitted().predict(X))
    assert runs.count(SMALL["max_steps"]) == 3  # of six: three were over


def test_a_killed_fit_goes_on_with_the_time_that_is_left(tmp_path, monkeypatch):
    def slowly(record):
        if record["step"] == SMALL["max_steps"]:
            time.sleep(0.3)

    train, times = fitting.train, []

    def noting(law, rows, held_out, *, limits, **more):
        times.append(limits.max_time)
        return train(law, rows, held_out, limits=limits, **more)

    timed = {**SMALL, "copies": 1, "max_time": 60.0}
    killed = [slowly, interrupting(1, RuntimeError)]
    with pytest.raises(RuntimeError):
        qdist.DistributionRegressor(**timed, callbacks=killed).fit(X, Y, checkpoint=tmp_path)
    monkeypatch.setattr(fitting, "train", noting)
    model = qdist.DistributionRegressor(**timed).fit(X, Y, checkpoint=tmp_path)
    guided, plain = times
    assert guided > 0.25 * 60  # as before: its own time is counted by the run
    assert plain <= 60 - 0.3
    assert model.profile_["total"] > 0.3


def test_rows_given_to_validate_by_serve_all_copies():
    model = qdist.DistributionRegressor(**SMALL).fit(X[:90], Y[:90], X_val=X[90:], y_val=Y[90:])
    assert copies_of(model) == {"guided": 3, "plain": 3}
    assert sum(model.shares_[0]) == pytest.approx(1)


def test_without_held_out_rows_copies_count_alike():
    model = fitted(validation_fraction=0)
    assert copies_of(model) == {"guided": 3, "plain": 3}
    assert model.shares_ == [[0.5, 0.5, 0.0]]


def test_a_file_that_says_of_more_copies_than_it_holds_is_refused(tmp_path):
    fitted().save(tmp_path / "m.qdist")

    def more(meta):
        meta["parts"]["copies"] = 4

    rewrite(tmp_path / "m.qdist", meta=more)
    with pytest.raises(FileFormatError):
        qdist.load(tmp_path / "m.qdist")


def test_copies_of_the_largest_seed():
    rng = np.random.default_rng(0)
    model = qdist.DistributionRegressor(
        max_steps=2, trees=2, forest=0, copies=2, random_state=2**63 - 1
    )
    x = rng.normal(size=(60, 2))
    assert np.isfinite(model.fit(x, rng.normal(size=(60, 2))).predict(x)).all()
