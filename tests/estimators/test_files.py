"""Saved and loaded, a model is the same; a file holds no row, and is not believed unseen."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from pandas.testing import assert_frame_equal

import qdist
from qdist.errors import FileAccessError, FileFormatError, UnknownNameError


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.qdist")
    return tmp_path / "model.qdist"


def rewrite(path, *, meta=lambda meta: None, weights=lambda weights: None):
    """Change a model file behind its back."""
    with zipfile.ZipFile(path) as file:
        description = json.loads(file.read("model.json"))
        tensors = safetensors.torch.load(file.read("model.safetensors"))
    meta(description)
    weights(tensors)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.json", json.dumps(description))
        file.writestr("model.safetensors", safetensors.torch.save(tensors))


def test_a_loaded_model_samples_the_same_rows(model, path, frame, untouched_rng):
    loaded = qdist.load(path)
    assert type(loaded) is type(model)
    assert_frame_equal(loaded.sample(40, random_state=0), model.sample(40, random_state=0))
    given = frame[["b", "gap"]][:10]
    assert_frame_equal(
        loaded.sample(2, given=given, random_state=0), model.sample(2, given=given, random_state=0)
    )


def test_a_loaded_model_knows_what_it_knew(model, path):
    loaded = qdist.load(str(path))
    assert loaded.schema_ == model.schema_
    assert loaded.n_steps_ == model.n_steps_
    assert loaded.history_ == model.history_
    assert loaded.profile_ == model.profile_
    assert loaded.n_features_in_ == model.n_features_in_
    assert list(loaded.feature_names_in_) == list(model.feature_names_in_)
    assert loaded.get_params() == model.get_params()
    assert not loaded.module_.training


def test_a_loaded_model_saves_the_same_file(path, tmp_path):
    qdist.load(path).save(tmp_path / "again.qdist")
    assert path.read_bytes() == (tmp_path / "again.qdist").read_bytes()


def test_a_loaded_model_can_be_fitted_again(path, frame):
    loaded = qdist.load(path).set_params(max_steps=2)
    assert loaded.fit(frame[["a", "b"]]).n_features_in_ == 2


@pytest.mark.parametrize("default", [torch.float32, torch.float64], ids=str)
def test_a_file_fits_whatever_the_default_dtype(model, path, default):
    expected = model.sample(9, random_state=0)
    torch.set_default_dtype(default)
    assert_frame_equal(qdist.load(path).sample(9, random_state=0), expected)


@pytest.mark.parametrize("head", ["binned", "spline", "implicit"])
@pytest.mark.parametrize("order", ["any", ("b", "a")], ids=["any", "order"])
def test_every_head_and_order_is_saved(small, frame, tmp_path, head, order):
    model = small(max_steps=3, head=head, order=order).fit(frame[["a", "b"]])
    model.save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    assert_frame_equal(loaded.sample(9, random_state=0), model.sample(9, random_state=0))
    assert loaded.module_.order == model.module_.order


def test_a_model_without_validation_is_saved(small, frame, tmp_path):
    model = small(max_steps=2, validation_fraction=0.0).fit(frame)
    assert np.isnan(model.history_[0]["validation_loss"])
    model.save(tmp_path / "m.qdist")
    assert qdist.load(tmp_path / "m.qdist").history_[0]["validation_loss"] is None


def test_constants_alone_are_saved(small, tmp_path):
    model = small().fit({"same": [3, 3, 3]})
    model.save(tmp_path / "m.qdist")
    assert qdist.load(tmp_path / "m.qdist").sample(2) == {"same": [3, 3]}


def test_no_row_and_no_id_is_in_the_file(small, tmp_path):
    """Ids are never stored, and numbers enter a curve of quantiles, not the file."""
    n = 400
    rng = np.random.default_rng(0)
    secret = [f"secret-{v:016x}" for v in rng.integers(0, 2**60, n)]
    table = pd.DataFrame({"id": secret, "x": rng.normal(size=n), "y": rng.normal(size=n)})
    model = small(max_steps=3, callbacks=[lambda record: None]).fit(table)
    model.save(tmp_path / "m.qdist")
    content = (tmp_path / "m.qdist").read_bytes()
    assert b"secret-" not in content
    assert not any(s[7:].encode() in content for s in secret)
    # No pair of numbers of one row stands in the file, as text or as bits.
    for kind in ("<f8", "<f4"):
        rows = table[["x", "y"]].to_numpy().astype(kind)
        assert not any(row.tobytes() in content for row in rows)


def test_a_file_of_another_estimator(path):
    rewrite(path, meta=lambda meta: meta.update(estimator="TextModel"))
    with pytest.raises(FileFormatError, match=r"Expected one of Tab.* in .*; got .TextModel."):
        qdist.load(path)


def change(weights):
    name = next(n for n, w in weights.items() if w.is_floating_point())
    return name, weights[name]


DAMAGE = {
    "a tensor less": (lambda w: w.pop(change(w)[0]), "Expected the tensors of this model; got ot"),
    "a tensor more": (lambda w: w.update(more=torch.zeros(1)), "got others, such as .'more'."),
    "a wrong shape": (
        lambda w: w.update({change(w)[0]: torch.zeros(3, 2, 1)}),
        r"Expected tensor '.*' of shape \(.*\), torch.float32; got \(3, 2, 1\)",
    ),
    "a wrong dtype": (
        lambda w: w.update({change(w)[0]: change(w)[1].double()}),
        r"Expected tensor '.*' of shape .*, torch.float32; got .*, torch.float64",
    ),
    "NaN": (
        lambda w: w.update({change(w)[0]: torch.full_like(change(w)[1], torch.nan)}),
        "Expected finite numbers in tensor '.*'; got others",
    ),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_tensors_that_do_not_fit(path, damage, words):
    rewrite(path, weights=damage)
    with pytest.raises(FileFormatError, match=words):
        qdist.load(path)


def without(key):
    return lambda meta: meta.pop(key)


BROKEN = {
    **{f"no {key}": without(key) for key in ("params", "parts", "codec", "n_steps", "history")},
    "an unknown parameter": lambda meta: meta["params"].update(colour="red"),
    "no parts to speak of": lambda meta: meta["parts"].clear(),
    "a codec of another kind": lambda meta: meta["codec"].update(codec="image"),
    "columns of an unknown kind": lambda meta: meta["codec"]["columns"][0].update(codec="odd"),
    "a type that Arrow lacks": lambda meta: meta["codec"]["columns"][0].update(type="odd"),
    "text for a number of steps": lambda meta: meta.update(n_steps="many"),
    "a codec that is a number": lambda meta: meta.update(codec=3),
    "parameters that are a list": lambda meta: meta.update(params=[1]),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_description_that_does_not_hold_together(path, damage):
    rewrite(path, meta=damage)
    with pytest.raises(FileFormatError, match="Expected a"):
        qdist.load(path)


def test_a_plugin_that_is_missing(path):
    rewrite(path, meta=lambda meta: meta["parts"].update(backbone="resnet"))
    with pytest.raises(UnknownNameError, match=r"name of a backbone; got 'resnet'; known:.*mlp"):
        qdist.load(path)


def test_a_model_that_is_truncated(path):
    whole = path.read_bytes()
    for tenth in range(10):
        path.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(FileFormatError, match=r"Expected a.* qdist model file; got model"):
            qdist.load(path)


def test_a_failed_save_leaves_the_old_model(model, path, small, monkeypatch):
    before = path.read_bytes()

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    other = small(max_steps=1).fit({"x": [1.0, 2.0, 4.0]})
    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(FileAccessError, match=r"Permission denied\. Nothing was overwritten"):
        other.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["model.qdist"]
