"""The table of mistakes: each ends in the right error, in words that help, and harms nothing.

A public call is a function, a class or a public method of a class that a public module names in
`__all__`. The traceback of a row shows which of them it passed through; one that no row passes
through must stand below, with the reason.
"""

import importlib
import inspect
import runpy
import types
from pathlib import Path
from types import SimpleNamespace

import pytest

TABLE = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "table_of_mistakes.py")))
ROWS = TABLE.rows()

PUBLIC = (
    "qdist",
    "qdist.backbones",
    "qdist.codecs.image",
    "qdist.codecs.schema",
    "qdist.codecs.table",
    "qdist.files",
    "qdist.data.datasets",
    "qdist.data.files",
    "qdist.data.frames",
    "qdist.data.images",
    "qdist.divergences",
    "qdist.estimators",
    "qdist.evaluate",
    "qdist.heads",
    "qdist.joint",
    "qdist.laws",
    "qdist.losses",
    "qdist.orders",
    "qdist.plots",
    "qdist.quantile",
    "qdist.queries",
    "qdist.registry",
    "qdist.rng",
    "qdist.scores",
    "qdist.testing",
    "qdist.threads",
    "qdist.training",
)

NOTHING_TO_GET_WRONG = "it takes nothing that could be wrong"
MADE_BY_US = "it is made by qdist, of what was checked before"
FIRST_PARTS = "the abstract base: what it is given is checked in the concrete class"
INSIDE = "of a network: called by the joint, which checks shapes and ranks once for all heads"
TRAINED = "called by the training loop, with rows that the estimators have encoded"
WITHOUT_A_ROW = {
    "Association.__init__": MADE_BY_US,
    "Marginal.__init__": MADE_BY_US,
    "Questions.__init__": MADE_BY_US,
    "Report.__init__": MADE_BY_US,
    "Report.table": NOTHING_TO_GET_WRONG,
    "Report.to_dict": NOTHING_TO_GET_WRONG,
    **{
        f"{name}.to_json": NOTHING_TO_GET_WRONG
        for name in ("ColumnSchema", "ImageCodec", "ImageSchema", "Schema", "TableCodec")
    },
    "AbstractStepper.steps": NOTHING_TO_GET_WRONG,
    "Refused.entropy": NOTHING_TO_GET_WRONG,
    "load_penguins": NOTHING_TO_GET_WRONG,
    "backbones": NOTHING_TO_GET_WRONG,
    "heads": NOTHING_TO_GET_WRONG,
    "plugins": NOTHING_TO_GET_WRONG,
    "Registry.backbones": NOTHING_TO_GET_WRONG,
    "Registry.heads": NOTHING_TO_GET_WRONG,
    "Registry.__init__": "its mistakes are those of plugins: tests/test_registry.py",
    "Registry.load": "its mistakes are those of plugins: tests/test_registry.py",
    "are_images": "any data are images or not",
    "order_of": "any numbers have an order",
    "ImageCodec.nearest": "any numbers have a nearest code",
    "rank_of_visible": "any mask has ranks",
    "sees": "any ranks see or do not",
    "to_standard_output": "inside of the shell: tests/test_cli_edges.py",
    "rand": "takes what `torch.rand` takes",
    "with_gradients": NOTHING_TO_GET_WRONG,
    "fill_weights": "damaged files: tests/files",
    **dict.fromkeys(("budget", "origin", "saved_params", "split_summary", "start_summary",
                     "training_summary"), "inside of saving and loading: tests/files"),
    "QuantileFunction.__init__": FIRST_PARTS,
    "AbstractHead.start": FIRST_PARTS,
    "AbstractHead.calibrate": INSIDE,
    "AbstractHead.value_at": INSIDE,
    "AbstractHead.value_of": INSIDE,
    "QuantileFunction.breakpoints": NOTHING_TO_GET_WRONG,
    "inside_unit": NOTHING_TO_GET_WRONG,
    "Rounded.index": INSIDE,
    "Implicit.raw": INSIDE,
    **{
        f"{head}.{method}": INSIDE
        for head in ("BinnedHead", "SplineHead", "ImplicitHead", "CategoricalHead", "ColumnHeads")
        for method in (
            "forward", "loss", "loss_at", "loss_of_cells", "cells", "law_of", "value_at",
            "value_of", "raw", "start", "calibrate", "bin_of", "build", "for_coordinate",
        )
    },
    **{
        f"AbstractBackbone.{method}": INSIDE
        for method in ("at_levels", "cells", "content", "stepper")
    },
    "RecomputeStepper.context": INSIDE,
    "RecomputeStepper.set": INSIDE,
    "RecomputeStepper.take": INSIDE,
    **{
        f"{law}.{method}": TRAINED
        for law in ("ImageLaw", "RegressionLaw")
        for method in ("forward", "start", "questions")
    },
    **{
        f"{law}.{method}": TRAINED
        for law in ("AbstractLaw", "TableLaw")
        for method in ("culprit", "score")
    },
    "FactoredCategorical.__init__": MADE_BY_US,
    "Ensemble.start": INSIDE,
    "Ensemble.calibrate": "its mistakes are those of Autoregressive.calibrate",
    "NetworkJoint.start": INSIDE,
    "Limits.__init__": "its numbers are checked by the estimators",
    "Recipe.__init__": "its numbers are checked by the estimators",
    "Result.__init__": MADE_BY_US,
    "Rows.__init__": MADE_BY_US,
    "split": "its share is checked by the estimators",
    "Checkpoint.part": MADE_BY_US,
    "Noise.__init__": "its seed is checked by `seed_of`",
    "Checkpoint.offer": "full disks: tests/training/test_checkpoint.py",
    **{
        f"{name}.__init__": "as scikit-learn asks it only stores its arguments: `fit` checks them"
        for name in ("TabularModel", "ImageModel", "DistributionRegressor", "QuantileImputer")
    },
}  # fmt: skip


