"""ImageModel: what goes in comes out, given a class or not, bit for bit by its seed."""

import json
import zipfile

import numpy as np
import pytest
import torch

import qdist
from qdist.data.pictures import write_images
from qdist.errors import FileFormatError, NotFittedError, UnsupportedError

TINY = {"features": 4, "layers": 1, "first": 3, "context": 8}
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (30, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 2, 3, 3), dtype=np.uint8)
LABELS = np.arange(30) % 3

HEADS = {
    "binned": {},
    "categorical": {},
    "spline": {},
    "spline, fixed levels": {"head_args": {"levels": "fixed", "score": "crps"}},
    "implicit": {},
    "implicit, query": {"levels": "query"},
}


def small(head="binned", *, levels="head", **params):
    args = {"max_steps": 3, "batch_size": 8, "random_state": 0, **params}
    return qdist.ImageModel(
        head=head.split(",")[0], backbone_args={**TINY, "levels": levels}, **args
    )


@pytest.fixture(scope="module")
def model():
    """A model of grey images of three classes; for looking at, not for changing."""
    return small().fit(GREY, LABELS)


SHAPES = {
    "grey": GREY,
    "one channel": GREY[..., None],
    "colour": COLOUR,
    "one pixel": GREY[:, :1, :1],
}


def test_images_of_few_values_may_be_fitted_with_all():
    images = GREY // 16
    model = small(grey_levels=256).fit(images)
    assert model.schema_.levels == 256
    assert np.isfinite(model.log_prob(images + 1)).all()


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS.astype(str), LABELS > 0], ids=["numbers", "text", "booleans"]
)
def test_labels_of_draws_are_those_that_are_drawn(labels):
    model = small().fit(GREY, labels)
    drawn = model.sample_labels(50, random_state=1)
    assert set(drawn) == set(labels)
    assert model.sample_labels().shape == (1,)
    assert model.sample_labels(0).shape == (0,)
    images = model.sample(50, random_state=1)
    assert np.array_equal(images, model.sample(given=drawn, random_state=1))


def test_held_out_folders_are_the_labels_of_numbers(tmp_path):
    for name in ("0", "2"):
        write_images(GREY[:3], tmp_path / name)
    model = small().fit(GREY, LABELS, images_val=tmp_path)
    assert np.isfinite(model.history_[-1]["validation_loss"])


@pytest.mark.parametrize("images", SHAPES.values(), ids=SHAPES)
def test_images_come_out_as_they_went_in(images, untouched_rng):
    model = small(max_steps=2).fit(images)
    drawn = model.sample(3, random_state=0)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (3, *images.shape[1:])
    assert model.sample(0).shape == (0, *images.shape[1:])
    assert model.log_prob(images[:2]).shape == (2,)
    assert model.rosenblatt(images[:2], random_state=0).shape == images[:2].shape


@pytest.mark.parametrize("channels", [2, 4])
def test_any_number_of_channels(channels):
    images = RNG.integers(0, 256, (6, 2, 2, channels), dtype=np.uint8)
    assert small(max_steps=1).fit(images).sample(2).shape == (2, 2, 2, channels)


def test_a_seed_gives_the_same_model_and_the_same_images(model):
    again = small().fit(GREY, LABELS)
    assert all(torch.equal(a, b) for a, b in zip(
        model.module_.state_dict().values(), again.module_.state_dict().values(), strict=True
    ))  # fmt: skip
    assert np.array_equal(model.sample(9, random_state=1), again.sample(9, random_state=1))
    assert not np.array_equal(model.sample(9, random_state=1), model.sample(9, random_state=2))


def test_an_image_does_not_depend_on_how_many_are_drawn(model):
    few, many = (model.sample(n, given=1, random_state=3) for n in (4, 9))
    assert np.array_equal(few, many[:4])


def test_a_second_fit_forgets_the_first():
    model = small().fit(GREY, LABELS)
    model.fit(COLOUR)
    assert model.schema_.channels == 3
    assert len(model.classes_) == 0


