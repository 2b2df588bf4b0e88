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
from qdist.errors import FileAccessError, FileFormatError, InputError, UnknownNameError
from qdist.estimators.choose import _laws_of
from qdist.files.description import digest_of


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
    blob = safetensors.torch.save(tensors)
    description["digest"] = digest_of(description, blob)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.json", json.dumps(description))
        file.writestr("model.safetensors", blob)


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


def test_a_model_is_loaded_to_where_it_is_asked(model, path, tmp_path):
    """Onto torch's device without memory, which every machine has."""
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 4), dtype=np.uint8)
    tiny = {"features": 4, "layers": 1, "first": 3, "context": 8}
    other = qdist.ImageModel(max_steps=1, backbone_args=tiny, random_state=0).fit(images)
    X = np.random.default_rng(0).normal(size=(40, 2))
    quick = {"max_steps": 1, "trees": 2, "network_args": {"width": 8, "members": 2}}
    forecast = qdist.DistributionRegressor(**quick, random_state=0).fit(X, X[:, 0])
    for fitted in (model, other, forecast):
        fitted.save(tmp_path / "m.qdist")
        for device in ("cpu", "meta"):
            loaded = qdist.load(tmp_path / "m.qdist", device=device)
            assert loaded.get_params()["device"] == device
            laws = _laws_of(loaded)
            assert laws
            assert all(w.device.type == device for law in laws for w in law.state_dict().values())
    with pytest.raises(InputError, match="Expected a device that torch can use here; got 'gpu'"):
        qdist.load(path, device="gpu")


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


def test_a_network_in_double_precision_is_loaded_as_one(small, frame, tmp_path):
    model = small(max_steps=3, members=2).fit(frame)
    model.module_.double()
    model.save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    assert {p.dtype for p in loaded.module_.parameters()} == {torch.float64}
    assert_frame_equal(loaded.sample(9, random_state=0), model.sample(9, random_state=0))
    model.module_.half()
    with pytest.raises(InputError, match="Expected weights of float32 or float64; got"):
        model.save(tmp_path / "m.qdist")
    assert qdist.load(tmp_path / "m.qdist").n_steps_ == 3


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
    with pytest.raises(FileFormatError, match=r"Expected one of Tab.*; got .TextModel."):
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
    **{f"no {key}": without(key) for key in ("params", "parts", "codec", "plugins", "training")},
    "an unknown parameter": lambda meta: meta["params"].update(colour="red"),
    "no parts to speak of": lambda meta: meta["parts"].clear(),
    "a codec of another kind": lambda meta: meta["codec"].update(codec="image"),
    "columns of an unknown kind": lambda meta: meta["codec"]["columns"][0].update(codec="odd"),
    "a type that Arrow lacks": lambda meta: meta["codec"]["columns"][0].update(type="odd"),
    "text for a number of steps": lambda meta: meta["training"].update(steps="many"),
    "a codec that is a number": lambda meta: meta.update(codec=3),
    "parameters that are a list": lambda meta: meta.update(params=[1]),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_description_that_does_not_hold_together(path, damage):
    rewrite(path, meta=damage)
    with pytest.raises(FileFormatError, match="Expected"):
        qdist.load(path)


def test_a_plugin_that_is_missing(path):
    rewrite(path, meta=lambda meta: meta["parts"].update(backbone="resnet"))
    with pytest.raises(UnknownNameError, match=r"name of a backbone; got 'resnet'; known:.*mlp"):
        qdist.load(path)


def test_a_plugin_that_is_missing_is_named_with_its_package(path):
    def change(meta):
        meta["plugins"][0].update(name="resnet", package="qdist-resnet", version="1.2")

    rewrite(path, meta=change)
    with pytest.raises(
        UnknownNameError, match=r"backbone 'resnet' that .* package 'qdist-resnet' 1.2"
    ):
        qdist.load(path)


def test_a_network_that_is_larger_than_its_weights_is_not_built(path):
    rewrite(path, meta=lambda meta: meta["parts"]["backbone_args"].update(width=200_000))
    with pytest.raises(FileFormatError, match="Expected a network as large as its weights"):
        qdist.load(path)
    rewrite(path, meta=lambda meta: meta["parts"]["backbone_args"].update(width=2, blocks=10**9))
    with pytest.raises(FileFormatError, match="Expected a network as large as its weights"):
        qdist.load(path)


def curve_of(meta):
    return next(c["curve"] for c in meta["codec"]["columns"] if c["codec"] == "curved")


CURVES = {
    "levels that fall": lambda c: c["u"].reverse(),
    "knots that fall": lambda c: c["z"].insert(1, c["z"].pop(2)),
    "a knot of its own": lambda c: c["z"].append([9.0, 10.0]),
    "a tail inside": lambda c: c["kind"].__setitem__(2, 2),
    "a scale of 0": lambda c: c["scales"].__setitem__(0, 0.0),
    "bins that jump": lambda c: c["bin"].__setitem__(2, 9000),
    "a knot that is none": lambda c: c["z"].__setitem__(2, [None, 1.0]),
    "mass that is missing": lambda c: c.update(missing=0.25),
}


