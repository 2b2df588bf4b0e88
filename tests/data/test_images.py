"""Images in and out of arrays, folders and files."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from qdist.data.images import as_images, read_images, read_mask
from qdist.data.pictures import half, write_images
from qdist.errors import FileAccessError, FileFormatError, InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("name", ["folder", "stack.npz", "stack.npy"])
def test_what_is_written_is_read(images, name, tmp_path):
    write_images(images, tmp_path / name)
    found, labels = read_images(str(tmp_path / name))
    assert found.dtype == np.uint8
    assert np.array_equal(found, images)
    assert labels is None


@pytest.mark.parametrize("labels", [np.arange(7), list("abcdefg")], ids=["numbers", "text"])
def test_labels_go_along(labels, tmp_path):
    write_images(GREY, tmp_path / "i.npz", labels=labels)
    assert read_images(tmp_path / "i.npz")[1].tolist() == list(labels)
    write_images(GREY, tmp_path / "o.npz", labels=np.array(labels, dtype=object))  # no pickle
    assert read_images(tmp_path / "o.npz")[1].tolist() == [str(label) for label in labels]


def test_a_folder_of_folders_has_labels(tmp_path):
    write_images(GREY[:3], tmp_path / "b")
    write_images(GREY[3:], tmp_path / "a")
    images, labels = read_images(tmp_path)
    assert labels.tolist() == ["a"] * 4 + ["b"] * 3
    assert np.array_equal(images, np.concatenate([GREY[3:], GREY[:3]]))


def test_pictures_beside_folders_of_pictures_are_refused(tmp_path):
    """Neither the one stray picture nor the folders alone are what was meant."""
    write_images(GREY, tmp_path / "cat")
    write_images(GREY, tmp_path / ".thumbnails")
    assert list(read_images(tmp_path)[1]) == ["cat"] * len(GREY)
    write_images(GREY[:1], tmp_path / "cover.png", gap=0)
    with pytest.raises(InputError, match=r"cover\.png beside the folder cat"):
        read_images(tmp_path)


@pytest.mark.parametrize("names", [("images", "y"), ("x", "labels"), ("x_train", "y")])
def test_labels_of_any_of_their_names_go_with_images(names, tmp_path):
    images, labels = names
    np.savez(tmp_path / "a.npz", **{images: GREY, labels: np.arange(len(GREY))})
    assert read_images(tmp_path / "a.npz")[1].tolist() == list(range(len(GREY)))


def test_the_usual_labels_come_first(tmp_path):
    train, test = np.arange(len(GREY)), np.arange(len(GREY))[::-1]
    np.savez(tmp_path / "a.npz", x_train=GREY, y_train=train, y=test)
    assert read_images(tmp_path / "a.npz")[1].tolist() == train.tolist()


def test_a_photograph_is_read_the_way_up_that_it_is_shown(tmp_path):
    picture = Image.fromarray(COLOUR[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: a quarter to the right on display
    picture.save(tmp_path / "a.png", exif=exif)
    found, _ = read_images(tmp_path)
    np.testing.assert_array_equal(found[0], np.rot90(COLOUR[0], -1))


@pytest.mark.parametrize("exif", [b"II*\x00", b"II\x2b\x00\x08\x00\x00\x00", b"nonsense"])
def test_a_picture_whose_exif_is_damaged_is_read_as_it_lies(exif, tmp_path):
    picture = Image.fromarray(GREY[0])
    picture.save(tmp_path / "a.png", exif=exif)
    images, _ = read_images(tmp_path)
    assert np.array_equal(images[0], GREY[0])


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(FileAccessError, match=r"Expected a folder to read; .* permission denied"):
        read_images(tmp_path)


MODES = {
    "palette": ("P", (4, 5, 3)),
    "one bit": ("1", (4, 5)),
    "opaque": ("RGBA", (4, 5, 3)),
    "grey and opaque": ("LA", (4, 5)),
}


@pytest.mark.parametrize(("mode", "shape"), MODES.values(), ids=MODES)
def test_pictures_of_other_modes(mode, shape, tmp_path):
    picture = Image.fromarray(GREY[0] if len(shape) == 2 else COLOUR[0])
    picture.convert(mode).save(tmp_path / "p.png")
    assert read_images(tmp_path)[0].shape == (1, *shape)


@pytest.mark.parametrize("opaque", [{}, {"transparency": b"\xff" * 256}], ids=["plain", "opaque"])
def test_a_palette_of_greys_is_grey(opaque, tmp_path):
    picture = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    picture.putpalette(np.repeat(np.arange(256, dtype=np.uint8)[::-1], 3).tobytes())
    assert picture.mode == "P"
    picture.save(tmp_path / "p.png", **opaque)
    assert read_images(tmp_path)[0].ravel().tolist() == list(range(255, -1, -1))


def test_a_jpeg_is_read(tmp_path):
    Image.fromarray(COLOUR[0]).save(tmp_path / "p.JPG", format="JPEG")
    assert read_images(tmp_path)[0].shape == (1, 4, 5, 3)


def folder_of(**pictures):
    def make(path):
        for name, picture in pictures.items():
            picture.save(path / f"{name}.png")
        return path

    return make


def file_of(name, content):
    def make(path):
        (path / name).write_bytes(content)
        return path if name.endswith(("png", "jpg")) else path / name

    return make


def whole_png(path):
    Image.fromarray(COLOUR[0].repeat(20, 0)).save(path / "whole.png")
    return (path / "whole.png").read_bytes()


def cut_png(path):
    (path / "cut.png").write_bytes(whole_png(path)[:-60])
    (path / "whole.png").unlink()
    return path


SIXTEEN = Image.fromarray(np.full((4, 5), 3000, np.uint16))
SOURCES = {
    "no such folder": (lambda p: p / "no.npz", FileAccessError, "Expected a file to read"),
    "no folder of that name": (lambda p: p / "no", FileAccessError, "which is not there"),
    "another ending": (lambda p: p / "a.gif", InputError, r"a folder of images, or .*a.gif"),
    "an empty folder": (lambda p: p, InputError, "Expected files ending in .png, .jpg"),
    "sizes that differ": (
        folder_of(a=Image.fromarray(GREY[0]), b=Image.fromarray(GREY[0, :3])),
        InputError,
        r"all of one size .*a.png \(4 rows of 5 pixels, grey\) and b.png \(3 rows of 5",
    ),
    "grey beside colour": (
        folder_of(a=Image.fromarray(GREY[0]), b=Image.fromarray(COLOUR[0])),
        InputError,
        r"a.png \(.*grey\) and b.png \(.*colour\)",
    ),
    "sixteen bits": (folder_of(a=SIXTEEN), InputError, "Expected pictures of 8 bits a channel"),
    "transparency": (
        folder_of(a=Image.new("RGBA", (5, 4), (1, 2, 3, 4))),
        InputError,
        r"Expected pictures without transparency; got .*a\.png",
    ),
    "not a picture": (file_of("a.png", b"no picture"), FileFormatError, "Expected a whole PNG"),
    "a picture that is cut": (cut_png, FileFormatError, "Expected a whole PNG or JPEG"),
    "not an archive": (file_of("a.npz", b"PK no archive"), FileFormatError, "arrays of numbers"),
    "an empty file": (file_of("a.npy", b""), FileFormatError, "arrays of numbers"),
}


@pytest.mark.parametrize(("make", "error", "words"), SOURCES.values(), ids=SOURCES)
def test_sources_that_cannot_be_read(make, error, words, tmp_path):
    with pytest.raises(error, match=words):
        read_images(make(tmp_path))


@pytest.mark.parametrize("kind", [2, 4], ids=["colour", "grey with alpha"])
def test_sixteen_bits_are_not_cut_to_eight(kind, tmp_path):
    """Pillow reads grey pictures of 16 bits as such, and of all others the upper eight."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    channels = {2: 3, 4: 2}[kind]
    line = b"\0" + np.full(5 * channels, 65535, ">u2").tobytes()
    header = struct.pack(">IIBBBBB", 5, 4, 16, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(4 * line)), (b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*p) for p in parts))
    with pytest.raises(InputError, match=r"8 bits a channel; got .*a\.png' of 16"):
        read_images(tmp_path)


