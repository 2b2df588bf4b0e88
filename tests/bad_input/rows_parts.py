"""Quantile-function objects, heads, joints, losses, divergences, orders."""

import numpy as np
import torch
from scipy import stats

from qdist import divergences, losses, orders, registry, rng
from qdist.errors import (
    BatchIndexError,
    InputError,
    SingleLawError,
    UnknownNameError,
    UnsupportedError,
)
from qdist.heads import BinnedHead, CategoricalHead, ColumnHeads, ImplicitHead, SplineHead
from qdist.joint import Autoregressive, Comonotonic, Ensemble, Independent
from qdist.quantile import (
    Affine,
    Categorical,
    Empirical,
    Frozen,
    Implicit,
    Mixture,
    PiecewiseLinear,
    Rounded,
    mixture,
)

T = torch.tensor
LAW = PiecewiseLinear(T([0.0, 1.0]), T([0.0, 1.0]))
TWO = PiecewiseLinear(T([0.0, 1.0]), T([[0.0, 1.0], [0.0, 2.0]]))
NOMINAL = Categorical(torch.zeros(3), names=["a", "b", "c"])
ATOMS = Empirical(T([1.0, 2.0, 2.0]))


def asked(name, *values, law=LAW, **more):
    """A call of a method of a law."""
    return lambda world: getattr(law, name)(*values, **more)


OBJECTS = {
    **{
        f"{name} at {what}": (asked(name, value), InputError, "Expected")
        for name in ("icdf", "isf", "ppf", "quantiles", "interval")
        for what, value in {"2": 2.0, "NaN": float("nan"), "text": "half", "None": None}.items()
    },
    **{
        f"{name} at {what}": (asked(name, value), InputError, "Expected")
        for name in ("cdf", "cdf_left", "sf", "log_prob", "logpdf", "prob", "pdf", "crps", "pit")
        for what, value in {"text": "half", "None": None}.items()
    },
    "icdf at levels of another shape": (asked("icdf", [0.1] * 3, law=TWO), InputError, "Expected"),
    "cdf at values of another shape": (asked("cdf", [0.1] * 3, law=TWO), InputError, "Expected"),
    "a table of levels for quantiles": (asked("quantiles", [[0.1]]), InputError, "Expected"),
    **{
        f"{name} of {what}": (asked(name, value), InputError, "Expected")
        for name in ("sample", "rsample", "rvs")
        for what, value in {"-1": (-1,), "half a draw": (0.5,), "text": "x"}.items()
    },
    "a density where there are atoms": (
        asked("log_prob", 1.0, law=Affine(ATOMS, 0.0, 1.0)),
        UnsupportedError,
        "Affine has no log_prob. A finite sample has no density",
    ),
    **{
        f"{name} of a name that is none": (
            asked(name, "z", law=NOMINAL),
            InputError,
            "Expected names out of 'a', 'b', 'c'; got 'z'",
        )
        for name in ("log_prob", "prob", "cdf", "crps")
    },
    "draws by a seed below nought": (asked("rvs", 3, -1), InputError, "Expected random_state in"),
    **{
        f"law {index!r} of two": (
            lambda world, index=index: TWO[index],
            BatchIndexError,
            r"Expected an index into the batch shape \(2,\); got .* Index the batch as",
        )
        for index in (2, (0, 0), "a", 0.5)
    },
    "the number of laws in one": (lambda world: len(LAW), SingleLawError, "batch shape "),
    "expanding to another shape": (asked("expand", (3,), law=TWO), InputError, "Expected"),
    "knots that fall": (
        lambda world: PiecewiseLinear(T([0.0, 1.0]), T([1.0, 0.0])),
        InputError,
        "Expected",
    ),
    "levels that fall": (
        lambda world: PiecewiseLinear(T([1.0, 0.0]), T([0.0, 1.0])),
        InputError,
        "Expected",
    ),
    "knots of two lengths": (
        lambda world: PiecewiseLinear(T([0.0, 1.0]), T([0.0, 1.0, 2.0])),
        InputError,
        "Expected",
    ),
    "knots of NaN": (
        lambda world: PiecewiseLinear(T([0.0, 1.0]), T([0.0, np.nan])),
        InputError,
        "Expected",
    ),
    "no logits": (lambda world: Categorical(torch.zeros(0)), InputError, "Expected"),
    "logits of NaN": (lambda world: Categorical(T([np.nan, 0.0])), InputError, "Expected"),
    "names of another number": (
        lambda world: Categorical(torch.zeros(3), names=["a"]),
        InputError,
        "Expected",
    ),
    "values that fall": (
        lambda world: Categorical(torch.zeros(2), values=T([1.0, 0.0])),
        InputError,
        "Expected",
    ),
    "no samples": (lambda world: Empirical(torch.zeros(0)), InputError, "Expected"),
    "samples of NaN": (lambda world: Empirical(T([np.nan])), InputError, "Expected"),
    "weights below nought": (
        lambda world: Empirical(T([1.0, 2.0]), weights=T([1.0, -1.0])),
        InputError,
        "Expected",
    ),
    "a frozen law that is none": (lambda world: Frozen(3), InputError, "Expected"),
    "a scale below nought": (lambda world: Affine(LAW, 0.0, -1.0), InputError, "Expected"),
    "a function that is none": (lambda world: Implicit(3, ()), InputError, "Expected"),
    "no grid": (lambda world: Implicit(lambda tau: tau, (), grid=0), InputError, "Expected"),
    "a mixture of none": (lambda world: mixture([]), InputError, "at least one law to mix"),
    "a mixture by halves": (
        lambda world: Mixture([LAW, LAW], weights=[1.0]),
        InputError,
        "Expected 2 positive weights",
    ),
    "a step of nought": (lambda world: Rounded(LAW, step=0.0), InputError, "Expected"),
}

