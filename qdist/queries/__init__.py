"""What a fitted table can be asked: functions of its codec and its law."""

from qdist.queries.condition import NOTHING as NOTHING
from qdist.queries.condition import Nan as Nan
from qdist.queries.conditional import cdf as cdf
from qdist.queries.conditional import predict_dist as predict_dist
from qdist.queries.conditional import prob_missing as prob_missing
from qdist.queries.conditional import quantile as quantile
from qdist.queries.density import score_samples as score_samples
from qdist.queries.imputation import impute as impute
from qdist.queries.outliers import explain_outliers as explain_outliers
from qdist.queries.ranges import Range as Range
from qdist.queries.rosenblatt import inverse_rosenblatt as inverse_rosenblatt
from qdist.queries.rosenblatt import rosenblatt as rosenblatt
from qdist.queries.sampling import sample as sample

__all__ = [
    "NOTHING",
    "Nan",
    "Range",
    "cdf",
    "explain_outliers",
    "impute",
    "inverse_rosenblatt",
    "predict_dist",
    "prob_missing",
    "quantile",
    "rosenblatt",
    "sample",
    "score_samples",
]
