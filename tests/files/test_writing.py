"""A save that fails, however it fails, leaves what was there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qdist.errors import FileAccessError
from qdist.files.parts import previous, read_parts
from qdist.files.writing import write_file, write_folder

WRITERS = {"file": write_file, "folder": write_folder}


def parts(k):
    return {"model.json": b"%d" % k * 1000, "model.safetensors": b"%d" % k * 5000}


def kept(path, k):
    assert read_parts(path) == tuple(parts(k).values())


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from qdist.files.parts import read_parts
from qdist.files.writing import write_file, write_folder

path, write = Path(sys.argv[1]), {"file": write_file, "folder": write_folder}[sys.argv[2]]
rng = random.Random(0)
make = lambda k: {"model.json": bytes([k]) * 10**5, "model.safetensors": bytes([k]) * 10**6}
write(path, make(0))
seen, kills = set(), 0
# On a busy machine most are killed before they begin: then more of them are made.
while kills < 20 or (len(seen) <= 3 and kills < 200):
    kills += 1
    child = os.fork()
    if not child:
        while True:
            for k in range(1, 200):
                write(path, make(k))
    time.sleep(rng.uniform(0.0, 0.06) * (1 + kills // 20))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    one, other = read_parts(path)
    assert (len(one), len(other)) == (10**5, 10**6)
    assert len(set(one) | set(other)) == 1
    seen.add(one[0])
assert len(seen) > 3, seen  # it was killed at work
print("whole")
"""


@pytest.mark.parametrize("layout", WRITERS)
def test_killed_at_any_moment(tmp_path, layout):
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "m"), layout]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout == "whole\n", run.stderr


FULL = """
import resource, signal, sys
from pathlib import Path
from qdist.errors import FileAccessError
from qdist.files.writing import write_file, write_folder

path, write = Path(sys.argv[1]), {"file": write_file, "folder": write_folder}[sys.argv[2]]
write(path, {"model.json": b"old", "model.safetensors": b"old"})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    write(path, {"model.json": b"new", "model.safetensors": b"new" * 10**5})
except FileAccessError as error:
    print(error)
"""


@pytest.mark.parametrize("layout", WRITERS)
def test_no_room_in_the_middle_of_a_write(tmp_path, layout):
    command = [sys.executable, "-W", "ignore", "-c", FULL, str(tmp_path / "m"), layout]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "File too large. Nothing was overwritten" in run.stdout, run.stderr
    assert read_parts(tmp_path / "m") == (b"old", b"old")
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a read-only folder")
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_folder_that_cannot_be_written_to(write):
    with pytest.raises(FileAccessError, match="Nothing was overwritten"):
        write(Path("/proc/model.qdist"), parts(1))


def test_a_folder_that_holds_other_files_is_not_replaced(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.tex").write_text("x")
    with pytest.raises(FileAccessError, match="other files, which would be lost"):
        write_folder(tmp_path / "m", parts(1))
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileAccessError, match="a file is in the way"):
        write_folder(tmp_path / "file", parts(1))
    assert sorted(os.listdir(tmp_path)) == ["file", "m"]


def test_a_folder_is_found_between_the_two_steps_of_its_replacement(tmp_path):
    write_folder(tmp_path / "m", parts(1))
    os.rename(tmp_path / "m", previous(tmp_path / "m"))  # killed here
    kept(tmp_path / "m", 1)
    write_folder(tmp_path / "m", parts(2))
    kept(tmp_path / "m", 2)


def test_a_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    write_folder(tmp_path / "m", parts(1))
    rename, calls = os.rename, []

    def refuse(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr("os.rename", refuse)
    with pytest.raises(FileAccessError, match="Input/output error"):
        write_folder(tmp_path / "m", parts(2))
    monkeypatch.undo()
    kept(tmp_path / "m", 1)
    assert os.listdir(tmp_path) == ["m"]


def test_the_folder_that_one_is_in_cannot_be_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileAccessError, match="Nothing was overwritten"):
        write_folder(Path("."), parts(1))
    assert os.listdir(tmp_path) == []
