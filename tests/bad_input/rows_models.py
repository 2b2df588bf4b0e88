"""Regressors, imputers, checkpoints, the choosing of a model, and evaluation."""

import numpy as np
import pandas as pd
import torch
from scipy.sparse import csr_array

import qdist
from qdist.data.datasets import load_penguins
from qdist.errors import (
    FileAccessError,
    FileFormatError,
    InputError,
    NotFittedError,
    UnknownNameError,
)
from qdist.plots import divergence, marginals

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0]


def regress(x=X, y=Y, more=None, **params):
    """A call that fits a regressor."""
    quick = {"max_steps": 1, "trees": 2, "random_state": 0, **params}
    return lambda world: qdist.DistributionRegressor(**quick).fit(x, y, **(more or {}))


REGRESSORS = {
    "targets of another number": (regress(y=Y[:3]), InputError, "Expected"),
    "targets of text": (regress(y=["a"] * 40), InputError, "Expected"),
    "targets of NaN": (regress(y=np.full(40, np.nan)), InputError, "Expected"),
    **{
        f"targets that are {what}": (
            regress(y=y),
            InputError,
            "Expected targets y that are finite numbers",
        )
        for what, y in {
            "objects, one of them NA": pd.Series([pd.NA, *Y[1:]], dtype=object),
            "integers, one of them NA": pd.Series([pd.NA, *range(39)], dtype="Int64"),
            "a dict": {"y": list(Y)},
            "one number": 3.0,
            "integers that no float holds": [10**400] * 40,
            "part of a graph": torch.ones(40, requires_grad=True),
        }.items()
    },
    "features of infinity": (regress(x=np.full((40, 2), np.inf)), InputError, "Expected"),
    "features in a vector": (regress(x=Y), InputError, "Expected"),
    "sparse features": (
        regress(x=csr_array(X)),
        InputError,
        "Expected X as a dense array or a frame; got a sparse csr_array",
    ),
    "sparse targets": (
        regress(y=csr_array(Y[:, None])),
        InputError,
        "Expected y as a dense array",
    ),
    "features named by text and numbers": (
        regress(x=pd.DataFrame(X, columns=["a", 1])),
        InputError,
        "Expected columns that are all named by text",
    ),
    "no features": (regress(x=X[:0], y=Y[:0]), InputError, "Expected"),
    "one row": (regress(x=X[:1], y=Y[:1]), InputError, "Expected at least 2 rows"),
    "three numbers of steps": (regress(max_steps=[1, 1, 1]), InputError, "Expected max_steps"),
    "steps in words": (regress(max_steps="many"), InputError, "Expected max_steps"),
    "no epochs": (regress(max_epochs=0), InputError, "Expected max_epochs to be a number > 0"),
    "epochs in words": (regress(max_epochs="two"), InputError, "Expected max_epochs"),
    "fewer than no trees": (regress(trees=-1), InputError, "Expected trees"),
    "trees too deep": (regress(depth=20), InputError, "Expected depth"),
    "one fold": (regress(folds=1), InputError, "Expected folds"),
    "half a value": (regress(few_values=0.5), InputError, "Expected few_values"),
    "no members": (
        regress(network_args={"members": 0}),
        InputError,
        "Expected members of network_args",
    ),
    "a feature that no file holds": (
        regress(x={"x": Y, "note": ["short", "x" * 100_001] * 20}),
        InputError,
        r"that the file of a model can hold; got .note. \(Expected text of at most 100000 letters",
    ),
    "an unknown argument of the network": (
        regress(network_args={"size": 3}),
        InputError,
        "network_args",
    ),
    "network arguments that are no dict": (
        regress(network_args=3),
        InputError,
        "Expected network_args to be a dict",
    ),
    "a width in words": (regress(network_args={"width": "x"}), InputError, "network_args"),
    "held-out features alone": (
        regress(more={"X_val": X}),
        InputError,
        "Expected X_val and y_val together",
    ),
    "held-out targets of another number": (
        regress(more={"X_val": X, "y_val": np.zeros((40, 2))}),
        InputError,
        "Expected y_val with 1 targets; got 2",
    ),
    "weights of no row": (
        regress(more={"sample_weight": np.zeros(40)}),
        InputError,
        "Expected a sample_weight above 0",
    ),
    "targets of several lengths": (
        regress(y=[[1.0]] * 39 + [[1.0, 2.0]]),
        InputError,
        "Expected targets y that are finite numbers",
    ),
    "targets that are dates": (
        regress(y=np.arange(40).astype("M8[D]")),
        InputError,
        "Expected targets y that are finite numbers; got datetime64",
    ),
    "predicting from other features": (
        lambda world: world.regressor.predict(X[:, :1]),
        InputError,
        "features",
    ),
    "predicting from text": (
        lambda world: world.regressor.predict([["a", "b"]]),
        InputError,
        "Expected",
    ),
    "quantiles beyond one": (
        lambda world: world.regressor.predict_quantiles(X, [2.0]),
        InputError,
        "Expected quantiles",
    ),
    "quantiles of text": (
        lambda world: world.regressor.predict_quantiles(X, "half"),
        InputError,
        "Expected quantiles",
    ),
    "coverage beyond one": (
        lambda world: world.regressor.predict_interval(X, 90),
        InputError,
        "Expected coverage",
    ),
    "two coverages": (
        lambda world: world.regressor.predict_interval(X, [0.5, 0.9]),
        InputError,
        "Expected one coverage",
    ),
    "the law of other features": (
        lambda world: world.regressor.predict_dist(X[:, :1]),
        InputError,
        "features",
    ),
    "a score of other targets": (
        lambda world: world.regressor.score(X, np.zeros((40, 3))),
        InputError,
        "Expected y with 1 targets; got 3",
    ),
    "saving a regressor nowhere": (
        lambda world: world.regressor.save(world.folder / "no" / "model.qdist"),
        FileAccessError,
        "Expected a folder that can be written to",
    ),
    **{
        f"{name} before fit": (call, NotFittedError, "Expected a fitted DistributionRegressor")
        for name, call in {
            "predict": lambda world: qdist.DistributionRegressor().predict(X),
            "predict_quantiles": lambda world: qdist.DistributionRegressor().predict_quantiles(X),
            "predict_interval": lambda world: qdist.DistributionRegressor().predict_interval(X),
            "predict_dist": lambda world: qdist.DistributionRegressor().predict_dist(X),
            "the skill": lambda world: qdist.DistributionRegressor().score(X, Y),
            "saving a regressor": lambda world: qdist.DistributionRegressor().save(world.path),
        }.items()
    },
}