def public_calls():
    """Names of public calls -> their code."""
    found = {}
    for name in PUBLIC:
        module = importlib.import_module(name)
        for public in module.__all__:
            thing = getattr(module, public)
            if not getattr(thing, "__module__", "").startswith("qdist"):
                continue
            if inspect.isclass(thing):
                if issubclass(thing, BaseException):
                    continue
                ours = [cls for cls in thing.__mro__ if cls.__module__.startswith("qdist")]
                for cls, method, inner in ((c, *item) for c in ours for item in vars(c).items()):
                    if (method.startswith("_") and method != "__init__") or method == "extra_repr":
                        continue
                    inner = getattr(inner, "__func__", inner)
                    abstract = getattr(inner, "__isabstractmethod__", False)
                    if isinstance(inner, types.FunctionType) and not abstract:
                        found[f"{cls.__qualname__}.{method}"] = inspect.unwrap(inner).__code__
            elif callable(thing) and isinstance(inspect.unwrap(thing), types.FunctionType):
                found[thing.__qualname__] = inspect.unwrap(thing).__code__
    return found


@pytest.mark.parametrize(("call", "error", "words"), ROWS.values(), ids=ROWS)
def test_a_mistake_ends_in_words_that_help(world, call, error, words):
    TABLE.refusal(world, call, error, words)


def test_every_public_call_has_a_row(fitted, tmp_path):
    passed = set()
    for number, (call, error, words) in enumerate(ROWS.values()):
        (tmp_path / str(number)).mkdir()
        world = TABLE.World(fitted, tmp_path / str(number))
        frame = TABLE.refusal(world, call, error, words).__traceback__
        while frame is not None:
            passed.add(frame.tb_frame.f_code)
            frame = frame.tb_next
    calls = public_calls()
    # The `__init__` of a dataclass is made, and checks nothing: `__post_init__` does.
    lacking = {name for name, code in calls.items() if code not in passed}
    assert not (left := sorted(lacking - set(WITHOUT_A_ROW))), left
    known = {name for name in WITHOUT_A_ROW if name.split(".")[0] not in HEADS}
    assert sorted(known - set(calls)) == [], "these are no public calls any more"


HEADS = ("BinnedHead", "SplineHead", "ImplicitHead", "CategoricalHead", "ColumnHeads")