def test_folders_within_folders_of_a_class_are_refused(tmp_path):
    for name in ("cat", "dog/husky"):
        (tmp_path / name).mkdir(parents=True)
        write_images(GREY, tmp_path / name)
    with pytest.raises(InputError, match="got pictures in husky within dog"):
        read_images(tmp_path)


def test_pictures_of_classes_are_named_with_their_folder(tmp_path):
    write_images(GREY[:1], tmp_path / "cat")
    write_images(GREY[:1, :3], tmp_path / "dog")
    with pytest.raises(InputError, match=r"got cat/00000\.png \(4 rows .* and dog/00000\.png \(3"):
        read_images(tmp_path)


def test_a_mask_is_no_jpeg_whose_edges_are_not_exact(tmp_path):
    Image.fromarray(GREY[0]).save(tmp_path / "mask.jpg")
    with pytest.raises(InputError, match=r"mask ending in \.png or \.npy.*a JPEG is not exact"):
        read_mask(tmp_path / "mask.jpg")


def damaged(path, *edits):
    """An archive with bytes changed at an offset from its first and from its central header."""
    np.savez(path / "d.npz", images=GREY)
    content = bytearray((path / "d.npz").read_bytes())
    central = content.find(b"PK\1\2")
    for at, value in edits:
        struct.pack_into("<H", content, at, value)
        struct.pack_into("<H", content, central + at + 2, value)
    (path / "d.npz").write_bytes(content)
    return path / "d.npz"


