"""What a regressor is made of: features, targets, trees, networks, a forest, an average."""

from qdist.regression.average import average, average_members
from qdist.regression.crossfit import cross_fit
from qdist.regression.embedding import FeatureEmbedding
from qdist.regression.features import FeatureCodec
from qdist.regression.guess import Guess
from qdist.regression.leafwise import LeafwiseTrees
from qdist.regression.members import Members
from qdist.regression.memory import ForestMemory
from qdist.regression.shares import best_shares
from qdist.regression.spread import sharpened, spread_of, stretched
from qdist.regression.targets import TargetCodec
from qdist.regression.trees import SymmetricTrees

__all__ = [
    "FeatureCodec",
    "FeatureEmbedding",
    "ForestMemory",
    "Guess",
    "LeafwiseTrees",
    "Members",
    "SymmetricTrees",
    "TargetCodec",
    "average",
    "average_members",
    "best_shares",
    "cross_fit",
    "sharpened",
    "spread_of",
    "stretched",
]
