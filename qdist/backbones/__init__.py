r"""Backbones: modules that turn what is already known of y into the context that a head reads.

One law of causality covers every model: **$h_i$ may depend on $y_j$ if and only if
$\mathrm{rank}_j < \mathrm{rank}_i$**; conditioning variables x have rank -1. A chain, an image in
raster order, a table with some columns known, and independent marginals are different ranks,
not different contracts (see [`qdist.orders`][qdist.orders]).

Not every network can serve every rank. A class declares which it can:

| `serves` | ranks | example |
| --- | --- | --- |
| `"fixed"` | `arange(D)` only | a raster convolution |
| `"two_level"` | at most two different ranks in a row: any visible set | a masked MLP |
| `"any"` | all | masked attention |

Levels may enter a network too. An instance says by `sees_levels` how far they reach:

| `sees_levels` | $h_i$ depends on | what a joint can do with it |
| --- | --- | --- |
| `"none"` | no level | all that its heads can |
| `"own"` | $\tau_i$ | all that an implicit head can: $\tau_i \mapsto Q_i(\tau_i)$ is a function |
| `"past"` | $\tau_i$ and $\tau_j$ of lower rank | the loss and sampling only |

The last row is the PixelIQN: in training $\tau_j$ says nothing of $y_j$, in sampling it determines
$y_j$, so that $h_i$ stands for no law of $y_i$ given the values seen.

An image may have a class label. It is the *first* coordinate of its domain, a conditioning
variable that every pixel sees: coordinate 0 is the label, the pixels follow (see
[`ImageDomain`][qdist.backbones.ImageDomain]).

[`check_backbone`][qdist.testing.check_backbone] proves the law by gradients.
"""

from qdist.backbones.base import AbstractBackbone, RecomputeStepper
from qdist.backbones.domains import Coordinate, Domain, ImageDomain, TableDomain
from qdist.backbones.steppers import AbstractStepper, BranchingStepper

__all__ = [
    "AbstractBackbone",
    "AbstractStepper",
    "BranchingStepper",
    "Coordinate",
    "Domain",
    "ImageDomain",
    "RecomputeStepper",
    "TableDomain",
]
