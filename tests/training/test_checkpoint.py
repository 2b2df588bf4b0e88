"""A run that is put down at any step and taken up again ends as if nothing had happened."""

import functools
import json
import math

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from qdist.codecs.table import TableCodec
from qdist.errors import FileAccessError, FileFormatError, InputError
from qdist.laws import TableLaw, build
from qdist.training import Checkpoint, Limits, Recipe, Rows, checkpoint, loop, split, train

RNG = np.random.default_rng(0)
FRAME = {"a": RNG.normal(size=120), "b": [["x", "y"][i % 2] for i in range(120)]}
CODEC = TableCodec.fit(FRAME)
PARTS = {
    "backbone": "mlp",
    "backbone_args": {"width": 8, "blocks": 1},
    "head": "implicit",  # draws levels, so that generators matter
    "head_args": {},
    "order": None,
}
Y = CODEC.encode(FRAME).float()
ROWS, HELD_OUT = split(Rows(Y, torch.ones(120, dtype=torch.float32)), 0.2, 0)


class Killed(BaseException):
    """Nothing catches this, as nothing catches SIGKILL."""


@pytest.fixture(autouse=True)
def at_every_step(monkeypatch):
    """Keep the state at every step."""
    monkeypatch.setattr(checkpoint, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "_SHARE", 0.0)


def fit(folder=None, *, resume="auto", stop=math.inf, steps=12, rows=ROWS, **asked):
    """Train; killed in the middle of a step if told so."""
    law = build(lambda: TableLaw(CODEC, **PARTS), seed=0, device="cpu")
    law.register_forward_hook(dropout)
    calls = []

    def forward(self, args, result):
        calls.append(1)
        if torch.is_grad_enabled() and len(args[0]) == 16:
            forward.steps += 1
            if forward.steps > stop:
                raise Killed
        return result

    forward.steps = 0
    law.register_forward_hook(forward)
    kept = Checkpoint(folder, resume=resume)
    kept.seed(0)
    kept.claim(rows, HELD_OUT, steps=steps, **asked)
    result = train(
        law,
        rows,
        HELD_OUT,
        limits=Limits(max_steps=steps),
        recipe=Recipe(batch_size=16, validations=4),
        seed=0,
        checkpoint=kept,
    )
    return torch.cat([p.detach().flatten() for p in law.parameters()]), result


def dropout(law, args, loss):
    """Let the loss draw from the global generator, as dropout does."""
    return torch.nn.functional.dropout(loss, 0.1, training=law.training)


