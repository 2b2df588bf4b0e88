"""Model files: written whole or not at all, and nothing that is not one is believed."""

import io
import json
import math
import os
import stat
import warnings
import zipfile

import pytest
import safetensors.torch
import torch

from qdist.errors import FileAccessError, FileFormatError, InputError
from qdist.files import FORMAT, fill_weights, read_model, write_model
from qdist.files.tensors import unpack_tensors

META = {
    "estimator": "ImageModel",
    "params": {"numbers": [1, 2.5, None], "text": "Ärger"},
    "parts": {"backbone": "x", "backbone_args": {}, "head": "y", "head_args": {}},
    "codec": {
        "codec": "image",
        "schema": {
            "height": 1, "width": 2, "channels": 1, "channel_axis": False, "first": 0, "step": 1,
            "levels": 256, "classes": [], "counts": [],
        },
    },
    "plugins": [],
    "training": {
        "when": None, "rows": 3, "versions": {}, "steps": 1, "history": [], "profile": {},
    },
}  # fmt: skip


def make_weights():
    return {
        "a": torch.arange(6.0).view(2, 3),
        "b.transposed": torch.arange(6.0, dtype=torch.float32).view(2, 3).t(),
        "c": torch.tensor([True, False]),
        "d": torch.tensor(3),
    }