def test_a_fit_that_fails_leaves_the_earlier_one(model):
    fitted = small().fit(GREY)
    with pytest.raises(qdist.QdistError):
        fitted.set_params(head="no such head").fit(COLOUR)
    assert fitted.sample(1).shape == (1, 4, 5)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_a_fit_learns_where_gradients_are_off(off):
    with off():
        model = small().fit(GREY, LABELS)
    np.testing.assert_array_equal(
        model.sample(2, given=LABELS[0], random_state=0),
        small().fit(GREY, LABELS).sample(2, given=LABELS[0], random_state=0),
    )


def test_classes_are_told_apart():
    """Black images of class "b" and white ones of class "w": a few steps are enough."""
    images = np.repeat(np.array([0, 255], np.uint8), 32)[:, None, None] * np.ones(
        (1, 2, 2), np.uint8
    )
    labels = np.repeat(["b", "w"], 32)
    model = small(max_steps=60, learning_rate=0.02).fit(images, labels)
    assert model.schema_.levels == 2
    assert (model.sample(20, given="b", random_state=0) == 0).mean() > 0.9
    assert (model.sample(20, given="w", random_state=0) == 255).mean() > 0.9
    mixed = model.sample(["b", "w"] and 2, given=["b", "w"], random_state=0)
    assert mixed[0].mean() < mixed[1].mean()
    # Without labels, each class comes as often as it was fitted: 200 draws, 4 deviations.
    white = model.sample(200, random_state=0).reshape(200, -1).mean(1) > 127
    assert abs(white.mean() - 0.5) < 4 * (0.25 / 200) ** 0.5


def test_labels_alone_say_how_many(model):
    assert model.sample(given=[0, 2, 1]).shape == (3, 4, 5)
    assert model.sample(given=np.int64(2)).shape == (1, 4, 5)
    assert model.sample().shape == (1, 4, 5)


def test_held_out_images_may_be_given():
    model = small().fit(GREY, LABELS, images_val=GREY[:5], y_val=LABELS[:5])
    assert all(np.isfinite(r["validation_loss"]) for r in model.history_)
    assert small(validation_fraction=0.0).fit(GREY).n_steps_ == 3


def test_a_single_image_can_be_fitted():
    model = small().fit(GREY[:1])
    assert np.isnan(model.history_[0]["validation_loss"])
    assert model.sample(2).shape == (2, 4, 5)


def test_no_images_are_no_error(model):
    none = GREY[:0]
    assert model.log_prob(none).shape == (0,)
    assert model.rosenblatt(none, given=0).shape == (0, 4, 5)
    assert model.inpaint(none, np.ones((4, 5), bool), n_draws=2).shape == (2, 0, 4, 5)


def test_what_was_made_of_the_images(model):
    assert str(model.schema_).startswith("4 x 5 pixels, grey, 256 values: 0, 1, ..., 255\n3 cl")
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.schema_.counts == (10, 10, 10)
    assert model.n_steps_ == 3
    assert {"step", "validation_loss", "seconds"} <= model.history_[0].keys()


def test_not_fitted_yet():
    for call in (
        lambda m: m.sample(1),
        lambda m: m.inpaint(GREY, np.zeros((4, 5), bool)),
        lambda m: m.log_prob(GREY),
        lambda m: m.rosenblatt(GREY),
        lambda m: m.schema_,
        lambda m: m.module_,
        lambda m: m.save("nowhere.qdist"),
    ):
        with pytest.raises(NotFittedError, match="Expected a fitted ImageModel"):
            call(qdist.ImageModel())


@pytest.mark.parametrize("labels", [None, LABELS], ids=["no classes", "classes"])
@pytest.mark.parametrize(("head", "params"), HEADS.items(), ids=HEADS)
def test_every_head_is_saved(head, params, labels, tmp_path):
    model = small(head, **{"max_steps": 1, **params}).fit(GREY, labels)
    model.save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    assert isinstance(loaded, qdist.ImageModel)
    assert np.array_equal(loaded.sample(3, random_state=0), model.sample(3, random_state=0))
    assert (loaded.schema_, loaded.history_) == (model.schema_, model.history_)
    assert (loaded.n_steps_, loaded.profile_) == (model.n_steps_, model.profile_)
    assert loaded.get_params() == model.get_params()
    loaded.save(tmp_path / "again.qdist")
    assert (tmp_path / "again.qdist").read_bytes() == (tmp_path / "m.qdist").read_bytes()


