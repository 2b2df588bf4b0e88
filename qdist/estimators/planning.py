"""The parameters of a regressor, checked: how it is to be fitted."""

from collections.abc import Sequence
from typing import Any

from qdist import arguments
from qdist.errors import InputError
from qdist.estimators.limits import asked, limits_of
from qdist.estimators.parts import Plan
from qdist.regression.guess import GuessRecipe
from qdist.regression.leafwise import LeafwiseRecipe
from qdist.regression.memory import MemoryRecipe
from qdist.regression.trees import TreeRecipe
from qdist.training import Checkpoint

__all__ = ["plan_of"]


def plan_of(model: Any, checkpoint: Checkpoint) -> Plan:
    """The parameters of a `DistributionRegressor`, checked.

    Args:
        model: The regressor.
        checkpoint: Where its fit is kept.

    Raises:
        InputError: If a parameter is none that can be worked with.
    """
    check = arguments.number
    steps: Any = model.max_steps
    if isinstance(steps, str) or not isinstance(steps, Sequence):
        steps = [steps, steps]
    if len(steps) not in {1, 2}:
        raise InputError(f"Expected max_steps of one number, or one a network; got {steps}.")
    limits = [limits_of(model.max_time, model.max_epochs, n) for n in steps]
    rate = check("learning_rate", model.learning_rate, above=0)
    trees = check("trees", model.trees, least=0, whole=True)
    depth = check("depth", model.depth, least=1, below=17, whole=True)
    return Plan(
        trees=GuessRecipe(
            TreeRecipe(trees=trees, depth=depth),
            LeafwiseRecipe(trees=5 * trees // 3),  # by default 500 beside 300
            folds=check("folds", model.folds, least=2, whole=True),
        ),
        memory=MemoryRecipe(trees=check("forest", model.forest, least=0, whole=True)),
        copies=check("copies", model.copies, least=1, whole=True, optional=True),
        few_values=check("few_values", model.few_values, least=0, whole=True),
        network=arguments.keywords("network_args", model.network_args),
        batch_size=check("batch_size", model.batch_size, least=1, whole=True, optional=True),
        rate=rate / 2e-3,
        limits=(limits[-1], limits[0]),
        fraction=check("validation_fraction", model.validation_fraction, least=0, below=1),
        seed=checkpoint.seed(model.random_state),
        device=model.device,
        callbacks=arguments.functions("callbacks", model.callbacks),
        checkpoint=checkpoint,
        asked=asked(model, limits[0]),
    )
