"""Pictures, by matplotlib: `pip install 'qdist[plot]'`."""

from qdist.plots.distances import divergence
from qdist.plots.marginals import marginals

__all__ = ["divergence", "marginals"]
