"""ImageCodec: without loss for every size and kind, and strict about what it does not know."""

import json

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from qdist.codecs.image import ImageCodec, ImageSchema
from qdist.codecs.labels import classes_in, label_codes
from qdist.errors import FileFormatError, InputError

RNG = np.random.default_rng(0)


@given(
    shape=st.tuples(*[st.integers(1, 4)] * 3, st.sampled_from([None, 1, 2, 3])),
    values=st.lists(st.integers(0, 255), min_size=1, max_size=6),
    seed=st.integers(0, 99),
)
def test_there_and_back(shape, values, seed):
    size = shape[:3] if shape[3] is None else shape
    images = np.random.default_rng(seed).choice(np.array(values, np.uint8), size)
    fitted = ImageCodec.fit(images, [0] * len(images))  # a label for each: many, not one picture
    codec = ImageCodec.from_json(json.loads(json.dumps(fitted.to_json())))
    codes = codec.encode(images)
    assert codes.shape == (len(images), codec.schema.dim)
    assert int(codes.max()) < codec.schema.levels
    again = codec.decode(codes.float())
    assert again.dtype == np.uint8
    assert np.array_equal(again, images)


@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5, 4), (2, 2, 1)])
def test_one_picture_is_not_read_as_many(shape):
    picture = RNG.integers(0, 256, shape, dtype=np.uint8)
    with pytest.raises(InputError, match="looks like one picture"):
        ImageCodec.fit(picture)
    assert ImageCodec.fit(picture[None]).schema.shape == shape
    assert ImageCodec.fit(picture[..., None]).schema.shape == (*shape[1:], 1)
    assert ImageCodec.fit(picture, np.arange(len(picture))).schema.shape == shape[1:]


@pytest.mark.parametrize("shape", [(6, 5, 2), (6, 5, 5), (3, 5, 3), (6, 1, 1), (6, 3, 4)])
def test_what_may_well_be_grey_images_is_read_so(shape):
    assert ImageCodec.fit(np.ones(shape, np.uint8)).schema.shape == shape[1:]


GRIDS = {
    "binary": ([0, 255], (0, 255, 2)),
    "sixteenths": ([0, 16, 3, 7], (0, 1, 17)),
    "four bits": ([0, 17, 34, 255], (0, 17, 16)),
    "not from 0 on": ([10, 30, 20], (10, 10, 3)),
    "many values": (range(0, 128), (0, 1, 256)),
    "a far one": ([0, 1, 200], (0, 1, 256)),
    "one value": ([7], (0, 1, 256)),
}


@pytest.mark.parametrize(("values", "grid"), GRIDS.values(), ids=GRIDS)
def test_few_grey_values_are_codes_of_their_own(values, grid):
    images = np.array(values, np.uint8)[:, None, None]
    schema = ImageCodec.fit(images).schema
    assert (schema.first, schema.step, schema.levels) == grid


def test_all_grey_values_can_be_asked_for():
    images = np.array([[[0, 4]], [[2, 0]]], np.uint8)
    codec = ImageCodec.fit(images, grey_levels=256)
    assert (codec.schema.first, codec.schema.step, codec.schema.levels) == (0, 1, 256)
    assert codec.encode(images + 3).tolist() == [[3, 7], [5, 3]]


def test_coordinates_run_over_rows_columns_and_channels():
    images = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    assert ImageCodec.fit(images).encode(images)[0].tolist() == list(range(12))


