"""Codecs and schemas of tables and images, and frames of any make."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import torch

from qdist.codecs.image import ImageCodec, ImageSchema
from qdist.codecs.schema import Column, ColumnSchema, Schema
from qdist.codecs.table import TableCodec
from qdist.data import frames
from qdist.errors import FileFormatError, InputError, UnknownNameError

FRAME = {"x": [0.5, 1.5, 2.5, 4.0], "size": ["S", "M", "L", "S"]}
CODEC = TableCodec.fit(FRAME)
Y = CODEC.encode(FRAME)
GREY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) // 2
IMAGES = ImageCodec.fit(GREY)
CODES = IMAGES.encode(GREY)
PANDAS = pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [1.0, 2.0]})
TABLE = pa.table({"a": ["x"], "b": [1.0]})
LEVELS = pa.array(["x"])


def refused(call, words, error=InputError):
    """A row whose call takes no world."""
    return lambda world: call(), error, words


TABLES = {
    "a codec of a frame by its class": refused(
        lambda: TableCodec(FRAME, {}), r"got dict. Make a codec of a frame by TableCodec.fit"
    ),
    "a codec of names": refused(
        lambda: TableCodec(("x", "size"), {}), "each column to be of class AbstractColumn; got str"
    ),
    "a codec without a note": refused(
        lambda: TableCodec(CODEC.columns, None), "the note|note to be of class dict; got NoneType"
    ),
    "a codec of columns in a list": refused(
        lambda: TableCodec.fit(FRAME, columns=["x"]), "Expected columns to be a dict"
    ),
    "a codec with a kind for a column": refused(
        lambda: TableCodec.fit(FRAME, columns={"x": "number"}), r"qdist.Column\(...\) for col"
    ),
    "a codec with no bins": refused(lambda: TableCodec.fit(FRAME, n_bins=0), "Expected n_bins"),
    "the codec of an unknown column": refused(
        lambda: CODEC.column("weight"), "one of the columns 'x', 'size'", UnknownNameError
    ),
    "the codec of a column by its number": refused(
        lambda: CODEC.column(0), "got 0", UnknownNameError
    ),
    "the number of an unknown column": refused(
        lambda: CODEC.index("weight"), "modelled columns 'x', 'size'", UnknownNameError
    ),
    "what is known besides of a foreign frame": refused(
        lambda: CODEC.encode_condition({"weight": [1.0]}),
        "Expected columns out of",
        UnknownNameError,
    ),
    "conditions of a foreign frame": refused(
        lambda: CODEC.encode_given({"weight": [1.0]}), "Expected columns out of", UnknownNameError
    ),
    **{
        f"{name} {what}": refused(lambda call=call, y=y: call(y), words)
        for name, call in {"decoding": CODEC.decode, "the slope of": CODEC.log_jacobian}.items()
        for what, (y, words) in {
            "a frame": (FRAME, r"Expected y to be a tensor of shape \(rows, 2\); got dict"),
            "an array": (Y.numpy(), "got ndarray. Encode frames and images"),
            "None": (None, "got NoneType"),
            "rows of another width": (Y[:, :1], r"Expected y of shape \(rows, 2\); got \(4, 1\)"),
            "one row without an axis": (Y[0], r"got \(2,\)"),
        }.items()
    },
    "decoding NaN": refused(lambda: CODEC.decode(Y * torch.nan), "got NaN. Fill unknown"),
    "decoding under conditions of other rows": refused(
        lambda: CODEC.decode(Y, given={"x": [1.0, 2.0]}), "conditions of one row or of 4; got 2"
    ),
    "decoding what is seen of other rows": refused(
        lambda: CODEC.decode(Y, given=FRAME, visible=torch.ones(3, 2, dtype=torch.bool)),
        r"Expected visible of shape \(4, 2\)",
    ),
    "decoding what is seen in numbers": refused(
        lambda: CODEC.decode(Y, given=FRAME, visible=torch.ones(4, 2)), "visible of dtype bool"
    ),
    **{
        f"a codec of tables from {what}": refused(
            lambda data=data: TableCodec.from_json(data), "of a table codec.*Write it", error
        )
        for error in (FileFormatError,)
        for what, data in {
            "text": "{}",
            "None": None,
            "nothing": {},
            "one of images": IMAGES.to_json(),
            "no columns": {"codec": "table", "version": 1, "frame": {}},
            "another version": {**CODEC.to_json(), "version": 2},
            "a strange column": {**CODEC.to_json(), "columns": [{"codec": "x"}]},
            "a column of no parts": {**CODEC.to_json(), "columns": [{"codec": "coded"}]},
            "columns of numbers": {**CODEC.to_json(), "columns": [3]},
        }.items()
    },
}

SCHEMAS = {
    "a kind that is a type": refused(lambda: Column(kind=float), "Expected a kind out of"),
    "a category twice": refused(lambda: Column(categories=["a", "a"]), "each once"),
    "the schema of no kind": refused(
        lambda: ColumnSchema("x", "real", "double"), "Expected a kind out of number.*got 'real'"
    ),
    "the schema of no name": refused(
        lambda: ColumnSchema(None, "number", "double"), "the name of a column .* got NoneType"
    ),
    "a schema of names": refused(lambda: Schema(("x",)), "of class ColumnSchema; got str"),
    "a schema of one column": refused(
        lambda: Schema(Column(kind="number")), "of class ColumnSchema; got Column"
    ),
    **{
        f"a schema from {what}": refused(
            lambda data=data: Schema.from_json(data), "Expected the list that", FileFormatError
        )
        for what, data in {
            "text": "[]x",
            "None": None,
            "names": ["x"],
            "a column without a kind": [{"name": "x"}],
            "an unknown entry": [{"name": "x", "kind": "id", "dtype": "string", "size": 3}],
            "an unknown kind": [{"name": "x", "kind": "real", "dtype": "double"}],
        }.items()
    },
}


def images(**changes):
    """A row that makes a schema of images."""
    (name,) = changes
    whole = {"height": 2, "width": 2, **changes}
    return refused(lambda: ImageSchema(**whole), f"Expected {name} to be a whole number")


PICTURES = {
    "a schema without rows": images(height=0),
    "a schema of width in words": images(width="2"),
    "a schema of half a channel": images(channels=0.5),
    "a schema in no steps": images(step=0),
    "a schema darker than black": images(first=-1),
    "a schema of no grey": images(levels=0),
    "a schema brighter than white": refused(
        lambda: ImageSchema(2, 2, first=1), "Expected grey values up to 255; got 256 from 1"
    ),
    "a schema of classes not counted": refused(
        lambda: ImageSchema(2, 2, classes=("a", "b"), counts=(3,)), "got 2 classes and 1 counts"
    ),
    "a codec of images by its class": refused(
        lambda: ImageCodec(GREY), "got ndarray. Make a codec of images by ImageCodec.fit"
    ),
    "a codec of images of a table": refused(
        lambda: ImageCodec(CODEC.schema), "Expected schema to be of class ImageSchema; got Schema"
    ),
    "decoding images": refused(lambda: IMAGES.decode(GREY), "Expected codes to be a tensor"),
    "decoding no images": refused(lambda: IMAGES.decode(None), "got NoneType"),
    "decoding images of another size": refused(
        lambda: IMAGES.decode(CODES[:, :6]), r"Expected codes of shape \(rows, 12\); got \(2, 6\)"
    ),
    "decoding one image without an axis": refused(lambda: IMAGES.decode(CODES[0]), r"got \(12,\)"),
    "decoding hidden pixels": refused(
        lambda: IMAGES.decode(CODES * torch.nan), "Expected codes that are numbers; got NaN"
    ),
    **{
        f"a codec of images from {what}": refused(
            lambda data=data: ImageCodec.from_json(data), "Expected the description", error
        )
        for error in (FileFormatError,)
        for what, data in {
            "text": "{}",
            "None": None,
            "nothing": {},
            "one of tables": CODEC.to_json(),
            "no schema": {"codec": "image"},
        }.items()
    },
    **{
        f"a schema of images from {what}": refused(
            lambda data=data: ImageSchema.from_json(data), "`to_json` of a schema", error
        )
        for error in (FileFormatError,)
        for what, data in {
            "text": "{}",
            "None": None,
            "nothing": {},
            "an unknown entry": {**IMAGES.schema.to_json(), "size": 3},
            "no rows": {**IMAGES.schema.to_json(), "height": 0},
            "a number of classes": {**IMAGES.schema.to_json(), "classes": 3},
        }.items()
    },
}

NO_FRAMES = {"a list": [1, 2], "text": "data.csv", "None": None, "a series": PANDAS["b"]}
FRAMES = {
    **{
        f"{name} of {what}": refused(lambda call=call, x=x: call(x), "Expected a pandas or polars")
        for name, call in {
            "the note": frames.describe,
            "the Arrow table": frames.to_arrow,
            "the number of rows": frames.n_rows,
            "a table in the make": lambda x: frames.in_make_of(TABLE, x),
        }.items()
        for what, x in {**NO_FRAMES, "a lazy frame": pl.LazyFrame({"a": [1]})}.items()
    },
    **{
        f"the number of rows of {what}": refused(lambda x=x: frames.n_rows(x), "single value")
        for what, x in {
            "a single value": {"a": 1},
            "a word": {"a": "x"},
            "a point": np.array(1),
        }.items()
    },
    "a frame in the make of another": refused(
        lambda: frames.in_make_of(PANDAS, PANDAS), "of class Table; got DataFrame. Call to_arrow"
    ),
    **{
        f"a canonical array of {what}": refused(
            lambda x=x: frames.canonical(x), "Expected an Arrow array; got"
        )
        for what, x in {**NO_FRAMES, "a table": TABLE, "numpy": np.arange(3)}.items()
    },
    **{
        f"{name} with {what} for a note": refused(
            lambda call=call, note=note: call(note), "the note that `describe` makes"
        )
        for name, call in {
            "restoring": lambda note: frames.restore(TABLE, note),
            "keeping levels": lambda note: frames.keep_levels(note, 0, LEVELS),
        }.items()
        for what, note in {
            "None": None,
            "a frame": PANDAS,
            "nothing": {},
            "a name": "pandas",
        }.items()
    },
    "restoring an unknown make": refused(
        lambda: frames.restore(TABLE, {"make": "excel", "labels": ["a", "b"]}), "make of frame"
    ),
    "restoring a frame": refused(
        lambda: frames.restore(PANDAS, frames.describe(PANDAS)), "of class Table; got DataFrame"
    ),
    "restoring fewer columns": refused(
        lambda: frames.restore(TABLE.select(["a"]), frames.describe(TABLE)), "got 1. Give all"
    ),
    "keeping levels of a column by its name": refused(
        lambda: frames.keep_levels(frames.describe(PANDAS), "a", LEVELS), "Expected i to be a who"
    ),
    "keeping levels beyond the last column": refused(
        lambda: frames.keep_levels(frames.describe(PANDAS), 2, LEVELS), "< 2; got 2"
    ),
    "keeping levels in a list": refused(
        lambda: frames.keep_levels(frames.describe(PANDAS), 0, ["x"]), "levels .* got list"
    ),
    "keeping levels of a dict": refused(
        lambda: frames.keep_levels(frames.describe(FRAME), 1, LEVELS), "got make 'columns'. Make"
    ),
}

ROWS = (TABLES, SCHEMAS, PICTURES, FRAMES)
