"""Archives of arrays: which of them are the images, and which the labels."""

import numpy as np
import pytest

from qdist.data.images import read_images
from qdist.errors import InputError
from qdist.estimators.image_rows import with_labels

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)


def test_archives_of_other_names(tmp_path):
    np.savez(tmp_path / "m.npz", x_train=GREY, y_train=np.arange(7), x_test=GREY[:2])
    images, labels = read_images(tmp_path / "m.npz")
    assert (len(images), labels.tolist()) == (7, list(range(7)))
    np.savez(tmp_path / "one.npz", anything=COLOUR)
    assert np.array_equal(read_images(tmp_path / "one.npz")[0], COLOUR)
    np.savez(tmp_path / "two.npz", a=GREY, b=GREY)
    with pytest.raises(InputError, match=r"Expected an array 'images', 'x', .*got \['a', 'b'\]"):
        read_images(tmp_path / "two.npz")


@pytest.mark.parametrize("images", ["images", "x", "x_train"])
@pytest.mark.parametrize(
    "labels",
    [np.arange(7), np.arange(7)[:, None], np.array(list("abcdefg")), np.array([None] * 7)],
    ids=["numbers", "a column", "text", "objects"],
)
def test_labels_of_another_name_are_not_dropped(images, labels, tmp_path):
    np.savez(tmp_path / "a.npz", **{images: GREY, "target": labels})
    with pytest.raises(InputError, match=r"'labels', 'y', .* a\.npz; got an array 'target' of 7"):
        read_images(tmp_path / "a.npz")


def test_labels_that_are_given_need_not_be_in_the_archive(tmp_path):
    np.savez(tmp_path / "a.npz", images=GREY, target=np.arange(7))
    assert read_images(tmp_path / "a.npz", check_labels=False)[1] is None
    images, labels = with_labels(tmp_path / "a.npz", np.arange(7) % 2)
    assert np.array_equal(images, GREY)
    assert labels.tolist() == [0, 1, 0, 1, 0, 1, 0]


@pytest.mark.filterwarnings("ignore:Stored array in format 2.0")
def test_what_cannot_be_labels_may_stand_beside_images(tmp_path):
    rest = {"x_test": GREY[:3], "y_test": np.arange(3), "mean": GREY.mean(0), "of": np.array("me")}
    rest["wide"] = np.zeros(2, [("a name" * 3000 + str(k), "f4") for k in range(5)])
    np.savez(tmp_path / "a.npz", x_train=GREY, **rest)
    assert read_images(tmp_path / "a.npz")[1] is None
    np.savez(tmp_path / "b.npz", x_train=GREY, y_train=np.arange(7), ids=np.arange(7) + 90)
    assert read_images(tmp_path / "b.npz")[1].tolist() == list(range(7))
