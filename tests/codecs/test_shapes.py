"""Images of another shape: whoever obeys the message has images that the model takes."""

import re

import numpy as np
import pytest

from qdist.codecs.image import ImageCodec
from qdist.errors import InputError

RNG = np.random.default_rng(0)


def data(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


GREY, FLAT, COLOUR = (20, 5, 6), (20, 5, 6, 1), (20, 5, 6, 3)
GREYED = "(images[..., :3] @ [0.299, 0.587, 0.114]).round().astype('uint8')"
SHAPES = {
    "grey for colour": (COLOUR, (2, 5, 6), "np.repeat(images[..., None], 3, -1)"),
    "grey with its axis for colour": (COLOUR, (2, 5, 6, 1), "np.repeat(images, 3, -1)"),
    "alpha for colour": (COLOUR, (2, 5, 6, 4), "images[..., :3]"),
    "alpha for grey": (GREY, (2, 5, 6, 2), "images[..., 0]"),
    "alpha for grey with its axis": (FLAT, (2, 5, 6, 2), "images[..., :1]"),
    "colour for grey": (GREY, COLOUR, GREYED),
    "colour for grey with its axis": (FLAT, COLOUR, GREYED + "[..., None]"),
    "colour and alpha for grey": (GREY, (2, 5, 6, 4), GREYED),
    "grey for grey with its axis": (FLAT, GREY, "images[..., None]"),
    "grey with its axis for grey": (GREY, FLAT, "images[..., 0]"),
    "channels first": ((20, 3, 4, 3), (2, 3, 3, 4), "images.transpose(0, 2, 3, 1)"),
    "one image": (COLOUR, (5, 6, 3), "images[None]"),
}


@pytest.mark.parametrize(("fitted", "given", "remedy"), SHAPES.values(), ids=SHAPES)
def test_a_remedy_that_is_obeyed_is_one(fitted, given, remedy):
    codec, images = ImageCodec.fit(data(*fitted)), data(*given)
    with pytest.raises(InputError, match=re.escape(f" {remedy}.")):
        codec.encode(images)
    assert codec.encode(eval(remedy, {"images": images, "np": np})).shape[1] == codec.schema.dim


@pytest.mark.parametrize(
    ("fitted", "given", "words"),
    [
        ((20, 3, 4), (2, 4, 3), "Crop or resize"),
        ((20, 3, 4, 2), (2, 3, 4, 3), "Give images of 2 channels, as fitted"),
        ((20, 3, 4, 4), (2, 3, 4), "Give images of 4 channels, as fitted"),
    ],
)
def test_what_no_expression_mends(fitted, given, words):
    with pytest.raises(InputError, match=words):
        ImageCodec.fit(data(*fitted)).check(data(*given))
