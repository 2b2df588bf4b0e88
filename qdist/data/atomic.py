"""Files replaced whole or not at all: written beside their target, then moved over it in one step.

A new file gets its permissions from the system, which heeds the umask as it makes it. Nothing here
asks for the umask: to ask for it is to set it for a moment, and files that other threads make in
that moment are open to everybody.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from qdist.errors import FileAccessError

__all__ = ["beside", "flush_file", "flush_folder", "replaceable", "replacing"]

_NO_FILES: Final = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link that leads back to itself",
}


def beside(path: Path) -> Path:
    """A free hidden name in the folder of a path, short however long the path's own name is."""
    return path.parent / f".qdist-{secrets.token_urlsafe(9)}"


def replaceable(path: Path) -> Path:
    """Where a file at a path would be: links are followed, so that they stay and lead to it.

    Args:
        path: What is to be written. A folder is let through: writing a file there fails later.

    Returns:
        The path that can be moved over.

    Raises:
        FileAccessError: If a device, a pipe or the like has the path: a file would destroy it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()).resolve()
        >>> (folder / "link").symlink_to("file")
        >>> replaceable(folder / "link").name
        'file'
    """
    end = Path(os.path.realpath(path))
    try:
        kind = stat.S_IFMT(end.lstat().st_mode)
    except OSError:  # nothing is there, or what is in the way shows when it is written
        return end
    if kind in _NO_FILES:
        raise FileAccessError(
            f"Expected a file, or a place for a new one; got {str(path)!r}, which is "
            f"{_NO_FILES[kind]} and would be destroyed. Name another place; a table can also go "
            'to standard output, "-", and so into a pipe.'
        )
    return end


@contextmanager
def replacing(path: Path, *, flush: bool = True) -> Iterator[IO[bytes]]:
    """A new file that takes a path once the block has ended well; else nothing has changed.

    Args:
        path: What to write; a file that is there is replaced, and of a link the file that it
            leads to. The new file has the permissions of the old one.
        flush: Whether the file is on the disk before it takes its name, so that a power cut too
            leaves the old file or the new one. Without it this holds after a kill, but not after a
            power cut.

    Yields:
        The file, empty, open for bytes.

    Raises:
        OSError: If the folder is missing, full or read-only, or a folder has the path.
        FileAccessError: If something else that is no file has the path.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "greeting"
        >>> with replacing(path) as file:
        ...     _ = file.write(b"hello")
        >>> path.read_bytes(), len(os.listdir(path.parent))
        (b'hello', 1)
    """
    path = replaceable(path)
    if path.is_dir():  # said before the work
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    temporary = beside(path)
    try:
        with open(temporary, "xb") as file:
            if path.exists():
                with suppress(OSError):  # some disks have no permissions
                    temporary.chmod(stat.S_IMODE(path.stat().st_mode) & 0o777)
            yield file
            if flush:
                flush_file(file)
        os.replace(temporary, path)
    except BaseException:  # an interruption too leaves nothing behind
        temporary.unlink(missing_ok=True)
        raise
    if flush:
        flush_folder(path.parent)


def flush_file(file: IO[bytes]) -> None:
    """Waits until what was written to a file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk; not all systems can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
