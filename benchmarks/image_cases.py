"""The images and the heads that are compared, and how a model of them is made."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import common

# Of learning, to choose from. At 0.032 fits of 300 steps end as well or better (the scores are
# kept in results/image_rates.json), but those of thousands had their best score at step 460.
RATES = (4e-3, 8e-3, 1.6e-2)
FEW_HELD_OUT = 128  # training images for early stopping, where a fit takes minutes

# The same backbone under every head; "levels" is where the level enters it.
HEADS: dict[str, dict[str, Any]] = {
    "categorical": {"head": "categorical"},
    "implicit, blocks": {"head": "implicit", "levels": "blocks", "head_args": {"kappa": 0.002}},
    "implicit, query": {"head": "implicit", "levels": "query", "head_args": {"n_tau": 2}},
    "binned": {"head": "binned"},
    "spline": {"head": "spline"},
}


@dataclass(frozen=True)
class Case:
    """One set of images, and the backbone for it."""

    name: str
    features: int
    layers: int
    seeds: int
    minutes: float = 20
    steps: int = 3000  # of the table at equal steps

    def load(self) -> tuple[npt.NDArray[Any], ...]:
        """Training images and labels, test images and labels."""
        folder = common.data_folder() / "images"
        if self.name == "cifar16":
            with np.load(folder / "cifar10_lossless4k.npz", allow_pickle=False) as file:
                x, y = halved(file["x"]), file["y"]
            return x[:-500], y[:-500], x[-500:], y[-500:]
        with np.load(folder / "mnist.npz", allow_pickle=False) as file:
            parts = tuple(file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
        x, y, x_test, y_test = parts
        return (halved(x), y, halved(x_test), y_test) if self.name == "mnist14" else parts


CASES = {
    case.name: case
    for case in (
        Case("mnist14", features=32, layers=6, seeds=3),
        Case("mnist28", features=32, layers=6, seeds=1, steps=1000),
        Case("cifar16", features=64, layers=8, seeds=1, steps=1000),
    )
}


def halved(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Averages of 2 x 2 pixels, rounded to whole grey values."""
    n, height, width, *rest = images.shape
    blocks = images.reshape(n, height // 2, 2, width // 2, 2, *rest).astype(np.float32)
    return blocks.mean((2, 4)).round().astype(np.uint8)


def model_args(case: Case, head: str, seed: int, held_out: float) -> dict[str, Any]:
    """Arguments of `ImageModel`, but for the limits and the learning rate."""
    settings = dict(HEADS[head])
    levels = settings.pop("levels", "head")
    return {
        **settings,
        "backbone_args": {"features": case.features, "layers": case.layers, "levels": levels},
        "random_state": seed,
        "validation_fraction": held_out,
    }