def without_seconds(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


@functools.cache
def whole():
    return fit()


@pytest.mark.parametrize("stop", [0, 1, 3, 7, 11])
def test_a_killed_run_ends_bit_for_bit_as_one_that_was_not(tmp_path, stop, untouched_rng):
    """12 steps of 16 rows out of 96: an epoch ends at step 6, validations come every 3."""
    with pytest.raises(Killed):
        fit(tmp_path, stop=stop)
    weights, result = fit(tmp_path)
    assert torch.equal(weights, whole()[0])
    assert without_seconds(result.history) == without_seconds(whole()[1].history)
    assert result.n_steps == 12
    seconds = [record["seconds"] for record in result.history]
    assert seconds == sorted(seconds)


def test_a_run_that_is_killed_over_and_over_still_ends_the_same(tmp_path):
    for _ in range(5):
        with pytest.raises(Killed):
            fit(tmp_path, stop=2)
    weights, _ = fit(tmp_path)
    assert torch.equal(weights, whole()[0])
    assert [path.name for path in tmp_path.iterdir()] == ["fit.safetensors"]


def test_a_run_goes_on_alike_where_less_memory_is_free(tmp_path, monkeypatch):
    """Levels of implicit heads are drawn for so many validation rows at a time."""
    with pytest.raises(Killed):
        fit(tmp_path, stop=7)
    monkeypatch.setattr(loop, "fit_into_memory", lambda law, rows, size, most, *, seed: (size, 10))
    weights, result = fit(tmp_path)
    assert torch.equal(weights, whole()[0])
    assert without_seconds(result.history) == without_seconds(whole()[1].history)


def test_a_checkpoint_that_is_cut_short_leaves_the_last_one(tmp_path, monkeypatch):
    with pytest.raises(Killed):
        fit(tmp_path, stop=5)
    before = (tmp_path / "fit.safetensors").read_bytes()

    def die(handle):
        raise Killed

    monkeypatch.setattr("os.fsync", die)
    with pytest.raises(Killed):
        fit(tmp_path)
    assert (tmp_path / "fit.safetensors").read_bytes() == before
    monkeypatch.undo()
    assert torch.equal(fit(tmp_path)[0], whole()[0])


def test_a_run_that_is_over_is_not_run_again(tmp_path):
    weights, result = fit(tmp_path)
    again, repeated = fit(tmp_path, stop=0)  # any step would end in an error
    assert torch.equal(weights, again)
    assert repeated.history == result.history
    assert repeated.stopped == result.stopped == "plan"


def test_a_fresh_start_forgets_what_is_there(tmp_path):
    fit(tmp_path, steps=5)
    weights, result = fit(tmp_path, resume=False)
    assert torch.equal(weights, whole()[0])
    assert result.n_steps == 12


def test_the_planned_steps_and_the_seed_are_kept(tmp_path):
    with pytest.raises(Killed):
        fit(tmp_path, stop=0)
    kept = Checkpoint(tmp_path, resume=True)
    assert kept.state["n_steps"] == 12
    assert kept.state["seed"] == kept.seed(None) == 0
    assert kept.seed(5) == 5


def test_tensors_are_copies_in_aligned_memory(tmp_path):
    fit(tmp_path)
    with safetensors.safe_open(tmp_path / "fit.safetensors", framework="pt") as file:
        assert file.keys()
    tensors = [t for t in Checkpoint(tmp_path).state.values() if isinstance(t, torch.Tensor)]
    assert len(tensors) > 20
    assert all(t.data_ptr() % 16 == 0 for t in tensors if t.numel())


def test_a_disk_that_fills_up_later_does_not_end_the_run(tmp_path, monkeypatch, caplog):
    written = []

    def full(handle):
        written.append(1)
        if len(written) > 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    weights, _ = fit(tmp_path)
    assert torch.equal(weights, whole()[0])
    assert caplog.text.count("could not write a checkpoint") == 1
    monkeypatch.undo()
    assert torch.equal(fit(tmp_path)[0], whole()[0])


def test_floats_that_json_lacks_come_back(tmp_path):
    kept = Checkpoint(tmp_path)
    kept.offer(lambda: {"a": math.nan, "b": ({"c": -math.inf},), "d": 0.1, "e": torch.ones(2)})
    state = Checkpoint(tmp_path).state
    assert math.isnan(state["a"])
    assert state["b"] == [{"c": -math.inf}]
    assert state["d"] == 0.1
    assert torch.equal(state["e"], torch.ones(2))


OTHER = {
    "other rows": ({"rows": Rows(ROWS.y + 1, ROWS.weight)}, "the data that it was made with"),
    "other weights": ({"rows": Rows(ROWS.y, 2 * ROWS.weight)}, "the data that it was made with"),
    "other steps": ({"steps": 13}, "steps=12; got steps=13"),
    "another parameter": ({"head": "spline"}, "head=None; got head='spline'"),
}


@pytest.mark.parametrize(("change", "words"), OTHER.values(), ids=OTHER)
def test_another_fit_does_not_go_on_from_it(tmp_path, change, words):
    with pytest.raises(Killed):
        fit(tmp_path, stop=3)
    before = (tmp_path / "fit.safetensors").read_bytes()
    with pytest.raises(InputError, match=f"Expected, to go on from .*{words}.*resume=False"):
        fit(tmp_path, **change)
    assert (tmp_path / "fit.safetensors").read_bytes() == before


def damaged(content, *, how):
    if how == "cut":
        return content[: len(content) // 2]
    if how == "text":
        return b"hello"
    if how == "empty":
        return b""
    tensors = safetensors.torch.load(content)
    length = int.from_bytes(content[:8], "little")
    facts = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["qdist"])
    if how == "newer":
        facts["format"] = 2
    elif how == "less":
        tensors.pop("average.0")
    elif how == "shape":
        tensors["best.0"] = tensors["best.0"][:1].contiguous()
    elif how == "generator":
        tensors["generator"] = tensors["generator"][:100].contiguous()
    elif how == "facts":
        facts = [1]
    metadata = None if how == "foreign" else {"qdist": json.dumps(facts)}
    return safetensors.torch.save(tensors, metadata=metadata)


DAMAGE = {
    "cut": "damaged or foreign",
    "text": "damaged or foreign",
    "empty": "damaged or foreign",
    "foreign": "damaged or foreign",
    "facts": "damaged or foreign",
    "newer": "format 1; got one of format 2 .*Install a newer qdist",
    "less": "Expected a checkpoint of this run; got one that does not fit it",
    "shape": "Expected a checkpoint of this run; got one that does not fit it",
    "generator": "Expected a checkpoint of this run; got one that does not fit it",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_checkpoint_is_an_error(tmp_path, how):
    with pytest.raises(Killed):
        fit(tmp_path, stop=5)
    path = tmp_path / "fit.safetensors"
    path.write_bytes(damaged(path.read_bytes(), how=how))
    with pytest.raises(FileFormatError, match=DAMAGE[how]):
        fit(tmp_path)
    weights, _ = fit(tmp_path, resume=False)
    assert torch.equal(weights, whole()[0])


def test_wrong_arguments_are_errors(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="resume to be True, False or 'auto'; got 'yes'"):
        Checkpoint(tmp_path, resume="yes")
    with pytest.raises(InputError, match="resume to be True, False or 'auto'; got 1"):
        Checkpoint(tmp_path, resume=1)
    with pytest.raises(InputError, match=r"Expected a checkpoint to resume from; got .*without"):
        Checkpoint(tmp_path, resume=True)
    with pytest.raises(InputError, match="Expected a checkpoint to resume from; got none"):
        Checkpoint(resume=True)
    with pytest.raises(InputError, match="Expected checkpoint to be a folder or None; got 3"):
        Checkpoint(3)
    with pytest.raises(FileAccessError, match="Expected a folder for checkpoints that can be wri"):
        Checkpoint(tmp_path / "file")


def test_what_a_fit_given_up_has_left_is_not_gone_on_from(tmp_path):
    """A fit of two runs ends; a fresh one is killed in its first; the next begins its second."""
    for name in ("first", "second"):
        Checkpoint(tmp_path).part(name).claim(ROWS, HELD_OUT).offer(dict)
    whole = Checkpoint(tmp_path).claim(ROWS, HELD_OUT)
    whole.offer(dict)
    for name in ("first", "second"):
        whole.part(name).claim(ROWS, HELD_OUT).offer(dict)
    again = Checkpoint(tmp_path)
    assert all(again.part(name).state is not None for name in ("first", "second"))
    fresh = Checkpoint(tmp_path, resume=False).claim(ROWS, HELD_OUT)
    fresh.offer(dict)
    fresh.part("first").claim(ROWS, HELD_OUT).offer(dict)
    after = Checkpoint(tmp_path)
    assert after.part("first").state is not None
    assert after.part("second").state is None
