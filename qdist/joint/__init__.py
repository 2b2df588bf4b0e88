"""Joint laws from quantile functions: what each coordinate may see, times how levels are drawn."""

from qdist.joint.autoregressive import Autoregressive as Autoregressive
from qdist.joint.base import AbstractJoint as AbstractJoint
from qdist.joint.comonotonic import Comonotonic as Comonotonic
from qdist.joint.ensemble import Ensemble as Ensemble
from qdist.joint.hidden import Draw as Draw
from qdist.joint.independent import Independent as Independent
from qdist.joint.network import NetworkJoint as NetworkJoint

__all__ = [
    "AbstractJoint",
    "Autoregressive",
    "Comonotonic",
    "Draw",
    "Ensemble",
    "Independent",
    "NetworkJoint",
]
