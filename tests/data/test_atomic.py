"""A file takes its place whole, with the permissions of a new file, and leaves nothing behind."""

import os
import socket
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from qdist.data.atomic import replaceable, replacing
from qdist.data.files import write_table
from qdist.data.pictures import write_images
from qdist.errors import FileAccessError
from qdist.files.writing import write_file, write_folder

IMAGES = np.zeros((2, 3, 3), np.uint8)
PARTS = {"model.json": b"{}", "model.safetensors": b"weights"}
WRITERS = {
    "a.csv": lambda path: write_table({"a": [1]}, path),
    "a.parquet": lambda path: write_table({"a": [1]}, path),
    "a.png": lambda path: write_images(IMAGES, path),
    "a.npy": lambda path: write_images(IMAGES, path),
    "a.npz": lambda path: write_images(IMAGES, path, labels=[0, 1]),
    "pictures": lambda path: write_images(IMAGES, path),
    "a.qdist": lambda path: write_file(path, PARTS),
    "model": lambda path: write_folder(path, PARTS),
}


FILES = [name for name in WRITERS if "." in name]


@pytest.fixture
def umask():
    """A umask that is neither the usual one nor 0."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def modes(path: Path) -> set[int]:
    inside = [path, *path.iterdir()] if path.is_dir() else [path]
    return {p.stat().st_mode & 0o777 & ~(0o111 * p.is_dir()) for p in inside}


@pytest.mark.parametrize("name", WRITERS)
def test_files_have_the_permissions_of_new_ones(tmp_path, umask, name, monkeypatch):
    """Nobody asks for the umask: who does sets it, and files of other threads are open to all."""

    def ask(_mask):
        raise AssertionError("the umask was set")

    with monkeypatch.context() as patch:
        patch.setattr(os, "umask", ask)
        WRITERS[name](tmp_path / name)
        WRITERS[name](tmp_path / name)  # over what is there
    assert modes(tmp_path / name) == {0o640}
    assert os.listdir(tmp_path) == [name]


def interrupted(path, *, flush):
    with replacing(path, flush=flush) as file:
        file.write(b"newer")
        raise KeyboardInterrupt


@pytest.mark.parametrize("flush", [True, False])
def test_until_the_end_the_old_file_is_there(tmp_path, flush):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path, flush=flush) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    with pytest.raises(KeyboardInterrupt):
        interrupted(path, flush=flush)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_what_is_flushed_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "a", []

    def noted(name, done):
        return lambda *args: (seen.append(name), done(*args))

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    with replacing(path) as file:
        file.write(b"x")
    assert seen == ["fsync", "replace", "fsync"]  # the file, its name, the folder
    seen.clear()
    with replacing(path, flush=False) as file:
        file.write(b"y")
    assert seen == ["replace"]


def test_two_threads_write_the_same_file(tmp_path):
    path = tmp_path / "a"
    contents = [bytes([k]) * 100_000 for k in range(8)]

    def write(content):
        with replacing(path) as file:
            file.write(content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["a"]


# -- what is there and is no file --------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_link_stays_and_leads_to_the_new_file(tmp_path, name):
    inner = tmp_path / "inner"
    inner.mkdir()
    link, target = tmp_path / name, inner / f"target-{name}"
    (inner / "link").symlink_to(target.name)
    link.symlink_to(Path("inner") / "link")  # to a link, which leads to nothing yet
    for _ in range(2):
        WRITERS[name](link)
        assert link.is_symlink()
        assert (inner / "link").is_symlink()
        assert stat.S_ISREG(target.lstat().st_mode)
        assert target.stat().st_size > 0
    assert sorted(os.listdir(tmp_path)) == sorted([name, "inner"])
    assert sorted(os.listdir(inner)) == ["link", target.name]


def test_the_new_file_is_made_beside_the_target(tmp_path):
    """A rename from another disk would be no single step."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "link").symlink_to(Path("inner") / "a")
    with replacing(tmp_path / "link") as file:
        assert Path(file.name).parent == (tmp_path / "inner").resolve()


def device(path):
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # one of our own like /dev/null
    except PermissionError:
        pytest.skip("only root makes devices")


def listening(path, monkeypatch):
    monkeypatch.chdir(path.parent)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path.name)


NO_FILES = {
    "a named pipe": lambda path, _: os.mkfifo(path),
    "a device": lambda path, _: device(path),
    "a socket": listening,
    "a link that leads back to itself": lambda path, _: path.symlink_to(path.name),
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_no_file_is_not_replaced(tmp_path, kind, name, monkeypatch):
    path = tmp_path / name
    NO_FILES[kind](path, monkeypatch)
    before = path.lstat()
    words = f"is {kind} and would be destroyed. Name another" if "." in name else "Expected"
    with pytest.raises(FileAccessError, match=words):
        WRITERS[name](path)
    assert path.lstat().st_mode == before.st_mode
    assert path.lstat().st_ino == before.st_ino
    assert os.listdir(tmp_path) == [name]


def test_a_link_to_what_is_no_file_is_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").symlink_to("pipe")
    with pytest.raises(FileAccessError, match=r"/a', which is a named pipe"):
        replaceable(tmp_path / "a")


def test_a_folder_is_said_to_be_one_before_the_work(tmp_path):
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        raise AssertionError("the block was run")


def test_the_new_file_is_open_to_whom_the_old_one_was(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    with replacing(path) as file:
        assert modes(Path(file.name)) == {0o600}  # from the first byte on
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert modes(path) == {0o600}


@pytest.mark.parametrize("name", FILES)
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, name):
    path = tmp_path / (name[0] * (255 - len(name) + 1) + name[1:])
    WRITERS[name](path)
    assert os.listdir(tmp_path) == [path.name]
