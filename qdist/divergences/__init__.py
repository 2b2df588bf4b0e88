"""Distances between two laws, by quadrature over levels: q, h, W1 and Cramer.

The functions are for single laws in float64 and aim at a relative error of 1e-6 or less, heavy
tails included. The mathematics is on the page "The mathematics" of the documentation.

- `quadrature`: adaptive Gauss-Kronrod on many intervals at once;
- `laws`: quantile objects and frozen scipy laws through one interface;
- `axis`: a law on the logarithmic level axis, where both tails are resolved;
- `tails`: what lies beyond the axis, and whether an integral converges;
- `region`: the inner integral of the quantile divergence;
- `between`: the four public functions.
"""

from qdist.divergences.between import cramer as cramer
from qdist.divergences.between import quantile_divergence as quantile_divergence
from qdist.divergences.between import quantile_entropy as quantile_entropy
from qdist.divergences.between import wasserstein1 as wasserstein1

__all__ = ["cramer", "quantile_divergence", "quantile_entropy", "wasserstein1"]