IMAGES = {
    f"{name} before fit": (call, NotFittedError, "Expected a fitted ImageModel")
    for name, call in {
        "images": lambda world: qdist.ImageModel().sample(1),
        "inpainting": lambda world: qdist.ImageModel().inpaint(world.grey, world.grey[0] > 3),
        "log probabilities": lambda world: qdist.ImageModel().log_prob(world.grey),
        "bits": lambda world: qdist.ImageModel().bits_per_dim(world.grey),
        "levels of images": lambda world: qdist.ImageModel().rosenblatt(world.grey),
        "saving images": lambda world: qdist.ImageModel().save(world.path),
    }.items()
}

IMPUTERS = {
    "an imputer before fit": (
        lambda world: qdist.QuantileImputer().transform(world.table),
        NotFittedError,
        "Expected a fitted QuantileImputer",
    ),
    "names of an imputer before fit": (
        lambda world: qdist.QuantileImputer().get_feature_names_out(),
        NotFittedError,
        "Expected a fitted QuantileImputer",
    ),
    "several draws in one table": (
        lambda world: qdist.QuantileImputer(n_draws=3).fit(world.table),
        InputError,
        "Expected n_draws of 1 without agg",
    ),
    "imputing a vector": (
        lambda world: qdist.QuantileImputer().fit(np.arange(3.0)),
        InputError,
        "Expected an array of shape",
    ),
}