def archive(**entries):
    """The bytes of a zip with these entries (a double underscore stands for the point)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in entries.items():
            file.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


WEIGHTS = safetensors.torch.save({"a": torch.zeros(2)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.qdist"


def test_what_is_written_is_read(path):
    weights = make_weights()
    write_model(path, META, weights)
    meta, read = read_model(path)
    assert meta.pop("digest").startswith("sha256:")
    assert meta == {"format": FORMAT, **META}
    assert read.keys() == weights.keys()
    for name, tensor in weights.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)


def test_a_model_without_tensors(path):
    write_model(str(path), META, {})
    assert read_model(str(path))[1] == {}


def test_tensors_that_share_memory(path):
    shared = torch.arange(4.0)
    write_model(path, META, {"a": shared, "b": shared, "c": shared[1:]})
    _, read = read_model(path)
    assert torch.equal(read["b"], shared)
    assert torch.equal(read["c"], shared[1:])


def test_it_is_a_zip_of_json_and_safetensors(path):
    write_model(path, META, make_weights())
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["model.json", "model.safetensors", "README.md"]
        assert json.loads(file.read("model.json"))["estimator"] == "ImageModel"


def test_the_same_content_is_the_same_file(path, tmp_path, monkeypatch):
    write_model(path, META, make_weights())
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    write_model(tmp_path / "again", META, make_weights())
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_a_save_replaces_the_old_file_and_leaves_no_other(path):
    path.write_bytes(b"old")
    write_model(path, META, {})
    assert read_model(path)[0]["estimator"] == "ImageModel"
    assert os.listdir(path.parent) == [path.name]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def refuse(*args, **kwargs):
    raise OSError(28, "No space left on device")


FAILURES = {
    "no room": ("os.fsync", refuse),
    "cannot be moved": ("os.replace", refuse),
    "cannot be opened": ("qdist.data.atomic.open", refuse),
}


@pytest.mark.parametrize(("name", "failure"), FAILURES.values(), ids=FAILURES)
def test_a_failed_save_leaves_the_old_file(path, monkeypatch, name, failure):
    write_model(path, META, make_weights())
    before = path.read_bytes()
    monkeypatch.setattr(name, failure, raising=False)  # a module has no `open` of its own
    with pytest.raises(FileAccessError, match=r"No space left on device\. Nothing was overwrit"):
        write_model(path, META, {})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_no_half_file_is_left_by_an_interruption(path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_model(path, META, {})
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("where", ["missing/model.qdist", "file/model.qdist", "folder"])
def test_places_that_take_no_file(tmp_path, where):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileAccessError, match=r"Expected a (folder that can|file, or a place)"):
        write_model(tmp_path / where, META, {})
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("value", [math.nan, {1, 2}, {(1, 2): 3}, b"x"], ids=repr)
def test_what_json_lacks_is_refused_before_anything_is_written(path, value):
    with pytest.raises(InputError, match="Expected parameters that JSON can hold, to be saved"):
        write_model(path, {**META, "params": {"x": value}}, {})
    assert os.listdir(path.parent) == []


def test_a_description_that_would_not_be_read_is_told_in_words_of_its_own(path):
    with pytest.raises(InputError, match=r"is read again; got .*Expected text .*Give sh"):
        write_model(path, {**META, "training": {**META["training"], "when": "x" * 101}}, {})
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_file(path, tenth):
    write_model(path, META, make_weights())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * tenth // 10])
    with pytest.raises(FileFormatError, match=r"Expected a.* qdist model file; got model.qdist"):
        read_model(path)


def test_a_changed_byte_in_the_content_is_noticed(path):
    write_model(path, META, make_weights())
    whole = bytearray(path.read_bytes())
    for needle in (b"estimator", b"b.transposed"):
        damaged = bytearray(whole)
        damaged[whole.index(needle)] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"got model\.qdist"):
            read_model(path)


GOOD = json.dumps({"format": 1})  # which has no digest
FOREIGN = {
    "empty": (b"", "truncated, damaged or of another kind"),
    "text": (b"a,b\n1,2\n", "truncated, damaged or of another kind"),
    "another zip": (
        archive(hello__txt="x"),
        r"entries model.json and model.safetensors, each once; got",
    ),
    "an empty zip": (archive(), r"entries model.json and model.safetensors, each once; got"),
    "one entry too many": (
        archive(model__json=GOOD, model__safetensors=WEIGHTS, more="x"),
        "entries model.json and model.safetensors",
    ),
    "no JSON": (archive(model__json="{", model__safetensors=WEIGHTS), "which is damaged"),
    "no text": (archive(model__json=b"\xff\xfe\x00", model__safetensors=WEIGHTS), "is damaged"),
    "deep JSON": (
        archive(model__json="[" * 200_000, model__safetensors=WEIGHTS),
        "which is damaged",
    ),
    "no tensors": (archive(model__json=GOOD, model__safetensors=b"junk"), "which is damaged"),
    "a list": (archive(model__json="[1]", model__safetensors=WEIGHTS), "Expected a format number"),
    "no format": (
        archive(model__json="{}", model__safetensors=WEIGHTS),
        "Expected a format number in model.qdist; got none",
    ),
    "format as text": (
        archive(model__json='{"format": "1"}', model__safetensors=WEIGHTS),
        "Expected a format number",
    ),
    "format true": (
        archive(model__json='{"format": true}', model__safetensors=WEIGHTS),
        "Expected a format number",
    ),
    "format 0": (
        archive(model__json='{"format": 0}', model__safetensors=WEIGHTS),
        "Expected a format number",
    ),
    "a newer format": (
        archive(model__json=json.dumps({"format": FORMAT + 1}), model__safetensors=WEIGHTS),
        f"Expected a model of format {FORMAT} or older; got model.qdist of format {FORMAT + 1}. "
        "Install a newer qdist.",
    ),
}


@pytest.mark.parametrize(("content", "words"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_model(path, content, words):
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=words):
        read_model(path)


def test_a_network_is_filled():
    net, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    fill_weights(net, other.state_dict())
    assert torch.equal(net.weight, other.weight)
    assert torch.equal(net.bias, other.bias)


UNFIT = {
    "missing": ({"bias": None}, r"tensors of this model; got others, such as \['bias'\]"),
    "unknown": ({"more": torch.zeros(1)}, r"got others, such as \['more'\]"),
    "shape": ({"bias": torch.zeros(1)}, r"tensor 'bias' of shape \(3,\), .*; got \(1,\)"),
    "dtype": ({"bias": torch.zeros(3).half()}, r"torch.float64; got \(3,\), torch.float16"),
    "NaN": (
        {"bias": torch.tensor([0, math.nan, 0.0], dtype=torch.float64)},
        "numbers in tensor 'bias'",
    ),
    "infinite": (
        {"bias": torch.tensor([math.inf] * 3, dtype=torch.float64)},
        "numbers in tensor 'bias'",
    ),
}


@pytest.mark.parametrize(("change", "words"), UNFIT.values(), ids=UNFIT)
def test_weights_that_do_not_fit_leave_the_network_as_it_was(change, words):
    net = torch.nn.Linear(2, 3)
    before = {name: w.clone() for name, w in net.state_dict().items()}
    weights = {**torch.nn.Linear(2, 3).state_dict(), **change}
    with pytest.raises(FileFormatError, match=words):
        fill_weights(net, {n: w for n, w in weights.items() if w is not None})
    for name, w in net.state_dict().items():
        assert torch.equal(w, before[name])


def header(**entries):
    """Safetensors of eight bytes with these entries in their header."""
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + bytes(8)


def tensor(**changes):
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


HEADERS = {
    "10^12 elements": (header(a=tensor(shape=[10**6, 10**6])), r"shape \[1000000, 1000000\], whi"),
    "no header": (b"\x10", "no whole header"),
    "a header of 2^63 bytes": (b"\0" * 7 + b"\x80" + bytes(9), "no whole header"),
    "an unknown dtype": (header(a=tensor(dtype="OBJECT")), "no tensor of a known dtype"),
    "a dtype that is no text": (header(a=tensor(dtype={})), "no tensor of a known dtype"),
    "a negative size": (header(a=tensor(shape=[-2])), "of no possible shape"),
    "overlap": (header(a=tensor(), b=tensor()), "overlap or leave gaps"),
    "a gap": (header(a=tensor(shape=[1], data_offsets=[4, 8])), "overlap or leave gaps"),
    "too little": (header(a=tensor(shape=[1], data_offsets=[0, 4])), "of 4 bytes, of which 8"),
    "more than there is": (header(a=tensor(shape=[9], data_offsets=[0, 36])), "of which 8 are"),
    "no JSON": (b"\x02" + bytes(7) + b"{]", "a header that is no JSON"),
    "a name twice": (
        (34).to_bytes(8, "little") + b'{"a":{"dtype":"F32"},"a":{"a":12}}' + bytes(8),
        "a name that occurs twice",
    ),
    "more than tensors": (header(a=tensor(code="x")), "no tensor of a known dtype"),
}


@pytest.mark.parametrize(("blob", "words"), HEADERS.values(), ids=HEADERS)
def test_what_is_no_tensor_is_refused_before_it_is_made(blob, words):
    with pytest.raises(FileFormatError, match=words):
        unpack_tensors(blob)


def zipped(*entries, **options):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        with zipfile.ZipFile(buffer, "w", **options) as file:
            for name, content in entries:
                file.writestr(name, content)
    return buffer.getvalue()


BOTH = (("model.json", GOOD), ("model.safetensors", WEIGHTS))
ARCHIVES = {
    "a bomb": (
        zipped(("model.json", b" " * 10**7), BOTH[1], compression=zipfile.ZIP_DEFLATED),
        "Expected entries without compression",
    ),
    "an entry twice": (zipped(*BOTH, BOTH[0]), "each once"),
    "a path that climbs": (zipped(*BOTH, ("../model.json", "x")), "each once"),
    "an absolute path": (zipped(*BOTH, ("/etc/model.json", "x")), "each once"),
    "many entries": (zipped(*BOTH, *((f"{k}", "") for k in range(9))), "with 11 entries"),
    "a card that is huge": (
        zipped(*BOTH, ("README.md", b" " * (2**20 + 1))),
        "README.md of at",
    ),
}


@pytest.mark.parametrize(("content", "words"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_that_qdist_does_not_write(path, content, words):
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=words):
        read_model(path)


def test_a_description_that_is_too_large(path):
    path.write_bytes(zipped(("model.json", b"[" + b"1," * 6_000_000), BOTH[1]))
    with pytest.raises(FileFormatError, match="at most 5000000 entries"):
        read_model(path)


def test_weights_and_description_of_two_saves_are_told_apart(tmp_path):
    for name, value in (("a", 0.0), ("b", 1.0)):
        write_model(tmp_path / name, META, {"w": torch.full((2,), value)}, layout="folder")
    blob = (tmp_path / "b" / "model.safetensors").read_bytes()
    (tmp_path / "a" / "model.safetensors").write_bytes(blob)
    with pytest.raises(FileFormatError, match="mixes two saves"):
        read_model(tmp_path / "a")


def test_a_folder_holds_the_same_as_a_file(tmp_path):
    write_model(tmp_path / "file", META, make_weights())
    write_model(tmp_path / "folder", META, make_weights(), layout="folder")
    names = ["README.md", "model.json", "model.safetensors"]
    assert sorted(os.listdir(tmp_path / "folder")) == names
    (meta, weights), (other, others) = (read_model(tmp_path / n) for n in ("file", "folder"))
    assert meta == other
    assert all(torch.equal(w, others[name]) for name, w in weights.items())
    assert (tmp_path / "folder" / "README.md").read_text().startswith("# A model fitted by qdist")


def test_a_folder_of_links_is_refused(tmp_path):
    write_model(tmp_path / "real", META, {}, layout="folder")
    (tmp_path / "fake").mkdir()
    for name in ("model.json", "model.safetensors"):
        (tmp_path / "fake" / name).symlink_to(tmp_path / "real" / name)
    with pytest.raises(FileFormatError, match=r"got model\.json that is a link"):
        read_model(tmp_path / "fake")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFormatError, match="Expected a file or a folder; got pipe"):
        read_model(tmp_path / "pipe")


def test_an_unknown_layout(tmp_path):
    with pytest.raises(InputError, match="Expected layout 'file' or 'folder'; got 'tar'"):
        write_model(tmp_path / "m", META, {}, layout="tar")


@pytest.mark.parametrize("name", ["missing.qdist", "missing/model.qdist", "f/x"])
def test_a_file_that_is_not_there(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "f").write_text("x")
    with pytest.raises(FileAccessError, match=r"Expected a model file at .*Check the path"):
        read_model(tmp_path / name)
