"""How far a synthetic table is from a real one: two frames of any make in, a report out."""

from qdist.evaluate.evaluation import evaluate
from qdist.evaluate.report import Association, Marginal, Report

__all__ = ["Association", "Marginal", "Report", "evaluate"]