HEADS = {
    "no bins": (lambda world: BinnedHead(4, []), InputError, "Expected"),
    "bins the wrong way": (lambda world: BinnedHead(4, [(1.0, 0.0)]), InputError, "Expected"),
    "a score that is none": (
        lambda world: BinnedHead(4, [(0.0, 1.0)], score="x"),
        InputError,
        "Expected score",
    ),
    "no context": (lambda world: SplineHead(0), InputError, "Expected"),
    "no knots": (lambda world: SplineHead(4, knots=0), InputError, "Expected"),
    "a range the wrong way": (
        lambda world: SplineHead(4, lower=1.0, upper=0.0),
        InputError,
        "Expected",
    ),
    "no codes": (lambda world: CategoricalHead(4, 0), InputError, "Expected"),
    **{
        f"a code of {what} among {levels}": (
            lambda world, levels=levels, code=code: CategoricalHead(4, levels).loss(
                torch.zeros(2, 4), T([0.0, code])
            ),
            InputError,
            rf"Expected codes 0 ... {levels - 1}; got \[{code}\]. Encode",
        )
        for levels in (3, 2000)
        for what, code in {"5000": 5e3, "-1": -1.0, "-100": -100.0, "NaN": float("nan")}.items()
    },
    "no context for cosines": (
        lambda world: ImplicitHead(0),
        InputError,
        "Expected context >= 1",
    ),
    "no waves": (lambda world: ImplicitHead(4, n_cos=0), InputError, "Expected"),
    "a Huber width below nought": (
        lambda world: ImplicitHead(4, kappa=-1.0),
        InputError,
        "Expected",
    ),
    "no heads": (lambda world: ColumnHeads([]), InputError, "Expected"),
    "a context of another length": (
        lambda world: SplineHead(4)(torch.zeros(2, 3)),
        InputError,
        "Expected",
    ),
}


def joint(cls, **more):
    """A call that joins the parts of the fitted model in another way."""
    return lambda world: cls(world.joint.backbone, world.joint.heads, **more)


