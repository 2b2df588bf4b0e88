"""The command line with images: a folder or an .npz in, a picture, a folder or an .npz out."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import qdist
from qdist.cli import main
from qdist.data.images import read_images
from qdist.data.pictures import half, write_images

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 3, 4), dtype=np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _float32():
    """The command line has a process, and its defaults."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images with labels as a file, and a model fitted to it by the command line."""
    folder = tmp_path_factory.mktemp("images")
    write_images(IMAGES, folder / "i.npz", labels=np.arange(20) % 2)
    words = ["fit", str(folder / "i.npz"), "-o", str(folder / "m.qdist"), "--max-time", "0.5"]
    assert main([*words, "--seed", "0", "--quiet"]) == 0
    return folder


def test_a_folder_of_pictures_is_fitted(tmp_path, capsys):
    write_images(IMAGES, tmp_path / "pictures")
    words = ["fit", str(tmp_path / "pictures"), "-o", str(tmp_path / "m.qdist")]
    assert main([*words, "--max-time", "0.1"]) == 0
    assert "(20 images of 3 x 4, no classes)" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "m.qdist")]) == 0
    assert "3 x 4 pixels, grey" in capsys.readouterr().out


def test_samples_are_one_picture_a_folder_or_an_array(folder, tmp_path, capsys):
    model = str(folder / "m.qdist")
    for name in ("grid.png", "drawn", "drawn.npz", "drawn.npy"):
        words = ["sample", model, "-n", "4", "-o", str(tmp_path / name), "--seed", "0"]
        assert main(words) == 0, capsys.readouterr().err
    with Image.open(tmp_path / "grid.png") as grid:  # 2 x 2 images of 4 x 3, and gaps of 1
        assert grid.size == (2 * 4 + 3, 2 * 3 + 3)
    stacks = [read_images(tmp_path / name)[0] for name in ("drawn", "drawn.npz", "drawn.npy")]
    assert stacks[0].shape == (4, 3, 4)
    assert all(np.array_equal(stacks[0], stack) for stack in stacks)


def test_a_label_is_given(folder, tmp_path):
    words = ["sample", str(folder / "m.qdist"), "-n", "3", "-o", str(tmp_path / "d.npz")]
    assert main([*words, "--given", "1"]) == 0
    images, labels = read_images(tmp_path / "d.npz")
    assert images.shape == (3, 3, 4)
    assert labels.tolist() == [1, 1, 1]


def test_labels_that_are_drawn_are_written(folder, tmp_path):
    words = ["sample", str(folder / "m.qdist"), "-n", "9", "-o", str(tmp_path / "d.npz")]
    assert main([*words, "--seed", "3"]) == 0
    images, labels = read_images(tmp_path / "d.npz")
    model = qdist.load(folder / "m.qdist")
    assert labels.tolist() == model.sample_labels(9, random_state=3).tolist()
    assert np.array_equal(images, model.sample(9, random_state=3))


def test_grey_pictures_are_completed_by_a_model_of_arrays_with_a_channel(tmp_path, capsys):
    write_images(IMAGES[..., None], tmp_path / "i.npz")
    write_images(IMAGES[:3], tmp_path / "pictures")
    model = str(tmp_path / "m.qdist")
    assert main(["fit", str(tmp_path / "i.npz"), "-o", model, "--max-time", "0.1"]) == 0
    words = ["inpaint", model, str(tmp_path / "pictures"), "--hide", "lower"]
    for name in ("c.npz", "c.png"):
        assert main([*words, "-o", str(tmp_path / name)]) == 0, capsys.readouterr().err
    assert read_images(tmp_path / "c.npz")[0].shape == (3, 3, 4, 1)


@pytest.mark.parametrize("how", ["half", "picture", "array"])
def test_hidden_halves_are_completed(folder, tmp_path, how):
    mask = half((3, 4), "lower")
    write_images((255 * mask).astype(np.uint8)[None], tmp_path / "mask.png", gap=0)
    np.save(tmp_path / "mask.npy", mask)
    ways = {
        "half": ["--hide", "lower"],
        "picture": ["--mask", str(tmp_path / "mask.png")],
        "array": ["--mask", str(tmp_path / "mask.npy")],
    }
    words = ["inpaint", str(folder / "m.qdist"), str(folder / "i.npz"), *ways[how], "-n", "2"]
    assert main([*words, "-o", str(tmp_path / "c.npz"), "--seed", "0"]) == 0
    completed, labels = read_images(tmp_path / "c.npz")
    assert completed.shape == (40, 3, 4)
    assert labels.tolist() == [0, 0, 1, 1] * 10
    known = IMAGES.repeat(2, 0)
    assert np.array_equal(completed[:, :1], known[:, :1])
    assert not np.array_equal(completed[::2], completed[1::2])
    assert main([*words, "-o", str(tmp_path / "c.png")]) == 0
    with Image.open(tmp_path / "c.png") as grid:  # 20 rows of what is known and two draws
        assert grid.size == (3 * 5 + 1, 20 * 4 + 1)