LABELS = {
    "numbers": (np.array([3, 1, 3]), (1, 3), [1, 0, 1]),
    "whole floats": (np.array([3.0, 1.0, 3.0]), (1, 3), [1, 0, 1]),
    "text": (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
    "booleans": ([True, False, True], (False, True), [1, 0, 1]),
}


@pytest.mark.parametrize(("labels", "classes", "codes"), LABELS.values(), ids=LABELS)
def test_labels(labels, classes, codes):
    codec = ImageCodec.fit(np.zeros((3, 1, 1), np.uint8), labels)
    again = ImageCodec.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.schema == codec.schema
    assert again.schema.classes == classes
    assert again.schema.counts == (1, 2)
    assert again.encode_labels(labels).tolist() == codes
    assert again.encode_labels(labels[0], 2).tolist() == codes[:1] * 2


def test_what_is_drawn_beyond_the_grid_is_its_end():
    # A byte would begin again at 0: white that a head overshoots would become black.
    codec = ImageCodec(ImageSchema(height=1, width=4))
    codes = torch.tensor([[-3.0, 255.6, 300.0, 254.6]])
    assert codec.decode(codes).tolist() == [[[0, 255, 255, 255]]]


def test_a_codec_of_tables_is_refused():
    with pytest.raises(FileFormatError, match=r"of a codec of images gives; got .*'table'"):
        ImageCodec.from_json({"codec": "table", "schema": {}})


@pytest.mark.parametrize(
    ("levels", "text"), [(2, "0, 1"), (3, "0, 1, 2"), (4, "0, 1, ..., 3"), (256, "..., 255")]
)
def test_a_schema_shows_its_values(levels, text):
    assert str(ImageSchema(height=2, width=2, levels=levels)).endswith(text)


CODEC = ImageCodec.fit(np.array([[[0, 4]], [[2, 0]]], np.uint8), ["x", "y"])
GREY_COLOUR = ImageCodec.fit(np.zeros((2, 1, 2, 3), np.uint8))
MISTAKES = {
    "another size": (
        lambda: CODEC.encode(np.zeros((2, 3, 2), np.uint8)),
        r"Expected images of shape \(N, 1, 2\), as fitted; got \(2, 3, 2\). Crop",
    ),
    "colour for grey": (
        lambda: CODEC.encode(np.zeros((2, 1, 2, 3), np.uint8)),
        "The model is of grey images: convert colour to grey",
    ),
    "grey for colour": (
        lambda: GREY_COLOUR.encode(np.zeros((2, 1, 2), np.uint8)),
        r"repeat grey ones, np\.repeat\(images\[\.\.\., None\], 3, -1\)",
    ),
    "a grey value between": (
        lambda: CODEC.encode(np.array([[[0, 4]], [[2, 3]]], np.uint8)),
        r"3 from 0 on in steps of 2; got 3 in images\[1\]\. Round it to that grid, leave",
    ),
    "a grey value beyond": (
        lambda: CODEC.encode(np.array([[[2, 6]], [[8, 0]]], np.uint8)),
        r"got 6 in images\[0\]\. Clip it to 0 \.\.\. 4, .* or fit by ImageModel\(grey_levels=256",
    ),
    "some grey values": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), grey_levels=16),
        "Expected grey_levels to be 256, for all values, or None; got 16",
    ),
    "no images": (lambda: ImageCodec.fit(np.zeros((0, 2, 2), np.uint8)), "at least one image"),
    "a label too few": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), [1]),
        r"Expected y of shape \(2,\), one label for each image; got \(1,\)",
    ),
    "labels of two kinds": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), np.array([1, "a"], object)),
        "all whole numbers, all text or all booleans; got int, str",
    ),
    "labels with a hole": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), [1.0, np.nan]),
        "got float, int. Convert them, and leave images without a label out",
    ),
    "text with a hole": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), ["cat", np.nan]),
        "got float, str. Convert them, and leave images without a label out",
    ),
    "a number and its text": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), [1, "1"]),
        "got int, str",
    ),
    "a number and a boolean": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), [True, 2]),
        "got bool, int",
    ),
    "a masked label": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), np.ma.array([1, 9], mask=[0, 1])),
        "Expected labels of which all are known in y; got a masked array",
    ),
    "a label in bytes that are no text": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), ["caf\udce9", "tea"]),
        "text of unicode or whole numbers of 64 bits",
    ),
    "a label beyond 64 bits": (
        lambda: ImageCodec.fit(np.zeros((2, 2, 2), np.uint8), [1.0, 1e300]),
        "whole numbers of 64 bits, as a model file holds them; got 1000",
    ),
    "a label that was not fitted": (
        lambda: CODEC.encode_labels("z"),
        "Expected labels that were fitted in given: 'x', 'y'; got 'z'",
    ),
    "labels for a model without": (
        lambda: GREY_COLOUR.encode_labels(1),
        "Expected no given, as the model was fitted without labels",
    ),
    "labels for other images": (
        lambda: CODEC.encode_labels(["x", "y"], 3),
        r"Expected one label, or one for each of 3 in given; got shape \(2,\)",
    ),
}


@pytest.mark.parametrize(("call", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_codes_of_256_levels_are_a_copy():
    images = RNG.integers(0, 256, (2, 3, 30), dtype=np.uint8)
    codes = ImageCodec.fit(images).encode(images)
    codes.zero_()
    assert images.any()
    assert codes.dtype == torch.uint8


@pytest.mark.parametrize("box", [torch.tensor, np.array], ids=["tensor", "array"])
def test_labels_may_be_in_boxes(box):
    labels = [box(1), box(0), box(1)]
    assert classes_in(labels, 3) == ((0, 1), (1, 2))
    assert label_codes(labels, (0, 1), 3, what="given") == [1, 0, 1]
    assert label_codes(box(1), (0, 1), what="given") == [1]
