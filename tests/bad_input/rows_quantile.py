"""Parts of quantile-function objects that are none."""

import numpy as np
import torch
from scipy import stats

from qdist import divergences
from qdist.errors import InputError
from qdist.losses import huber_pinball, pinball
from qdist.quantile import (
    Affine,
    Categorical,
    Empirical,
    Implicit,
    Mixture,
    PiecewiseLinear,
    Rounded,
    mixture,
)

T = torch.tensor([0.0, 1.0])
LAW = PiecewiseLinear(T, T)
INSIDE = torch.tensor([0.1, 0.9])
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
        f"tails that are {what}": (
            lambda world, tails=tails: PiecewiseLinear(INSIDE, T, tails=tails),
            InputError,
            "Expected tails as a pair of scales, each a tensor or None; got",
        )
        for what, tails in {
            "a word": "exp",
            "one number": 3.0,
            "one scale": (T[1],),
            "numbers": (1.0, 1.0),
        }.items()
    },
    **{
        f"a grid that is {what}": (
            lambda world, grid=grid: Implicit(lambda tau: tau, (), grid=grid),
            InputError,
            "Expected grid to be a whole number >= 2; got",
        )
        for what, grid in {"a fraction": 2.5, "none": None, "a word": "8", "1": 1}.items()
    },
    **{
        f"a law whose values are {what}": (
            lambda world, fn=fn, ask=ask: ask(Implicit(fn, (2,))),
            InputError,
            r"of the shape of its levels, .*; got .* Work elementwise",
        )
        for what, fn in {
            "nothing": lambda tau: None,
            "an array": lambda tau: tau.numpy(),
            "one number": lambda tau: torch.tensor(1.0),
            "sums": lambda tau: tau.sum(-1),
        }.items()
        for ask in (lambda law: law.mean, lambda law: law.sample(), lambda law: law.raw([0.5] * 2))
    },
    "a law whose values are of another dtype": (
        lambda w: Implicit(lambda tau: tau.float(), (2,)).mean,
        InputError,
        r"the dtype of its levels, torch\.float64; got torch\.float32\. Give that",
    ),
    "a batch of 3": (lambda w: Implicit(lambda tau: tau, 3), InputError, "Expected a shape"),
    **{
        f"a law expanded to {shape!r}": (
            lambda world, shape=shape: LAW.expand(shape),
            InputError,
            "Expected a shape of whole numbers",
        )
        for shape in ("ab", 3, (-1,), (2.5,))
    },
    **{
        f"names that are {names!r}": (
            lambda world, names=names: Categorical(T, names=names),
            InputError,
            "Expected a list of names; got",
        )
        for names in (3, "ab")
    },
    **{
        f"numpy's generator for {what}": (
            lambda world, ask=ask: ask(np.random.default_rng(0)),
            InputError,
            "Expected generator to be of class Generator; .* Call torch.Generator",
        )
        for what, ask in {
            "draws": lambda source: LAW.sample((3,), generator=source),
            "gradients": lambda source: LAW.rsample((3,), generator=source),
            "a transform": lambda source: LAW.pit(0.5, generator=source),
        }.items()
    },
    **{
        f"a loss of {what}": (lambda world, ask=ask: ask(), InputError, words)
        for what, ask, words in (
            ("a number", lambda: pinball(1.0, 0.5), "Expected u to be of class Tensor"),
            ("a level in words", lambda: pinball(T, "half"), "Expected a level to be a number"),
            ("no level", lambda: huber_pinball(T, None, kappa=1.0), "Expected a level to be"),
            ("the level 2", lambda: pinball(T, 2), r"Expected a level in \[0, 1\]; got 2"),
        )
    },
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
