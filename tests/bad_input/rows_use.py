"""Sampling, saving and loading what cannot be sampled, saved or loaded."""

import io
import zipfile
from fractions import Fraction

import numpy as np
import pandas as pd

import qdist
from qdist.errors import (
    FileAccessError,
    FileFormatError,
    InputError,
    NotFittedError,
    UnknownNameError,
)
from qdist.files import FORMAT


def sample(*args, **arguments):
    """A call that samples."""
    return lambda world: world.model.sample(*args, **arguments)


def save(place):
    """A call that saves."""
    return lambda world: world.model.save(world.folder / place)


def load(content):
    """A call that loads a file of this content."""
    return lambda world: world.load(content)


def zipped(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in entries.items():
            file.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def newest(content):
    """The file of a qdist to come."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        meta, weights = file.read("model.json"), file.read("model.safetensors")
    meta = meta.replace(f'"format": {FORMAT}'.encode(), b'"format": 99', 1)
    return zipped(model__json=meta, model__safetensors=weights)


def first(content, *, tenth):
    """The first tenths of a file."""
    return content[: len(content) * tenth // 10]


SAMPLE = {
    "n below nought": (sample(-1), InputError, "Expected n >= 0; got -1"),
    "n a bool": (sample(True), InputError, "whole number or None; got True"),
    "n a float": (sample(2.0), InputError, "whole number or None; got 2.0"),
    "levels the wrong way": (
        sample(3, tau_range=(0.9, 0.1)),
        InputError,
        r"Expected 0 <= low < high <= 1 in tau_range; got \(0.9, 0.1\)",
    ),
    "levels above one": (sample(3, tau_range=(0, 2)), InputError, "in tau_range; got"),
    "one level": (sample(3, tau_range=0.5), InputError, "in tau_range; got 0.5"),
    "another nan": (
        sample(given={"x": 1.0}, nan="missing"),
        InputError,
        "Expected nan to be 'unknown' or 'value'; got 'missing'",
    ),
    "another nan beside nothing": (
        sample(nan="junk"),
        InputError,
        "Expected nan to be 'unknown' or 'value'; got 'junk'",
    ),
    "another nan beside a range": (
        sample(given={"x": qdist.Range(0, None)}, nan="junk"),
        InputError,
        "Expected nan to be 'unknown' or 'value'; got 'junk'",
    ),
    "an unknown column": (
        sample(given={"y": 1.0}),
        UnknownNameError,
        "Expected columns out of 'x', 'size', 'rate'; got 'y'",
    ),
    "an unknown column of a frame": (
        sample(given=pd.DataFrame({"x": [1.0], "y": [1.0]})),
        UnknownNameError,
        "got 'y'",
    ),
    "an unknown level": (
        sample(given={"size": "XL"}),
        InputError,
        "Expected a known level in column 'size': .*; got 'XL'. Use a known level, or declare it",
    ),
    "a value beyond declared bounds": (
        sample(given={"rate": 1.5}),
        InputError,
        r"Expected values in \[0.*, 1.*\], the declared bounds of column 'rate'; got 1 outside",
    ),
    "text for a number": (
        sample(given={"x": "large"}),
        InputError,
        "Expected values of type double in column 'x'; got 'large'",
    ),
    "infinity": (
        sample(given={"x": np.inf}),
        InputError,
        "Expected finite numbers in column 'x'",
    ),
    "missing where none was": (
        sample(given={"x": qdist.MISSING}),
        InputError,
        "column 'x'.*missing|missing.*column 'x'",
    ),
    "a condition that is no frame": (
        sample(given=[1.0]),
        InputError,
        "Expected a pandas or polars DataFrame.*; got list",
    ),
    "a seed that is none": (
        sample(3, random_state=1.5),
        InputError,
        "Expected random_state to be None, an integer or a numpy generator; got 1.5",
    ),
}


def ask(name, *args, **arguments):
    """A call of a method of the model."""
    return lambda world: getattr(world.model, name)(*args, **arguments)


ASK = {
    "levels beyond one": (
        ask("quantile", "x", [0.5, 1.5]),
        InputError,
        r"Expected levels in \[0, 1\].*got \[0.5, 1.5\]",
    ),
    "levels that are text": (ask("quantile", "x", "half"), InputError, "levels in .*'half'"),
    "a table of levels": (ask("quantile", "x", [[0.5]]), InputError, "levels in"),
    "no levels": (ask("quantile", "x", []), InputError, "levels in"),
    "quantiles of an unknown column": (
        ask("quantile", "y", 0.5),
        UnknownNameError,
        "Expected one of the columns 'x', 'size', 'rate'; got 'y'",
    ),
    "quantiles of no column": (ask("quantile", [], 0.5), InputError, r"name of a column.*\[\]"),
    "a frame of conditions without columns": (
        sample(given=pd.DataFrame(index=[1, 2, 3])),
        InputError,
        "Expected conditions with a column at least",
    ),
    "a number that no column can hold": (
        sample(given={"x": 10**30}),
        InputError,
        "Expected a number of at most 64 bits for column 'x'",
    ),
    "values in rows of several lengths": (
        ask("cdf", "x", [[1.0], [2.0, 3.0]]),
        InputError,
        "got rows of several lengths",
    ),
    "quantiles given an unknown level": (
        ask("quantile", "x", 0.5, given={"size": "XL"}),
        InputError,
        "Expected a known level in column 'size'",
    ),
    "quantiles of what is given": (
        ask("quantile", "x", 0.5, given={"x": 1.0}),
        InputError,
        "Expected conditions that leave 'x' open; got its value in 1 of 1 rows",
    ),
    "the cdf at text": (ask("cdf", "x", "large"), InputError, "numbers for column 'x'.*'large'"),
    "the cdf at nothing": (ask("cdf", "x", np.nan), InputError, "numbers for column 'x'; got nan"),
    "the cdf at a cube": (
        ask("cdf", "x", np.zeros((1, 2, 3))),
        InputError,
        r"Expected values of shape \(V,\).*got \(1, 2, 3\)",
    ),
    "the cdf of what is given": (ask("cdf", "x", 0, given={"x": 1.0}), InputError, "'x' open"),
    "the law of what is given": (
        ask("predict_dist", "x", given={"x": 1.0}),
        InputError,
        "'x' open",
    ),
    "a range without ends": (
        lambda world: world.model.sample(3, given={"x": qdist.Range()}),
        InputError,
        "Expected a lower or an upper end of the range; got neither",
    ),
    "a range of nothing": (
        lambda world: world.model.sample(3, given={"x": qdist.Range(2, 1)}),
        InputError,
        "Expected a range of column 'x' whose lower end comes first.*Swap its ends",
    ),
    "a range of text": (
        lambda world: world.model.sample(3, given={"x": qdist.Range("low")}),
        InputError,
        "Expected numbers for column 'x'; got 'low'",
    ),
    "scores of a table with a column less": (
        lambda world: world.model.score_samples({"x": [1.0]}),
        UnknownNameError,
        "'size' is lacking",
    ),
    "a cell that is missing for the first time": (
        lambda world: world.model.score_samples({**world.table, "x": [None] * 60}),
        InputError,
        "Expected a value in each cell of column 'x'.*Fill them, say nan='unknown'",
    ),
    "the score of no rows": (
        lambda world: world.model.score({"x": [], "size": [], "rate": []}),
        InputError,
        "Expected rows to score; got none",
    ),
    "imputing what was never seen": (
        lambda world: world.model.impute({**world.table, "size": ["XL"] * 60}),
        InputError,
        "Expected known levels in column 'size'",
    ),
    "another unseen": (
        lambda world: world.model.impute(world.table, unseen="ignore"),
        InputError,
        "Expected unseen to be 'raise' or 'missing'; got 'ignore'",
    ),
    "the mean of draws": (
        lambda world: world.model.impute(world.table, n_draws=3, agg="mean"),
        InputError,
        "Expected agg to be 'median' or None; got 'mean'",
    ),
    "the median of one draw": (
        lambda world: world.model.impute(world.table, agg="median"),
        InputError,
        "Expected n_draws above 1 with agg='median'; got 1",
    ),
    "half a draw": (
        lambda world: world.model.impute(world.table, n_draws=0.5),
        InputError,
        "Expected n_draws to be a whole number >= 1; got 0.5",
    ),
    "a negative threshold": (
        lambda world: world.model.explain_outliers(world.table, threshold=-1),
        InputError,
        "Expected threshold to be a number > 0; got -1",
    ),
    **{
        f"another nan in {name}": (
            lambda world, name=name, asked=asked: getattr(world.model, name)(*asked, nan="junk"),
            InputError,
            "Expected nan to be 'unknown' or 'value'; got 'junk'",
        )
        for name, asked in {
            "quantile": ("x", 0.5),
            "cdf": ("x", 0.5),
            "predict_dist": ("x",),
            "prob_missing": ("x",),
        }.items()
    },
    "another nan in a score": (
        lambda world: world.model.score_samples(world.table, nan="drop"),
        InputError,
        "Expected nan to be 'unknown' or 'value'; got 'drop'",
    ),
    "levels of rows as text": (
        ask("inverse_rosenblatt", "half"),
        InputError,
        r"Expected levels in \[0, 1\] of shape \(N, 3\)",
    ),
}

BEFORE_FIT = {
    name: (call, NotFittedError, r"Expected a fitted TabularModel.*Call fit\(X\) fir")
    for name, call in {
        "sample before fit": lambda world: qdist.TabularModel().sample(3),
        "save before fit": lambda world: qdist.TabularModel().save(world.path),
        "module_ before fit": lambda world: qdist.TabularModel().module_,
        "quantile before fit": lambda world: qdist.TabularModel().quantile("x", 0.5),
        "cdf before fit": lambda world: qdist.TabularModel().cdf("x", 0.5),
        "impute before fit": lambda world: qdist.TabularModel().impute(world.table),
        "score before fit": lambda world: qdist.TabularModel().score_samples(world.table),
        "schema_ before fit": lambda world: qdist.TabularModel().schema_,
        "loss before fit": lambda world: qdist.TabularModel().loss(world.table, generator=None),
    }.items()
}

FILES = {
    "save into a missing folder": (
        save("missing/model.qdist"),
        FileAccessError,
        "Expected a folder that can be written to for .*No such file.*Nothing was overwritten",
    ),
    "save below a file": (
        save("file/model.qdist"),
        FileAccessError,
        "Expected a folder that can be written to .*Not a directory",
    ),
    "save over a folder": (
        save("."),
        FileAccessError,
        "Expected a file, or a place for a new one",
    ),
    "save what JSON lacks": (
        lambda world: world.fit(backbone_args={"dropout": Fraction(1, 4)}).save(world.path),
        InputError,
        "Expected parameters that JSON can hold, to be saved; got others",
    ),
    "load a missing file": (
        lambda world: qdist.load(world.folder / "nothing.qdist"),
        FileAccessError,
        "Expected a model file at .*nothing.qdist.*Check the path",
    ),
    "load a folder": (
        lambda world: qdist.load(world.folder),
        FileFormatError,
        r"Expected a folder with model\.json and model\.safetensors; got .* without model\.json",
    ),
    "load an empty file": (load(b""), FileFormatError, "truncated, damaged or of another kind"),
    "load a foreign file": (
        load(b"a,b\n1,2\n"),
        FileFormatError,
        r"Expected a qdist model file; got other\.qdist, which is truncated, damaged or of an",
    ),
    "load a foreign zip": (
        load(zipped(hello__txt="x")),
        FileFormatError,
        r"with entries model\.json and model\.safetensors, each once; got other\.qdist with",
    ),
    "load half a file": (
        lambda world: world.load(first(world.path.read_bytes(), tenth=5)),
        FileFormatError,
        "truncated, damaged or of another kind",
    ),
    "load a file to come": (
        lambda world: world.load(newest(world.path.read_bytes())),
        FileFormatError,
        rf"Expected a model of format {FORMAT} or older; got other\.qdist of format 99\. Install",
    ),
}

CUT = {
    f"a file cut at {tenth} tenths": (
        lambda world, tenth=tenth: world.load(first(world.path.read_bytes(), tenth=tenth)),
        FileFormatError,
        r"Expected a.* qdist model file; got other\.qdist",
    )
    for tenth in range(10)
}

ROWS = (SAMPLE, ASK, BEFORE_FIT, FILES, CUT)