@pytest.mark.parametrize("damage", CURVES.values(), ids=CURVES)
def test_a_curve_that_is_no_cdf(path, damage):
    rewrite(path, meta=lambda meta: damage(curve_of(meta)))
    with pytest.raises(FileFormatError, match=r"Expected .* of the model's description; got"):
        qdist.load(path)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_not_finite(path, name):
    with zipfile.ZipFile(path) as file:
        text, blob = file.read("model.json"), file.read("model.safetensors")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "model.json", text.replace(b'"learning_rate": 0.001', b'"x": ' + name.encode())
        )
        file.writestr("model.safetensors", blob)
    with pytest.raises(FileFormatError, match=r"damaged|finite numbers"):
        qdist.load(path)


def test_rare_levels_are_not_in_the_file(small, tmp_path):
    """Ten rows a level is common; one row is not. The categories of the dtype are no leak."""
    levels = np.repeat(["common", "usual"], 100).astype(object)
    levels[[3, 150]] = "secret"
    numbers = pd.Categorical(np.where(levels == "secret", 7654321, 5))
    table = pd.DataFrame({
        "text": levels,
        "category": pd.Categorical(levels, ["usual", "secret", "common", "unused"]),
        "number": numbers,
        "x": np.arange(200.0),
    })  # fmt: skip
    model = small(max_steps=2, min_level_count=10).fit(table)
    model.save(tmp_path / "m.qdist")
    content = (tmp_path / "m.qdist").read_bytes()
    assert not any(word in content for word in (b"secret", b"unused", b"7654321"))
    drawn = qdist.load(tmp_path / "m.qdist").sample(300, random_state=0)
    assert set(drawn["text"]) == {"common", "usual", "(other)"}
    assert set(drawn["category"].cat.categories) == {"common", "usual", "(other)"}
    assert set(drawn["number"].dropna()) == {5}
    assert drawn["number"].isna().sum() < 30  # 2 of 200 rows were rare
    # What is rare is known to be rare, and so is what was never met.
    strange = model.quantile("x", [0.5], given={"text": "never met"})
    assert np.array_equal(strange, model.quantile("x", [0.5], given={"text": "secret"}))
    plain = small(max_steps=2).fit(table)
    plain.save(tmp_path / "plain.qdist")
    assert b"secret" in (tmp_path / "plain.qdist").read_bytes()


def test_a_column_of_rare_levels_alone_is_a_constant(small):
    table = {"rare": [f"r{k % 15}" for k in range(30)], "x": list(range(30))}
    drawn = small(max_steps=2, min_level_count=5).fit(table).sample(3, random_state=0)
    assert drawn["rare"] == ["(other)"] * 3


def test_a_folder_is_loaded(model, tmp_path):
    model.save(tmp_path / "model", layout="folder")
    loaded = qdist.load(tmp_path / "model")
    assert_frame_equal(loaded.sample(9, random_state=0), model.sample(9, random_state=0))
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| rows | 200 |" in card
    assert "| colour | nominal | 0 % |" in card
    assert "held-out loss" in card


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


RNG = np.random.default_rng(0)
WIDE = {
    "signed hashes": RNG.integers(-(2**63), 2**63 - 1, 200),
    "unsigned hashes": RNG.integers(0, 2**64 - 1, 200, np.uint64),
    "times five centuries apart": (RNG.integers(-(2**63) + 1, 2**63 - 1, 200)).astype("M8[ns]"),
}


@pytest.mark.parametrize("values", WIDE.values(), ids=WIDE)
def test_numbers_that_span_more_than_signed_ones_hold_are_saved(small, tmp_path, values):
    model = small(max_steps=2).fit({"h": values, "x": RNG.normal(size=200)})
    model.save(tmp_path / "m.qdist")
    drawn = qdist.load(tmp_path / "m.qdist").sample(50, random_state=0)["h"]
    assert drawn.dtype == values.dtype
    assert np.array_equal(drawn, model.sample(50, random_state=0)["h"])


def test_a_column_of_declared_levels_alone_is_saved(small, tmp_path):
    frame = pd.DataFrame({"status": pd.Series([None] * 50, dtype=object), "x": np.arange(50.0)})
    columns = {"status": qdist.Column(categories=["open", "closed"])}
    small(max_steps=2, columns=columns).fit(frame).save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    assert set(loaded.impute(frame, random_state=0)["status"]) <= {"open", "closed"}
    assert list(loaded.sample(2, given={"status": "open"})["status"]) == ["open"] * 2


def test_what_cannot_be_saved_is_not_trained(small):
    def fail(record):
        raise AssertionError("it was trained")

    frame = {"x": np.arange(50.0), "note": ["short", "long" * 30_000] * 25}
    with pytest.raises(InputError, match=r"a model can hold; got 'note' \(Expected text of at mo"):
        small(callbacks=[fail]).fit(frame)
