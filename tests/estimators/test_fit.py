"""Fitting: repeatable, able to learn, and open to weights, held-out rows and callbacks."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pandas.testing import assert_frame_equal

import qdist
from qdist.data.files import write_table
from qdist.errors import InputError, UnknownNameError


def weights(model):
    return torch.cat([w.detach().flatten() for w in model.module_.state_dict().values()])


def test_a_seed_gives_the_same_model_and_samples(small, frame, untouched_rng):
    first, second = small().fit(frame), small().fit(frame)
    other = small(random_state=1).fit(frame)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))
    drawn = first.sample(20, random_state=3)
    assert_frame_equal(drawn, second.sample(20, random_state=3))
    assert not drawn.equals(first.sample(20, random_state=4))


PROGRAM = """
import hashlib
import numpy as np
import torch
import qdist
torch.set_num_threads(1)
a = np.random.default_rng(0).normal(size=80)
frame = {"a": a, "b": [["x", "y"][int(v > 0)] for v in a]}
model = qdist.TabularModel(max_steps=5, random_state=0, backbone_args={"width": 8}).fit(frame)
text = repr([w.tolist() for w in model.module_.state_dict().values()])
text += repr({k: list(v) for k, v in model.sample(9, random_state=1).items()})
digest = hashlib.sha256(text.encode()).hexdigest()
"""


def test_another_process_gives_the_same_model_and_samples():
    here = {}
    exec(PROGRAM, here)
    there = subprocess.run(
        [sys.executable, "-c", PROGRAM + "print(digest)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here["digest"]


def test_the_default_dtype_of_the_caller_makes_no_difference(small, frame):
    # These tests run under float64.
    double = small().fit(frame)
    torch.set_default_dtype(torch.float32)
    single = small().fit(frame)
    assert torch.equal(weights(double), weights(single))
    drawn = single.sample(5, random_state=0)
    torch.set_default_dtype(torch.float64)
    assert_frame_equal(drawn, double.sample(5, random_state=0))


def test_a_fit_limited_by_time_repeats_itself_by_its_steps(small, frame):
    timed = small(max_steps=None, max_time="0.8s").fit(frame)
    last = timed.history_[-1]["step"]
    if last == timed.n_steps_:  # unless the machine was too busy to keep its plan
        again = small(max_steps=timed.n_steps_).fit(frame)
        assert torch.equal(weights(timed), weights(again))
    assert timed.profile_["total"] < 4


def test_fitting_again_forgets(small, frame):
    model = small().fit({"other": [1.0, 2.0, 3.0]})
    assert_frame_equal(
        model.fit(frame).sample(5, random_state=0), small().fit(frame).sample(5, random_state=0)
    )


def test_a_failed_fit_leaves_the_model_as_it_was(small, frame):
    model = small().fit(frame)
    before = model.sample(5, random_state=0)
    with pytest.raises(UnknownNameError):
        model.set_params(backbone="mpl").fit({"other": [1.0, 2.0, 3.0]})

    def fail(record):
        raise RuntimeError("in a callback")

    with pytest.raises(RuntimeError, match="in a callback"):
        model.set_params(backbone="mlp", callbacks=[fail]).fit({"other": [1.0, 2.0, 3.0]})
    assert_frame_equal(model.sample(5, random_state=0), before)


def baseline(model, frame):
    """Held-out loss, per row, of a law whose columns know nothing of each other."""
    y = model.encode(frame)
    hidden = torch.ones_like(y, dtype=torch.bool)
    return model.module_.loss(y, rank=torch.zeros_like(y).long(), where=hidden).sum(-1).mean()


def test_a_short_fit_beats_independent_columns(small):
    rng = np.random.default_rng(1)
    a = rng.normal(size=1000)
    table = pd.DataFrame({"a": a, "b": a + 0.05 * rng.normal(size=1000), "c": a > 0})
    held_out = table[800:]
    model = small(max_steps=150, learning_rate=1e-2).fit(table[:800])
    with torch.no_grad():
        y = model.encode(held_out)
        joint = -model.module_.log_prob(y).mean()
        apart = baseline(model, held_out)
    # a and b share log(1 / 0.05) = 3.0 nats, and the sign is known: 0.7 more.
    assert joint < apart - 1.5


def test_conditions_condition(small):
    rng = np.random.default_rng(2)
    a = rng.normal(size=1000)
    table = pd.DataFrame({"a": a, "b": a + 0.1 * rng.normal(size=1000)})
    model = small(max_steps=150, learning_rate=1e-2).fit(table)
    for known, drawn in (("a", "b"), ("b", "a")):
        rows = model.sample(given=table[[known]][:300], random_state=0)
        assert np.corrcoef(rows[known], rows[drawn])[0, 1] > 0.8
    free = model.sample(300, random_state=0)
    assert np.corrcoef(free["a"], free["b"])[0, 1] > 0.8


def test_weights_of_rows_shift_shares(small):
    table = {"group": ["x", "y"] * 200, "v": np.random.default_rng(0).normal(size=400)}
    weight = np.tile([1.0, 4.0], 200)  # shares 1/5 and 4/5
    params = {"max_steps": 100, "validation_fraction": 0.0}
    for sample_weight, share in ((None, 0.5), (weight, 0.8)):
        model = small(**params).fit(table, sample_weight=sample_weight)
        drawn = model.sample(2000, random_state=0)["group"]
        assert np.mean([g == "y" for g in drawn]) == pytest.approx(share, abs=0.08)


def test_rows_for_early_stopping_can_be_given(small, frame):
    model = small().fit(frame, X_val=frame[:20])
    assert all(np.isfinite(record["validation_loss"]) for record in model.history_)
    # All rows are trained on: a step is 64 rows out of 200.
    assert model.history_[0]["epoch"] == pytest.approx(64 / 200)


def test_no_rows_need_be_held_out(small, frame):
    model = small(validation_fraction=0).fit(frame)
    assert all(np.isnan(record["validation_loss"]) for record in model.history_)
    assert len(model.sample(3)) == 3


def test_callbacks_are_told_and_can_stop(small, frame):
    told = []
    model = small(callbacks=[told.append, lambda record: record["step"] == 4]).fit(frame)
    assert told == model.history_
    assert told[-1]["step"] == 4
    assert model.n_steps_ == 10
    names = ["step", "epoch", "train_loss", "validation_loss", "skipped", "seconds"]
    assert list(told[0]) == names
    assert list(model.profile_) == ["data", "forward", "backward", "step", "validation", "total"]


def test_an_order_trains_and_conditions_on_its_first_columns_only(small, frame):
    order = ["b", "colour", "a", "day", "age", "gap"]
    model = small(order=order).fit(frame)
    rows = model.sample(4, given={"b": 1.0, "colour": "red"}, random_state=0)
    assert list(rows["colour"]) == ["red"] * 4
    assert list(model.module_.order) == [1, 3, 0, 5, 2, 4]
    with pytest.raises(InputError, match=r"first columns of the order \['b', 'colour', .*others"):
        model.sample(given={"a": 1.0})
    with pytest.raises(InputError, match="Fit with order='any'"):
        model.sample(given={"b": 1.0, "day": frame["day"][0]})


def test_the_loss_has_gradients_and_is_that_of_training(small, frame):
    model = small().fit(frame)
    y = model.encode(frame)
    seed = torch.Generator().manual_seed(5)
    loss = model.loss(frame, generator=seed)
    expected = model.loss(y, generator=torch.Generator().manual_seed(5))
    assert loss.item() == expected.item()
    questions = model._law.questions(len(y), generator=torch.Generator().manual_seed(5))
    assert loss.item() == model._law(y, questions).mean().item()
    loss.backward()
    for name, parameter in model.module_.named_parameters():
        assert parameter.grad is not None or not parameter.requires_grad, name


def test_a_loop_of_ones_own(small, frame, generator):
    model = small(max_steps=1).fit(frame)
    optimiser = torch.optim.Adam(model.module_.parameters(), lr=3e-3)
    y, losses = model.encode(frame), []
    for _ in range(40):
        loss = model.loss(y, generator=generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_what_is_inferred_can_be_overridden(small, frame):
    model = small().fit(frame)
    assert model.schema_["age"].kind == "number"
    assert model.schema_["age"].integer
    columns = {"age": qdist.Column(lower=18, upper=600), "a": qdist.Column(integer=False)}
    model = small(columns=columns).fit(frame)
    assert model.schema_["age"].lower == 18
    ages = model.sample(200, random_state=0)["age"]
    assert ages.between(18, 600).all()
    with pytest.raises(InputError, match=r"\[18, 600\], the declared bounds of column 'age'"):
        model.sample(given={"age": 601})


def test_levels_that_the_data_lack_can_be_declared(small):
    table = {"size": ["S", "M"] * 20, "x": np.arange(40.0)}
    columns = {"size": qdist.Column(categories=["S", "M", "L"], ordered=True)}
    model = small(columns=columns).fit(table)
    assert model.schema_["size"].kind == "ordered"
    assert model.sample(2, given={"size": "L"})["size"] == ["L", "L"]


def test_fit_picks_the_model(frame):
    model = qdist.fit(frame[:50], max_steps=2, random_state=0)
    assert type(model) is qdist.TabularModel
    assert model.get_params()["max_steps"] == 2
    assert model.n_steps_ == 2


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_fit_reads_a_table_by_its_ending(ending, tmp_path):
    path = tmp_path / f"birds{ending}"
    write_table({"size": [1.5, 2.5, 4.0], "kind": ["x", "y", None]}, path)
    for place in (path, str(path)):
        model = qdist.fit(place, max_steps=1, random_state=0)
        assert model.schema_.names == ("size", "kind")
        assert isinstance(model.sample(2), pa.Table)


@pytest.mark.parametrize("head", ["binned", "spline", "implicit"])
def test_every_head_fits_and_samples(small, frame, head):
    model = small(head=head).fit(frame)
    assert len(model.sample(20, given={"colour": "red"}, random_state=0)) == 20
    assert np.isfinite(model.history_[-1]["train_loss"])


def test_nothing_is_printed(small, frame, capfd):
    small().fit(frame).sample(3)
    out, err = capfd.readouterr()
    assert out == err == ""


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_no_weight_are_as_if_they_were_not_there(seed):
    """Ten rows that count: among 200 a held-out part would often have none of them."""
    frame = pd.DataFrame({"x": np.arange(200.0)})
    weight = (np.arange(200) < 10).astype(float)
    model = qdist.TabularModel(max_steps=4, random_state=seed).fit(frame, sample_weight=weight)
    assert np.isfinite(model.history_[-1]["validation_loss"])
