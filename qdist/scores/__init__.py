r"""Scores of forecasts against what was observed: tensors or arrays in, float64 numbers out.

The score of a forecast comes back unreduced, one number for each observation; a property of many
forecasts together (a coverage, a calibration) is a single number. All are lower-is-better except
`coverage` and `calibration_curve`, which are compared with what they should be.

**Missing values.** The score of a missing observation, or of a forecast with holes, is not
defined: NaN anywhere raises `InputError`, and is never dropped in silence.
"""

from qdist.scores.calibration import calibration_curve as calibration_curve
from qdist.scores.calibration import calibration_error as calibration_error
from qdist.scores.calibration import pit_distance as pit_distance
from qdist.scores.intervals import coverage as coverage
from qdist.scores.intervals import interval_score as interval_score
from qdist.scores.intervals import interval_width as interval_width
from qdist.scores.quantiles import crps_quantiles as crps_quantiles
from qdist.scores.quantiles import midpoint_levels as midpoint_levels
from qdist.scores.samples import crps_ensemble as crps_ensemble
from qdist.scores.samples import energy_distance as energy_distance
from qdist.scores.samples import energy_score as energy_score

__all__ = [
    "calibration_curve",
    "calibration_error",
    "coverage",
    "crps_ensemble",
    "crps_quantiles",
    "energy_distance",
    "energy_score",
    "interval_score",
    "interval_width",
    "midpoint_levels",
    "pit_distance",
]