def test_a_label_is_given_to_completions(folder, tmp_path, monkeypatch):
    """It goes before the labels of the file, which go before none."""
    write_images(IMAGES, tmp_path / "plain.npz")
    asked, written = [], []
    inpaint = qdist.ImageModel.inpaint

    def listening(model, *args, given, **options):
        asked.append(given)
        return inpaint(model, *args, given=given, **options)

    monkeypatch.setattr(qdist.ImageModel, "inpaint", listening)
    for images, label in ((folder / "i.npz", ["--given", "1"]), (folder / "i.npz", []),
                          (tmp_path / "plain.npz", ["--given", "0"]),
                          (tmp_path / "plain.npz", [])):  # fmt: skip
        words = ["inpaint", str(folder / "m.qdist"), str(images), "--hide", "lower", *label]
        assert main([*words, "-o", str(tmp_path / "c.npz"), "--quiet"]) == 0
        written.append(read_images(tmp_path / "c.npz")[1])
    assert asked[0] == 1
    assert asked[1] == [0, 1] * 10
    assert asked[2:] == [0, None]
    assert [None if labels is None else labels.tolist() for labels in written] == [
        [1] * 20, [0, 1] * 10, [0] * 20, None,
    ]  # fmt: skip


def test_a_fit_that_ends_early_says_what_was_planned(tmp_path, monkeypatch, capsys):
    """The line after the fit and `info` name the same two numbers."""
    write_images(IMAGES, tmp_path / "i.npz")
    fit = qdist.ImageModel.fit

    def stopped(model, *args, **options):
        model.set_params(max_time=None, max_steps=60, callbacks=[lambda record: True])
        return fit(model, *args, **options)

    monkeypatch.setattr(qdist.ImageModel, "fit", stopped)
    model = str(tmp_path / "m.qdist")
    assert main(["fit", str(tmp_path / "i.npz"), "-o", model]) == 0
    said = capsys.readouterr().err
    assert f"saved {model}, last validated at step 3 of 60 planned (20 images" in said
    assert main(["info", model]) == 0
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    shown = {line[0]: line[-1].strip() for line in lines}
    assert (shown["planned steps"], shown["last validated at step"]) == ("60", "3")


@pytest.mark.parametrize(("factor", "dark"), [(1, True), (255, False)])
def test_dark_pictures_are_told_of(tmp_path, capsys, factor, dark):
    images = factor * (IMAGES % 2)
    model = qdist.ImageModel(max_steps=1, backbone_args={"features": 4, "layers": 1, "context": 8})
    model.fit(images).save(tmp_path / "m.qdist")
    for name, told in (("grid.png", dark), ("drawn.npy", False)):
        words = [str(tmp_path / "m.qdist"), "-n", "2", "-o", str(tmp_path / name)]
        assert main(["sample", *words]) == 0
        assert ("dark, with grey values 0 ... 1 of 255" in capsys.readouterr().err) == told


def test_folders_are_the_labels_of_numbers(folder, tmp_path, capsys):
    for name in ("0", "1"):
        (tmp_path / "p").mkdir(exist_ok=True)
        write_images(IMAGES[:2], tmp_path / "p" / name)
    words = ["inpaint", str(folder / "m.qdist"), str(tmp_path / "p"), "--hide", "lower"]
    assert main([*words, "-o", str(tmp_path / "c.npz")]) == 0, capsys.readouterr().err
    (tmp_path / "p" / "1").rename(tmp_path / "p" / "7")
    assert main([*words, "-o", str(tmp_path / "c.npz")]) == 1
    assert f"were fitted in {tmp_path / 'p'}: 0, 1; got '7'. Correct" in capsys.readouterr().err