CHOICES = {
    "fitting a table with a target": (
        lambda world: qdist.fit(world.table, world.table["x"]),
        InputError,
        r"Expected a table without y.* DistributionRegressor\(\)\.fit\(X, y\)",
    ),
    "fitting a file of another kind": (
        lambda world: qdist.fit(world.path),
        InputError,
        "Expected a file ending in .csv",
    ),
    "fitting a number": (
        lambda world: qdist.fit(3),
        InputError,
        r"Expected a pandas .*; got int\. .* Images are an array of shape \(N, H, W\)",
    ),
    "loading a number": (lambda world: qdist.load(3.5), InputError, "Expected a path"),
    "saving to a number": (lambda world: world.model.save(3.5), InputError, "Expected a path"),
    "a column of an unknown kind": (
        lambda world: qdist.Column(kind="colour"),
        InputError,
        "Expected a kind out of",
    ),
    "bounds the wrong way": (
        lambda world: qdist.Column(lower=2, upper=1),
        InputError,
        "lower",
    ),
    "a range of nothing": (lambda world: qdist.Range(), InputError, "Expected a lower or an upp"),
    "no real frame": (
        lambda world: qdist.evaluate(3, world.table),
        InputError,
        "Expected a pandas",
    ),
    "frames of other columns": (
        lambda world: qdist.evaluate(world.table, {"z": [1.0, 2.0]}),
        InputError,
        "Expected",
    ),
    "pictures of an unknown column": (
        lambda world: marginals(world.table, world.table, columns=["z"]),
        UnknownNameError,
        "Expected",
    ),
    "a picture of no law": (lambda world: divergence(3, 4), InputError, "Expected"),
    "a backbone by no class": (
        lambda world: qdist.register_backbone(3),
        InputError,
        "Expected a class",
    ),
    "a head by no class": (
        lambda world: qdist.register_head("binned"),
        InputError,
        "Expected a class",
    ),
    "a model's prob_missing of an unknown column": (
        lambda world: world.model.prob_missing("y"),
        UnknownNameError,
        "Expected one of the columns",
    ),
    "levels of rows of another table": (
        lambda world: world.model.rosenblatt({"x": [1.0]}),
        UnknownNameError,
        "'size' is lacking",
    ),
    "encoding another table": (
        lambda world: world.model.encode({"x": [1.0]}),
        UnknownNameError,
        "'size' is lacking",
    ),
    "a loss of another table": (
        lambda world: world.model.loss({"x": [1.0]}, generator=torch.Generator()),
        UnknownNameError,
        "'size' is lacking",
    ),
    "a loss of rows of another width": (
        lambda world: world.model.loss(torch.zeros(2, 7), generator=torch.Generator()),
        InputError,
        "Expected",
    ),
    "an order that is none": (
        lambda world: world.model.score_samples(world.table, order=["x"]),
        InputError,
        "Expected order",
    ),
}


def checkpoint(content, **more):
    """A call that fits with a checkpoint of this content."""

    def call(world):
        kept = world.folder / "file" if content is None else world.kept(content)
        return world.fit(more={"checkpoint": kept, **more})

    return call


CHECKPOINTS = {
    "a checkpoint below a file": (checkpoint(None), FileAccessError, "folder for checkpoints"),
    "a checkpoint that is damaged": (checkpoint(b"x"), FileFormatError, "damaged or foreign"),
    "a checkpoint that is a number": (
        lambda world: world.fit(more={"checkpoint": 3}),
        InputError,
        "Expected checkpoint to be a folder or None; got 3",
    ),
    "resuming from nothing": (
        lambda world: world.fit(more={"checkpoint": world.kept(), "resume": True}),
        InputError,
        "Expected a checkpoint to resume from",
    ),
    "resuming without a folder": (
        lambda world: world.fit(more={"resume": True}),
        InputError,
        "Expected a checkpoint to resume from; got none",
    ),
    "resuming in words": (
        lambda world: world.fit(more={"checkpoint": world.kept(), "resume": "yes"}),
        InputError,
        "Expected resume to be True, False or 'auto'; got 'yes'",
    ),
    "resuming another fit": (
        lambda world: (
            world.fit(more={"checkpoint": world.kept()}),
            world.fit(load_penguins(), more={"checkpoint": world.kept()}),
        ),
        InputError,
        "Expected, to go on from the checkpoint",
    ),
}

ROWS = (REGRESSORS, IMAGES, IMPUTERS, CHOICES, CHECKPOINTS)