JOINTS = {
    "an order of other columns": (joint(Autoregressive, order=[0, 1]), InputError, "Expected"),
    "an order twice the same": (joint(Autoregressive, order=[0, 0, 1]), InputError, "Expected"),
    "conditioning on what is not there": (
        joint(Autoregressive, conditioning=[7]),
        InputError,
        "Expected",
    ),
    "conditioning comonotonically on what is not there": (
        joint(Comonotonic, conditioning=[7]),
        InputError,
        "Expected",
    ),
    "conditioning independently on what is not there": (
        joint(Independent, conditioning=[7]),
        InputError,
        "Expected",
    ),
    "a law of a coordinate that is not there": (
        lambda world: world.joint.conditional(
            9, torch.zeros(1, 3), torch.zeros(1, 3, dtype=torch.bool)
        ),
        InputError,
        r"Expected a coordinate in 0 \.\.\. 2; got 9",
    ),
    "an ensemble of none": (lambda world: Ensemble([]), InputError, "at least one member"),
    "a law of an ensemble of another width": (
        lambda world: Ensemble([world.joint]).conditional(
            0, torch.zeros(1, 5), torch.zeros(1, 5, dtype=torch.bool)
        ),
        InputError,
        r"Expected y of shape \(B, 3\)",
    ),
    "a score of an ensemble of another width": (
        lambda world: Ensemble([world.joint]).score(
            torch.zeros(1, 5), rank=torch.zeros(5), where=torch.ones(1, 5, dtype=torch.bool)
        ),
        InputError,
        r"Expected y of shape \(B, 3\)",
    ),
    "a cdf without a closed form": (
        lambda world: world.joint.cdf(torch.zeros(1, 3)),
        UnsupportedError,
        "The autoregressive joint has no cdf",
    ),
    "rows of another width": (
        lambda world: world.joint.log_prob(torch.zeros(1, 5)),
        InputError,
        "Expected",
    ),
    "a loss of another width": (
        lambda world: world.joint.loss(torch.zeros(1, 5)),
        InputError,
        "Expected",
    ),
    "levels of another width": (
        lambda world: world.joint.rosenblatt(torch.zeros(1, 5)),
        InputError,
        "Expected",
    ),
    "filling another width": (
        lambda world: world.joint.fill(
            torch.zeros(1, 5), torch.zeros(1, 5, dtype=torch.bool), tau=torch.zeros(1, 5)
        ),
        InputError,
        "Expected",
    ),
    "fewer than no rows": (
        lambda world: world.joint.sample(-1, generator=torch.Generator()),
        InputError,
        "Expected",
    ),
}

PURE = {
    "a level of two": (lambda world: losses.pinball(T(1.0), 2.0), InputError, "Expected"),
    "a level of NaN": (lambda world: losses.pinball(T(1.0), np.nan), InputError, "Expected"),
    "a kappa below nought": (
        lambda world: losses.huber_pinball(T(1.0), 0.5, kappa=-1.0),
        InputError,
        "Expected kappa to be a number >= 0",
    ),
    **{
        f"{name} between no laws": (
            lambda world, name=name: getattr(divergences, name)(3, 4),
            InputError,
            "Expected",
        )
        for name in ("cramer", "quantile_divergence", "wasserstein1")
    },
    **{
        f"{name} that diverges": (
            lambda world, name=name: getattr(divergences, name)(stats.cauchy(), stats.norm()),
            InputError,
            "diverges|infinite",
        )
        for name in ("wasserstein1",)
    },
    "the entropy of no law": (
        lambda world: divergences.quantile_entropy(3),
        InputError,
        "Expected",
    ),
    "an order that is no permutation": (
        lambda world: orders.as_order([0, 0], 2),
        InputError,
        "Expected an order",
    ),
    "an order that is text": (lambda world: orders.as_order("ab", 2), InputError, "Expected"),
    "a random order of -1": (
        lambda world: orders.random_order(-1, generator=torch.Generator()),
        InputError,
        "Expected",
    ),
    "the rank of no order": (lambda world: orders.rank_of(T([0, 0])), InputError, "Expected"),
    "an unknown backbone": (lambda world: registry.backbone("x"), UnknownNameError, "known: "),
    "an unknown head": (lambda world: registry.head("x"), UnknownNameError, "known: "),
    "a head in a list": (lambda world: registry.head(["x"]), UnknownNameError, "known: "),
    "a backbone by no class": (
        lambda world: registry.register_backbone(3),
        InputError,
        "Expected a class",
    ),
    "a head by no class": (
        lambda world: registry.register_head(3),
        InputError,
        "Expected a class",
    ),
    "a seed of text": (lambda world: rng.seed_of("x"), InputError, "Expected random_state"),
    "a seed below nought": (
        lambda world: rng.isolated_rng(-1).__enter__(),
        InputError,
        "Expected",
    ),
    "rows from the middle": (
        lambda world: rng.uniforms(0, range(1, 3), columns=1),
        InputError,
        "Expected rows",
    ),
}

ROWS = (OBJECTS, HEADS, JOINTS, PURE)
