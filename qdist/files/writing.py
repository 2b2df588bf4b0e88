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

from qdist.data.atomic import beside, flush_file, flush_folder, replaceable, replacing
from qdist.errors import FileAccessError
from qdist.files.parts import CARD, DESCRIPTION, WEIGHTS, previous

__all__ = ["check_place", "write_file", "write_folder"]


def check_place(path: Path, layout: str) -> None:
    """Check what can be known of a place for a model before there is one.

    Args:
        path: Where it shall be saved.
        layout: "file" or "folder".

    Raises:
        FileAccessError: If something is there that a model of that layout does not replace.

    Example:
        >>> import tempfile
        >>> check_place(Path(tempfile.mkdtemp()) / "model.qdist", "file")
    """
    if layout == "file":
        if replaceable(path).is_dir():
            raise FileAccessError(
                f"Expected a file, or a place for a new one; got {str(path)!r}, which is a "
                "folder. Name a file, or save a folder of the model's parts (in Python by "
                'layout="folder", on the command line by --unpacked).'
            )
        return
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        why = "where a file is in the way"
    elif path.is_dir() and not set(os.listdir(path)) <= {CARD, DESCRIPTION, WEIGHTS}:
        why = "a folder that holds other files, which would be lost"
    elif path.name in {"", ".."}:  # the system moves nothing over these
        why = "which is no name of a folder"
    else:
        return
    raise FileAccessError(
        f"Expected a folder of a model, or a place for a new one; got {str(path)!r}, {why}. "
        "Nothing was overwritten. Choose another place."
    )


def write_file(path: Path, parts: dict[str, bytes]) -> None:
    """Write parts as one zip without compression; the same parts are the same file, bit for bit.

    Args:
        path: Where to; a file that is there is replaced, and of a link the file that it leads to.
        parts: Contents by name.

    Raises:
        FileAccessError: If the folder is missing, full or read-only, or a folder, a device or a
            pipe has the path; nothing is overwritten.
    """
    check_place(path, "file")
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
        check_place(path, "folder")
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
