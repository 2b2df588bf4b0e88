"""Pictures, by matplotlib: `pip install 'qdist[plot]'`."""

from qdist.plots.marginals import marginals

__all__ = ["marginals"]
