"""Parameters of the model and arguments of `fit` that cannot be worked with."""

import numpy as np

import qdist
from qdist.errors import InputError, UnknownNameError


def fit(*data, **params):
    """A call that fits."""
    return lambda world: world.fit(*data, **params)


FIT = {
    "an unknown column in columns": (
        fit(columns={"y": qdist.Column()}),
        UnknownNameError,
        "Expected columns out of 'x', 'size', 'rate'; got 'y'",
    ),
    "values beyond declared bounds": (
        fit(columns={"rate": qdist.Column(upper=0.5)}),
        InputError,
        r"Expected values in \[None, 0.5\], the declared bounds of column 'rate'; got \d+ outside",
    ),
    "a level that was not declared": (
        fit(columns={"size": qdist.Column(categories=["S", "M"])}),
        InputError,
        "Expected a known level in column 'size': 'S', 'M'; got 'L'",
    ),
    "a kind that cannot be": (
        fit(columns={"size": qdist.Column(kind="number")}),
        InputError,
        "Expected a kind that column 'size' .* can have; got 'number'",
    ),
    "columns by number": (
        fit(columns=[qdist.Column()]),
        InputError,
        r"Expected columns to be a dict of arguments by name; got \[Column",
    ),
    "no bins": (
        fit(codec_args={"n_bins": 0}),
        InputError,
        "Expected n_bins to be a whole number >= 1; got 0",
    ),
    "bins in words": (fit(codec_args={"n_bins": "x"}), InputError, "n_bins .* >= 1; got 'x'"),
    "not a Column": (
        fit(columns={"x": "number"}),
        InputError,
        r"Expected qdist\.Column\(\.\.\.\) for column 'x'; got 'number'",
    ),
    "an unknown kind": (
        lambda world: qdist.Column(kind="real"),
        InputError,
        "Expected a kind out of number, ordered, .*; got 'real'",
    ),
    "an unknown backbone": (
        fit(backbone="mpl"),
        UnknownNameError,
        "Expected the name of a backbone; got 'mpl'; known: .*mlp",
    ),
    "an unknown head": (
        fit(head="bined"),
        UnknownNameError,
        "Expected the name of a head; got 'bined'; known: binned, .*spline",
    ),
    "a backbone that is no name": (
        fit(backbone=None),
        UnknownNameError,
        "Expected the name of a backbone; got None",
    ),
    "an unknown argument of the backbone": (
        fit(backbone_args={"depth": 3}),
        InputError,
        r"arguments that backbone 'mlp' takes; got \{'depth': 3\}: .*Correct backbone_args",
    ),
    "a wrong argument of the backbone": (
        fit(backbone_args={"width": 0}),
        InputError,
        "Expected width of backbone 'mlp' .* >= 1; got 0",
    ),
    "arguments of the backbone that are no dict": (
        fit(backbone_args=[8]),
        InputError,
        r"Expected backbone_args to be a dict of arguments by name; got \[8\]",
    ),
    "an unknown argument of the head": (
        fit(head_args={"bins": 3, "colour": 1}),
        InputError,
        "Expected arguments that head 'binned' takes; got .*Correct head_args",
    ),
    "a wrong argument of the head": (
        fit(head_args={"score": "logs"}),
        InputError,
        "Expected score 'log', 'crps' or 'both'; got 'logs'",
    ),
    "an unknown argument of the codec": (
        fit(codec_args={"bins": 3}),
        InputError,
        r"Expected arguments out of columns, n_bins, .*; got \{'bins': 3\}. Correct codec_args",
    ),
    "an order that lacks a column": (
        fit(order=["x", "size"]),
        InputError,
        r"Expected order 'any' or each of the columns \['x', 'size', 'rate'\] once; got \['x'",
    ),
    "an order of one name": (
        fit(order="x"),
        InputError,
        "Expected order 'any' or each of the columns .* once; got 'x'",
    ),
    "a time that is no time": (
        fit(max_time="5 weeks"),
        InputError,
        "Expected a duration above 0, in seconds or such as '90s', '5m', '2h'; got '5 weeks'",
    ),
    "a time below nought": (fit(max_time=-1), InputError, "above 0, .*; got -1"),
    "no steps": (fit(max_steps=0), InputError, "max_steps to be a whole .*; got 0"),
    "half a step": (fit(max_steps=2.5), InputError, "max_steps .*; got 2.5"),
    "steps in words": (fit(max_steps="many"), InputError, "max_steps .*; got 'many'"),
    "no epochs": (fit(max_epochs=0), InputError, "max_epochs to be a number > 0 or None; got"),
    "a batch of none": (fit(batch_size=0), InputError, "batch_size .* >= 1 or None; got 0"),
    "a rate of NaN": (fit(learning_rate=np.nan), InputError, "learning_rate .*; got"),
    "all rows held out": (
        fit(validation_fraction=1.0),
        InputError,
        "validation_fraction to be a number >= 0 and < 1; got 1.0",
    ),
    "a seed below nought": (fit(random_state=-1), InputError, "random_state in .0, 2"),
    "a seed in words": (
        fit(random_state="zero"),
        InputError,
        "Expected random_state to be None, an integer or a numpy generator; got 'zero'",
    ),
    "a device that is not there": (
        fit(device="gpu"),
        InputError,
        "Expected a device that torch can use here; got 'gpu'",
    ),
    "a callback that cannot be called": (
        fit(callbacks=["stop"]),
        InputError,
        r"Expected callbacks to be functions; got 'stop'",
    ),
    "weights for other rows": (
        fit(more={"sample_weight": [1.0, 2.0]}),
        InputError,
        r"Expected sample_weight of shape \(60,\); got shape \(2,\)",
    ),
    "weights below nought": (
        fit(more={"sample_weight": [-1.0] * 60}),
        InputError,
        "Expected sample_weight finite and not negative; got -1",
    ),
    "held-out rows of other columns": (
        fit(more={"X_val": {"x": [1.0]}}),
        UnknownNameError,
        "Expected the columns that the codec was fitted with; 'size' is lacking",
    ),
    "held-out rows of an unknown level": (
        fit(more={"X_val": {"x": [1.0], "size": ["XL"], "rate": [0.5]}}),
        InputError,
        "Expected a known level in column 'size': .*; got 'XL'",
    ),
    "no held-out rows": (
        fit(more={"X_val": {"x": [], "size": [], "rate": []}}),
        InputError,
        "Expected X_val with rows; got none",
    ),
    "nothing to learn": (
        lambda world: world.fit({"a": [3, 3]}).module_,
        InputError,
        "Expected a table with something to learn; got constants and ids only",
    ),
}

ROWS = (FIT,)
