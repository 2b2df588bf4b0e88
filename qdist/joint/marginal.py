"""What the two joints of marginals share: every coordinate sees x, and nothing else."""

import torch
from torch import Tensor

from qdist.errors import UnsupportedError
from qdist.joint.levels import PAST
from qdist.joint.network import NetworkJoint

__all__ = ["check_marginal", "check_serves_marginals", "marginal_rank"]


def marginal_rank(joint: NetworkJoint) -> Tensor:
    """Rank 0 for every coordinate, -1 for x."""
    rank = torch.zeros(joint.dim, dtype=torch.long)
    rank[list(joint.conditioning)] = -1
    return rank


def check_serves_marginals(joint: NetworkJoint) -> None:
    """Refuses at construction a backbone that always chains its coordinates."""
    if joint.backbone.serves == "fixed" and joint.dim > 1:
        raise UnsupportedError(
            f"The {joint.name} joint needs contexts that see x only (equal ranks); got backbone "
            f"{joint.backbone.name!r}, which serves the order 0 ... {joint.dim - 1} only. Use the "
            "autoregressive joint, or a backbone that serves any visible set."
        )
    if joint.backbone.sees_levels == "past":
        raise UnsupportedError(f"The {joint.name} joint needs laws given x alone, but {PAST}")


def check_marginal(joint: NetworkJoint, rank: Tensor) -> None:
    """Refuses ranks under which a coordinate would see another that is not x."""
    if bool((rank > 0).any()):
        raise UnsupportedError(
            f"The {joint.name} joint lets a coordinate see x only: expected ranks 0, and -1 for "
            f"x; got up to {int(rank.max())}. Leave `rank` out, or use the autoregressive joint."
        )
