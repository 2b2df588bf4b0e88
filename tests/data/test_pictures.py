"""Images on their way out: grids, halves, completions, and where they may be written."""

import sys

import numpy as np
import pytest

from qdist.data.images import read_images
from qdist.data.pictures import check_target, completions, half, image_grid, write_images
from qdist.errors import ExtraMissingError, FileAccessError, InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)


def test_a_folder_with_other_pictures_is_not_written_to(tmp_path):
    write_images(GREY, tmp_path / "out")
    write_images(255 - GREY, tmp_path / "out")  # the same names: written over
    np.testing.assert_array_equal(read_images(tmp_path / "out")[0], 255 - GREY)
    with pytest.raises(InputError, match=r"without other pictures.*1 more, 0000\d\.png"):
        write_images(GREY[:-1], tmp_path / "out")
    assert len(read_images(tmp_path / "out")[0]) == len(GREY)


def test_a_folder_of_classes_is_not_written_to(tmp_path):
    write_images(GREY, tmp_path / "set")
    check_target(tmp_path / "set", channels=1, n=len(GREY))  # may be written over
    with pytest.raises(InputError, match=r"without other pictures.* 2 more, 0000\d\.png among"):
        check_target(tmp_path / "set", channels=1, n=len(GREY) - 2)
    (tmp_path / "set" / "cat").mkdir()
    write_images(GREY, tmp_path / "set" / "cat")
    for write in (write_images, lambda _, path: check_target(path, channels=1, n=7)):
        with pytest.raises(InputError, match=r"without other pictures.*7 more, cat/00000\.png"):
            write(GREY, tmp_path / "set")


def test_pillow_is_asked_for_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    check_target(tmp_path / "a.npz", channels=1, n=7)
    for name in ("a.png", "folder"):
        with pytest.raises(ExtraMissingError, match=r"pip install 'qdist\[images\]'"):
            check_target(tmp_path / name, channels=1, n=7)


def test_halves_are_halves():
    for a, b in (("lower", "upper"), ("left", "right")):
        assert np.array_equal(half((5, 3), a), ~half((5, 3), b))
    for which in ("middle", ["lower"]):
        with pytest.raises(InputError, match=r"Expected one of lower, .*; got"):
            half((2, 2), which)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((7, 4, 5), r"Of images, give images\.shape\[1:3\]"),
        (4, r"size \(rows, columns\); got 4\."),
        ((-1, 2), r"size\[0\] to be a whole number >= 1; got -1"),
        ((2, 2.0), r"size\[1\] to be a whole number >= 1; got 2\.0"),
    ],
)
def test_a_half_of_no_image(size, words):
    with pytest.raises(InputError, match=words):
        half(size, "lower")


@pytest.mark.parametrize("labels", [[1], [[1], [2, 3]] * 3 + [[4]], np.zeros((7, 1))])
def test_labels_of_other_images_are_not_written(labels, tmp_path):
    with pytest.raises(InputError, match="Expected 7 labels, one for each image; got "):
        write_images(GREY, tmp_path / "i.npz", labels=labels)


def test_a_grid_holds_each_image_once():
    grid = image_grid(COLOUR, columns=3, gap=2, zoom=2, shade=7)
    assert grid.shape == (3 * 10 + 2, 3 * 12 + 2, 3)
    assert np.array_equal(grid[2:10:2, 14:24:2], COLOUR[1])
    assert (grid[-10:, -24:] == 7).all()  # two places are empty
    with pytest.raises(InputError, match="at least one image"):
        image_grid(GREY[:0])
    with pytest.raises(InputError, match="Expected columns to be a whole number >= 1"):
        image_grid(GREY, columns=0)


def test_completions_begin_with_what_is_known():
    drawn = np.stack([GREY, GREY[::-1]])
    mask = half((4, 5), "lower")
    rows = completions(GREY, drawn, mask, shade=9).reshape(7, 3, 4, 5)
    assert np.array_equal(rows[:, 0, :2], GREY[:, :2])
    assert (rows[:, 0, 2:] == 9).all()
    assert np.array_equal(rows[:, 1:].swapaxes(0, 1), drawn)


@pytest.mark.parametrize(
    ("drawn", "mask", "words"),
    [
        (GREY[None], np.ones((3, 5), int), "Expected a mask of shape .* got int64"),
        (GREY[None], np.ones((5, 3), bool), "Expected a mask of shape"),
        (GREY, np.ones(GREY.shape[1:], bool), "Expected completions of shape"),
    ],
)
def test_completions_of_other_images(drawn, mask, words):
    with pytest.raises(InputError, match=words):
        completions(GREY, drawn, mask)


@pytest.mark.parametrize("shade", [256, -1, 0.5, "grey"])
def test_completions_in_no_shade(shade):
    with pytest.raises(InputError, match="Expected shade to be a whole number >= 0 and < 256"):
        completions(GREY, GREY[None], np.ones((4, 5), bool), shade=shade)


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(FileAccessError, match="Expected a folder for"):
        write_images(GREY, tmp_path / "no folder" / "a.png")
    with pytest.raises(InputError, match=r"Expected a file ending in .png, .npz or .npy, or a f"):
        write_images(GREY, tmp_path / "a.gif")
    with pytest.raises(InputError, match="Expected 1 or 3 channels for a picture; got 2"):
        write_images(COLOUR[..., :2], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
