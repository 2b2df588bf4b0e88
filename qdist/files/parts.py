"""The parts of a model file as bytes: entries of a zip that is not compressed, or of a folder.

What an archive claims is looked at before anything is read or allocated: a zip without
compression cannot unpack to more than it is.
"""

import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

from qdist.errors import FileAccessError, FileFormatError

__all__ = ["CARD", "DESCRIPTION", "MOST_BYTES", "WEIGHTS", "previous", "read_parts"]

DESCRIPTION, WEIGHTS, CARD = "model.json", "model.safetensors", "README.md"

# A table of ten columns of 10,000 levels has a description of some million.
MOST_BYTES: Final = {DESCRIPTION: 64 * 2**20, WEIGHTS: 64 * 2**30, CARD: 2**20}
"""The largest parts that are read, and so the largest that are written."""

_END = b"PK\x05\x06"  # of a zip: the record that says how many entries there are


def read_parts(path: Path) -> tuple[bytes, bytes]:
    """Read the description and the weights of a model file. The card is for people: not read.

    Args:
        path: A file, or a folder.

    Returns:
        The bytes of `model.json` and of `model.safetensors`.

    Raises:
        FileAccessError: If there is nothing of that name, or it cannot be read.
        FileFormatError: If it is no such archive or folder, or a part is too large.
    """
    try:
        if not path.exists() and previous(path).is_dir():
            path = previous(path)  # a save was killed between its last two steps
        if path.is_dir():
            return _read(path / DESCRIPTION), _read(path / WEIGHTS)
        with _opened(path) as file:
            return _unzip(file, path.name)
    except OSError as error:
        if isinstance(error, FileAccessError):
            raise
        raise FileAccessError(
            f"Expected a model file at {str(path)!r}; got: {error.strerror or error}. "
            "Check the path."
        ) from error
    except ValueError as error:  # a null byte in the path
        if isinstance(error, FileFormatError):
            raise
        raise FileAccessError(f"Expected a path; got {str(path)!r}: {error}.") from error


def previous(path: Path) -> Path:
    """Where a folder is while another takes its place."""
    return path.parent / f".{path.name}.previous"


def _opened(path: Path) -> BinaryIO:
    # A pipe or a device would make the reader wait, or read for ever.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileFormatError(f"Expected a file or a folder; got {path.name}, which is neither.")
    return os.fdopen(handle, "rb")


def _read(path: Path) -> bytes:
    if path.is_symlink():
        raise FileFormatError(
            f"Expected the parts of a model in its folder; got {path.name} that is a link. "
            "Copy the file there."
        )
    try:
        with _opened(path) as file:
            _check_size(path.name, os.fstat(file.fileno()).st_size)
            return file.read()
    except FileNotFoundError as error:
        raise FileFormatError(
            f"Expected a folder with {DESCRIPTION} and {WEIGHTS}; got {path.parent.name} without "
            f"{path.name}. It was not written by qdist, or has been changed."
        ) from error


def _check_size(name: str, size: int) -> None:
    if size > MOST_BYTES[name]:
        raise FileFormatError(
            f"Expected {name} of at most {MOST_BYTES[name]} bytes; got {size}. "
            "It is damaged or was not written by qdist."
        )


def _unzip(file: BinaryIO, name: str) -> tuple[bytes, bytes]:
    _check_directory(file, name)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if len(entries) != len(archive.infolist()) or not (
                {DESCRIPTION, WEIGHTS} <= set(entries) <= {DESCRIPTION, WEIGHTS, CARD}
            ):
                found = [entry.filename[:40] for entry in archive.infolist()][:5]
                raise FileFormatError(
                    f"Expected a qdist model with entries {DESCRIPTION} and {WEIGHTS}, each once; "
                    f"got {name} with {found}. It was not written by qdist, or has been changed."
                )
            for entry in entries.values():
                _check_size(entry.filename, entry.file_size)
                stored = entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 0x1
                if not stored or entry.file_size != entry.compress_size:
                    raise FileFormatError(
                        f"Expected entries without compression; got {name} with another "
                        f"{entry.filename}. It was not written by qdist, or has been packed again."
                    )
            return archive.read(DESCRIPTION), archive.read(WEIGHTS)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError,
            UnicodeError, struct.error, OSError, OverflowError, LookupError) as error:  # fmt: skip
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"Expected a qdist model file; got {name}, which is truncated, damaged or of another "
            f"kind ({error}). Save the model again."
        ) from error


def _check_directory(file: BinaryIO, name: str) -> None:
    """Refuse an archive of a great many entries before a list of them is made."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2**16 - 22))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise FileFormatError(
            f"Expected a qdist model file; got {name}, which is truncated, damaged or of another "
            "kind (no end of an archive). Save the model again."
        )
    count, length = struct.unpack_from("<HI", tail, at + 10)
    if count > 3 or length > 2**16:
        raise FileFormatError(
            f"Expected a qdist model with entries {DESCRIPTION} and {WEIGHTS}, each once; got "
            f"{name} with {count} entries. It was not written by qdist, or has been changed."
        )
    file.seek(0)