@pytest.mark.parametrize("edit", [(8, 9), (6, 1)], ids=["unknown compression", "a password"])
def test_archives_that_cannot_be_unpacked(edit, tmp_path):
    with pytest.raises(FileFormatError, match="Expected arrays of numbers"):
        read_images(damaged(tmp_path, edit))


@pytest.mark.parametrize("read", [read_images, read_mask])
def test_a_header_that_does_not_parse(read, tmp_path):
    np.save(tmp_path / "h.npy", GREY)
    content = bytearray((tmp_path / "h.npy").read_bytes())
    content[10] ^= 0x55
    (tmp_path / "h.npy").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"Expected .*array"):
        read(tmp_path / "h.npy")


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="one of Python objects"):
        read_images(tmp_path / "o.npy")


def test_a_picture_that_claims_to_be_huge_is_refused(tmp_path, monkeypatch):
    Image.fromarray(GREY[0]).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(FileFormatError, match="Expected a whole PNG or JPEG picture"):
        read_images(tmp_path)


ARRAYS = {
    "one image": (GREY[0], r"shape \(N, H, W\) .* got \(4, 5\). Give a single image as images"),
    "channels first": (COLOUR.transpose(0, 3, 1, 2), r"got \(7, 3, 4, 5\). Move the channels"),
    "five axes": (GREY[None, None], "Put the images along the first axis"),
    "floats in [0, 1]": (GREY / 255.0, r"got float64 with values in .*\(255 \* images\).round"),
    "whole floats": (GREY.astype(float), r"Convert them: images.astype\('uint8'\)"),
    "larger numbers": (GREY.astype(int) * 9, "Bring them to whole numbers in 0 ... 255"),
    "text": (np.full((2, 2, 2), "a"), "got <U1"),
    "no pixels": (GREY[:, :0], "at least one pixel"),
    "lists of different sizes": ([[[1, 2]], [[1]]], "of one size; got others"),
    "a path": ("shots", r"got the path 'shots'. Read it first: qdist\.data\.images\.read_images"),
    "a tensor with gradients": (
        torch.zeros(2, 3, 4, requires_grad=True),
        r"that numpy can read; got Tensor: .*images\.detach\(\)",
    ),
}


@pytest.mark.parametrize(("images", "words"), ARRAYS.values(), ids=ARRAYS)
def test_what_is_no_stack_of_images(images, words):
    with pytest.raises(InputError, match=words):
        as_images(images)


def test_masks_are_read(tmp_path):
    mask = half((4, 5), "right")
    Image.fromarray((mask * 9).astype(np.uint8)).save(tmp_path / "m.png")
    Image.fromarray(np.stack([mask * 9] * 3, 2).astype(np.uint8)).save(tmp_path / "c.png")
    np.save(tmp_path / "m.npy", mask)
    for name in ("m.png", "c.png", "m.npy"):
        assert np.array_equal(read_mask(tmp_path / name), mask)
    (tmp_path / "bad.npy").write_bytes(b"bad")
    for name, error in (("no.npy", FileAccessError), ("m.txt", InputError),
                        ("bad.npy", FileFormatError)):  # fmt: skip
        with pytest.raises(error, match="Expected a"):
            read_mask(tmp_path / name)


@pytest.mark.parametrize(
    "mask", [np.array([["a", "b"]]), np.zeros((2, 2), [("a", "u1")])], ids=["text", "a record"]
)
def test_a_mask_of_no_numbers(mask, tmp_path):
    np.save(tmp_path / "m.npy", mask)
    with pytest.raises(FileFormatError, match=r"array of numbers in .*m\.npy"):
        read_mask(tmp_path / "m.npy")


def test_a_mask_that_is_an_archive(tmp_path):
    np.savez(tmp_path / "m.npz", half((2, 2), "left"))
    (tmp_path / "m.npz").rename(tmp_path / "m.npy")
    with pytest.raises(FileFormatError, match=r"array of numbers in .*m\.npy.*; got NpzFile"):
        read_mask(tmp_path / "m.npy")


def test_masked_pixels_are_refused():
    images = np.ma.array(np.zeros((2, 5, 6), np.uint8), mask=False)
    assert as_images(images).shape == (2, 5, 6)  # nothing is hidden
    images[0, 0, 0] = np.ma.masked
    with pytest.raises(InputError, match="all pixels are known; got a masked array"):
        as_images(images)


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_nobody_is_advised_to_unpickle(tmp_path, name):
    objects = np.array([{}, None], object)
    save = np.savez if name == "a.npz" else np.save
    for write in (
        lambda path: save(path, objects, allow_pickle=True),
        lambda path: path.write_bytes(b"\x80rubbish"),
    ):
        write(tmp_path / name)
        for read in (read_images, read_mask) if name == "a.npy" else (read_images,):
            with pytest.raises(FileFormatError) as caught:
                read(tmp_path / name)
            assert "pickle" not in str(caught.value)
            assert "no array, or one of Python objects" in str(caught.value)
