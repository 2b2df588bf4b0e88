"""Tables and pictures in files."""

import io

import numpy as np

from qdist.data.files import read_table, write_table
from qdist.data.images import as_images, read_images, read_mask
from qdist.errors import FileAccessError, FileFormatError, InputError


def of_file(read, name, content):
    """A call that reads a file of this content."""

    def call(world):
        path = world.folder / name
        path.write_bytes(content)
        try:
            return read(path)
        finally:
            path.unlink()

    return call


FILES = {
    "a table that is not there": (
        lambda world: read_table(world.folder / "no.csv"),
        FileAccessError,
        "Expected",
    ),
    "a table of an unknown ending": (
        of_file(read_table, "a.xyz", b"a\n1\n"),
        InputError,
        "Expected",
    ),
    "an empty CSV": (of_file(read_table, "a.csv", b""), FileFormatError, "Expected"),
    "a ragged CSV": (of_file(read_table, "a.csv", b"a,b\n1\n2,3,4\n"), FileFormatError, "Expec"),
    "a parquet that is none": (of_file(read_table, "a.parquet", b"x"), FileFormatError, "Expec"),
    "a feather that is none": (of_file(read_table, "a.feather", b"x"), FileFormatError, "Expec"),
    "a gzip that is none": (of_file(read_table, "a.csv.gz", b"x"), FileFormatError, "Expected"),
    "a table that is a number": (lambda world: read_table(3), InputError, "Expected"),
    "a stream of nothing": (lambda world: read_table(io.BytesIO()), FileFormatError, "Expected"),
    "a table into no folder": (
        lambda world: write_table(world.table, world.folder / "no" / "a.csv"),
        FileAccessError,
        "Expected",
    ),
    "a table into an unknown ending": (
        lambda world: write_table(world.table, world.folder / "a.xyz"),
        InputError,
        "Expected",
    ),
    "no table to write": (
        lambda world: write_table(3, world.folder / "a.csv"),
        InputError,
        "Expected",
    ),
    "images of floats": (lambda world: as_images(np.zeros((2, 3, 3))), InputError, "uint8"),
    "images of text": (lambda world: as_images("x"), InputError, "Expected"),
    "images that are not there": (
        lambda world: read_images(world.folder / "no.npz"),
        FileAccessError,
        "Expected",
    ),
    "an npz that is none": (of_file(read_images, "a.npz", b"x"), FileFormatError, "Expected"),
    "an npy that is none": (of_file(read_images, "a.npy", b"x"), FileFormatError, "Expected"),
    "images that are a number": (lambda world: read_images(3), InputError, "Expected"),
    "a mask that is not there": (
        lambda world: read_mask(world.folder / "no.png"),
        FileAccessError,
        "Expected",
    ),
    "a mask that is none": (of_file(read_mask, "a.npy", b"x"), FileFormatError, "Expected"),
    "a mask that is no picture": (of_file(read_mask, "a.png", b"x"), FileFormatError, "Expected"),
    "a mask that is a number": (lambda world: read_mask(3), InputError, "Expected"),
}

ROWS = (FILES,)
