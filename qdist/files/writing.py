"""Files and folders written whole or not at all.

All is written beside its target and flushed to the disk, then moved over it in one step: killed
at any moment, a save leaves the old file or the new one.
"""

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdist.data.atomic import beside, flush_file, flush_folder, replacing
from qdist.errors import FileAccessError
from qdist.files.parts import CARD, DESCRIPTION, WEIGHTS, previous

__all__ = ["write_file", "write_folder"]


def write_file(path: Path, parts: dict[str, bytes]) -> None:
    """Write parts as one zip without compression; the same parts are the same file, bit for bit.

    Args:
        path: Where to; a file that is there is replaced, and of a link the file that it leads to.
        parts: Contents by name.

    Raises:
        FileAccessError: If the folder is missing, full or read-only, or a device or a pipe has
            the path; nothing is overwritten.
    """
    with (
        _explained(path),
        replacing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # of a fixed date


def write_folder(path: Path, parts: dict[str, bytes]) -> None:
    """Write parts as the files of a folder.

    Args:
        path: Where to; a folder that holds nothing but a model is replaced.
        parts: Contents by name.

    Raises:
        FileAccessError: If it cannot be written, or would replace something else.
    """
    with _explained(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise FileExistsError("a file is in the way")
        if path.is_dir() and not set(os.listdir(path)) <= {CARD, DESCRIPTION, WEIGHTS}:
            raise FileExistsError("the folder holds other files, which would be lost")
        temporary = beside(path)
        try:
            os.mkdir(temporary)
            for name, content in parts.items():
                with open(temporary / name, "xb") as file:
                    file.write(content)
                    flush_file(file)
            flush_folder(temporary)
            _move(temporary, path)
        except BaseException:  # an interruption too leaves nothing behind
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        flush_folder(path.parent)


def _move(temporary: Path, path: Path) -> None:
    # No system call replaces a folder. Between these two steps the old one has another name,
    # under which it is found when the model is loaded.
    if path.exists():
        shutil.rmtree(previous(path), ignore_errors=True)
        os.rename(path, previous(path))
    try:
        os.rename(temporary, path)
    except BaseException:
        if not path.exists() and previous(path).exists():
            os.rename(previous(path), path)
        raise
    shutil.rmtree(previous(path), ignore_errors=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileAccessError:
        raise
    except OSError as error:
        raise FileAccessError(
            f"Expected a folder that can be written to for {str(path)!r}; got: "
            f"{error.strerror or error}. Nothing was overwritten. Choose another place."
        ) from error