def test_a_file_holds_a_head_once_and_no_image(tmp_path):
    images = RNG.integers(0, 256, (40, 6, 6), dtype=np.uint8)
    small(max_steps=1).fit(images).save(tmp_path / "m.qdist")
    content = (tmp_path / "m.qdist").read_bytes()
    assert not any(image.tobytes() in content for image in images)
    assert (
        len(content)
        < 4 * sum(p.numel() for p in qdist.load(tmp_path / "m.qdist").module_.parameters())
        + 60_000
    )


def test_levels_in_the_blocks_offer_loss_and_samples_only(tmp_path):
    model = small("implicit", levels="blocks", max_steps=2).fit(GREY, LABELS)
    assert model.sample(2, random_state=0).shape == (2, 4, 5)
    model.save(tmp_path / "m.qdist")
    loaded = qdist.load(tmp_path / "m.qdist")
    assert np.array_equal(loaded.sample(2, random_state=0), model.sample(2, random_state=0))
    mask = np.zeros((4, 5), bool)
    mask[2:] = True
    assert np.array_equal(model.inpaint(GREY[:2], mask, given=0)[0, :, :2], GREY[:2, :2])
    for call in (
        lambda: model.log_prob(GREY),
        lambda: model.bits_per_dim(GREY, given=0, floor=0.1),
        lambda: model.rosenblatt(GREY, given=0),
    ):
        with pytest.raises(UnsupportedError, match="a loss and samples only"):
            call()
    with pytest.raises(UnsupportedError, match=r"cannot tell classes apart. Pass given=.*--given"):
        model.inpaint(GREY, mask)


def test_levels_in_the_blocks_need_an_implicit_head():
    with pytest.raises(UnsupportedError, match="expected implicit heads, got BinnedHead"):
        small("binned", levels="blocks").fit(GREY)


@pytest.mark.parametrize(
    "images", [GREY, torch.tensor(GREY), list(GREY)], ids=["array", "tensor", "list"]
)
def test_fit_takes_what_suits_the_data(images):
    model = qdist.fit(images, LABELS, max_steps=1, backbone_args=TINY)
    assert isinstance(model, qdist.ImageModel)
    assert model.classes_.tolist() == [0, 1, 2]
    table = qdist.fit(GREY[:, 0, :2].astype(float), max_steps=1)
    assert isinstance(table, qdist.TabularModel)


def test_the_score_is_the_mean_log_probability(model):
    assert model.score(GREY) == model.log_prob(GREY).mean()
    assert model.score(GREY, LABELS) == model.log_prob(GREY, given=LABELS).mean()


BROKEN = {
    "a codec of tables": lambda meta: meta["codec"].update(codec="table"),
    "no schema": lambda meta: meta["codec"].pop("schema"),
    "another size": lambda meta: meta["codec"]["schema"].update(height=5),
    "no parts": lambda meta: meta.update(parts={}),
    "an unknown parameter": lambda meta: meta["params"].update(order="any"),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_description_that_does_not_hold_together(model, tmp_path, damage):
    path = tmp_path / "m.qdist"
    model.save(path)
    with zipfile.ZipFile(path) as file:
        meta, weights = json.loads(file.read("model.json")), file.read("model.safetensors")
    damage(meta)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.json", json.dumps(meta))
        file.writestr("model.safetensors", weights)
    with pytest.raises(FileFormatError, match="Expected"):
        qdist.load(path)


def test_bits_of_a_uniform_law_are_its_levels():
    """Mixed with a floor near 1 every law is uniform: 8 bits for 256 grey values."""
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 4), dtype=np.uint8)
    tiny = {"features": 4, "layers": 1, "first": 3, "context": 8}
    model = qdist.ImageModel(max_steps=1, backbone_args=tiny, random_state=0)
    model.fit(images, np.arange(10) % 2)
    assert model.bits_per_dim(images, given=0, floor=1 - 1e-12) == pytest.approx(8.0, abs=1e-6)
    exact = -model.log_prob(images, given=0) / (12 * np.log(2))
    np.testing.assert_allclose(model.bits_per_dim(images, given=0), exact)