def test_info_for_machines(folder, capsys):
    assert main(["info", str(folder / "m.qdist"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["model"] == "ImageModel"
    assert facts["images"]["classes"] == [0, 1]
    assert facts["images"]["height"] == 3


MISTAKES = {
    "a label that was not fitted": (
        ["sample", "{m}", "-n", "1", "-o", "{t}/a.npz", "--given", "7"],
        1,
        "Expected a label that was fitted: 0, 1; got '7'",
    ),
    "two labels": (
        ["sample", "{m}", "-n", "1", "-o", "{t}/a.npz", "--given", "0", "--given", "1"],
        2,
        "expected one label; got 2",
    ),
    "images on standard output": (
        ["sample", "{m}", "-n", "1"],
        1,
        "Expected a file or folder for images; got standard output",
    ),
    "an ending for tables": (
        ["sample", "{m}", "-n", "1", "-o", "{t}/a.csv"],
        1,
        "Expected a file ending in .png, .npz or .npy, or a folder",
    ),
    "nothing hidden": (
        ["inpaint", "{m}", "{i}", "-o", "{t}/a.npz"],
        2,
        "expected one of --hide and --mask",
    ),
    "completions of a label that was not fitted": (
        ["inpaint", "{m}", "{i}", "--hide", "lower", "-o", "{t}/a.npz", "--given", "7"],
        1,
        "Expected a label that was fitted: 0, 1; got '7'",
    ),
    "a mask that is not there": (
        ["inpaint", "{m}", "{i}", "-o", "{t}/a.npz", "--mask", "{t}/no.png"],
        1,
        "Expected a file to read",
    ),
    "no images": (["fit", "{t}", "-o", "{t}/m.qdist"], 1, "Expected files ending in .png"),
    "no file": (["fit", "{t}/no.npz", "-o", "{t}/m.qdist"], 1, "Expected a file to read"),
    "an empty .npz": (
        ["fit", "{e}", "-o", "{t}/m.qdist"],
        1,
        "or a single array in e.npz; got []",
    ),
    "completions on standard output": (
        ["inpaint", "{m}", "{i}", "--hide", "lower", "-o", "-"],
        1,
        "Expected a file or folder for images; got standard output",
    ),
}


@pytest.mark.parametrize(("words", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_line(folder, tmp_path, capsys, words, code, message):
    np.savez(folder / "e.npz")
    places = {"m": folder / "m.qdist", "i": folder / "i.npz", "e": folder / "e.npz", "t": tmp_path}
    assert main([word.format(**places) for word in words]) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_no_completions_make_no_picture(folder, tmp_path, capsys):
    write_images(IMAGES[:0], tmp_path / "none.npz", labels=[])
    words = ["inpaint", str(folder / "m.qdist"), str(tmp_path / "none.npz"), "--hide", "lower"]
    assert main([*words, "-o", str(tmp_path / "c.png")]) == 1
    assert "Expected at least one image for a picture" in capsys.readouterr().err
    assert main([*words, "-o", str(tmp_path / "c.npz")]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("command", ["sample", "inpaint"])
def test_where_to_write_is_checked_before_the_work(folder, tmp_path, monkeypatch, capsys, command):
    def never(*args, **options):
        raise AssertionError("it has begun to draw")

    monkeypatch.setattr(qdist.ImageModel, command, never)
    rest = ["-n", "1"] if command == "sample" else [str(folder / "i.npz"), "--hide", "lower"]
    for name in ("grid.png", "drawn.npz"):
        (tmp_path / name).mkdir()
    (tmp_path / "taken").write_text("x")
    write_images(IMAGES.repeat(2, 0), tmp_path / "more")
    for target, message in (
        ("a.gif", "Expected a file ending in .png, .npz or .npy"),
        ("nowhere/a.npz", "Expected a folder for"),
        ("grid.png", "which is a folder. Name a file in it"),
        ("drawn.npz", "which is a folder. Name a file in it"),
        ("taken", "where a file is in the way"),
        ("more", "Expected a folder without other pictures"),
    ):
        words = [command, str(folder / "m.qdist"), *rest, "-o", str(tmp_path / target)]
        assert main(words) == 1
        assert message in capsys.readouterr().err


def test_where_to_save_is_checked_before_a_fit(folder, tmp_path, monkeypatch, capsys):
    def never(*args, **options):
        raise AssertionError("it has begun to fit")

    monkeypatch.setattr(qdist.ImageModel, "fit", never)
    assert main(["fit", str(folder / "i.npz"), "-o", str(tmp_path / "nowhere" / "m.qdist")]) == 1
    assert "Make it first, or choose another place" in capsys.readouterr().err
