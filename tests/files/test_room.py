"""What is written is no larger than what is read; what would be is refused before it is."""

import json
import os

import pytest
import torch

from qdist.errors import FileFormatError, InputError
from qdist.files import description, parts, read_model, room, tensors, write_model

META = {
    "estimator": "ImageModel",
    "params": {"text": "Ärger, 困る"},
    "parts": {"backbone": "x", "backbone_args": {}, "head": "y", "head_args": {}},
    "codec": {
        "codec": "image",
        "schema": {
            "height": 1, "width": 2, "channels": 1, "channel_axis": False, "first": 0, "step": 1,
            "levels": 256, "classes": list(range(200)), "counts": [1] * 200,
        },
    },
    "plugins": [],
    "training": {
        "when": None, "rows": 3, "versions": {}, "steps": 1, "history": [], "profile": {},
    },
}  # fmt: skip
WEIGHTS = {"a": torch.zeros(3), "b": torch.zeros(2)}


def shrink(monkeypatch, what, most):
    """The limits of writing and of reading, which are one."""
    if what == "entries":
        monkeypatch.setattr(description, "MOST_ENTRIES", most)
        monkeypatch.setattr(room, "MOST_ENTRIES", most)
    elif what == "tensors":
        monkeypatch.setattr(tensors, "_MOST_TENSORS", most)
    else:
        monkeypatch.setitem(parts.MOST_BYTES, what, most)


LIMITS = {
    parts.DESCRIPTION: r"bytes, where at most .* are read, most of it under 'codec'. Leave out",
    "entries": r"entries, where at most .* are read, most of it under 'codec'. Leave out columns",
    parts.WEIGHTS: r"weights of .* bytes, where at most .* are read. Fit fewer or smaller",
    "tensors": "more tensors than are read. Leave out columns, or fit fewer networks",
}


WORST = [
    -2.2250738585072014e-308, -(2**64), None, True, "\x01,[{", "", [], {}, [[]], [[1, None]] * 3,
    {"\x02": [False, [[[0.5]], "a"]]},
]  # fmt: skip


@pytest.mark.parametrize("value", WORST, ids=repr)
def test_what_surely_fits_does(monkeypatch, value):
    text = description.to_text({"it": [value] * 9})
    monkeypatch.setattr(room, "MOST_ENTRIES", description.count_entries(text) - 1)
    assert not room.surely_fits({"it": [value] * 9})
    monkeypatch.undo()
    monkeypatch.setitem(parts.MOST_BYTES, parts.DESCRIPTION, len(text) - 1)
    assert not room.surely_fits({"it": [value] * 9})
    monkeypatch.undo()
    assert room.surely_fits({"it": [value] * 9})


@pytest.mark.parametrize("layout", ["file", "folder"])
@pytest.mark.parametrize("what", LIMITS)
def test_what_would_not_be_read_is_not_written(tmp_path, monkeypatch, what, layout):
    write_model(tmp_path / "m", META, WEIGHTS, layout="folder")
    size = {
        "entries": description.count_entries((tmp_path / "m" / "model.json").read_bytes()),
        "tensors": len(WEIGHTS),
    }.get(what) or (tmp_path / "m" / what).stat().st_size
    if layout == "file" and what == parts.DESCRIPTION:
        write_model(tmp_path / "f", META, WEIGHTS)
        size = len(description.to_text(json.loads((tmp_path / "m" / what).read_bytes())))
    shrink(monkeypatch, what, size)
    write_model(tmp_path / "fits", META, WEIGHTS, layout=layout)
    read_model(tmp_path / "fits")
    shrink(monkeypatch, what, size - 1)
    with pytest.raises(FileFormatError):
        read_model(tmp_path / "fits")
    there = sorted(os.listdir(tmp_path))
    with pytest.raises(InputError, match="a model that can be read again; got .*" + LIMITS[what]):
        write_model(tmp_path / "new", META, WEIGHTS, layout=layout)
    assert sorted(os.listdir(tmp_path)) == there


def test_letters_are_not_escaped(tmp_path):
    write_model(tmp_path / "m", META, {}, layout="folder")
    assert "Ärger, 困る".encode() in (tmp_path / "m" / "model.json").read_bytes()
    assert read_model(tmp_path / "m")[0]["params"] == META["params"]


def test_large_descriptions_have_no_lines_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("qdist.files.model._LEGIBLE", 10)
    write_model(tmp_path / "m", META, {}, layout="folder")
    assert b"\n" not in (tmp_path / "m" / "model.json").read_bytes()
    read_model(tmp_path / "m")


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_letter_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="parameters that JSON can hold"):
        write_model(tmp_path / "m", {**META, "params": {"x": text}}, {})
    assert os.listdir(tmp_path) == []
