"""Parts of quantile-function objects that are none."""

import torch
from scipy import stats

from qdist import divergences
from qdist.errors import InputError
from qdist.quantile import (
    Affine,
    Categorical,
    Empirical,
    Mixture,
    PiecewiseLinear,
    Rounded,
    mixture,
)

T = torch.tensor([0.0, 1.0])
LAW = PiecewiseLinear(T, T)
LIST = [0.0, 1.0]
NUMBERS = "as a tensor|to be of class Tensor; got list. Call torch.tensor"
WRAP = "to be of class QuantileFunction; .* Wrap a law of scipy in qdist.quantile.Frozen"

PARTS = {
    "levels in a list": (lambda world: PiecewiseLinear(LIST, T), InputError, NUMBERS),
    "values in a list": (lambda world: PiecewiseLinear(T, LIST), InputError, NUMBERS),
    "logits in a list": (lambda world: Categorical(LIST), InputError, NUMBERS),
    "values of codes in a list": (lambda w: Categorical(T, values=LIST), InputError, NUMBERS),
    "samples in a list": (lambda world: Empirical(LIST), InputError, NUMBERS),
    "weights in a list": (lambda world: Empirical(T, weights=LIST), InputError, NUMBERS),
    "scipy's law shifted": (lambda world: Affine(stats.norm(), 0.0, 1.0), InputError, WRAP),
    "a shift in words": (lambda world: Affine(LAW, "far", 1.0), InputError, "Expected a number"),
    "a mixture of numbers": (lambda world: Mixture([3]), InputError, WRAP),
    "mixing numbers": (lambda world: mixture([3, 4]), InputError, WRAP),
    "samples rounded": (
        lambda world: Rounded(Empirical(T)),
        InputError,
        "Expected base to be of class PiecewiseLinear; got Empirical",
    ),
    "a step in words": (lambda world: Rounded(LAW, step="1"), InputError, "Expected step"),
    "an endless step": (
        lambda world: Rounded(LAW, step=float("inf")),
        InputError,
        "Expected step",
    ),
    "a law of scipy that is not frozen": (
        lambda world: divergences.quantile_divergence(stats.norm(), stats.norm),
        InputError,
        "Freeze a law of scipy by calling it",
    ),
    "a function of levels that gives no tensor": (
        lambda world: divergences.quantile_divergence(stats.norm(), lambda tau: 3.0),
        InputError,
        "which gives a float",
    ),
    **{
        f"a function of levels that gives {what}": (
            lambda world, fn=fn: divergences.quantile_divergence(stats.norm(), fn),
            InputError,
            f"one value for each of them, .*; got .*{got}. Compute elementwise, in float64",
        )
        for what, fn, got in (
            ("one value", lambda tau: tau[:1], r"\(1,\) and torch.float64"),
            ("a constant", lambda tau: torch.tensor(0.5).double(), r"\(\) and torch.float64"),
            ("a column", lambda tau: tau[:, None], r"1\) and torch.float64"),
            ("single precision", lambda tau: tau.float(), "torch.float32"),
            ("whole numbers", lambda tau: tau.long(), "torch.int64"),
        )
    },
}

ROWS = (PARTS,)
