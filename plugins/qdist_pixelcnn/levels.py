"""Levels inside the network: their embedding, and a stream that reads each level by itself."""

from math import pi
from typing import final

import torch
from torch import Tensor, nn

from qdist_pixelcnn.layers import gate

__all__ = ["LevelEmbedding", "QueryStream"]


@final
class LevelEmbedding(nn.Module):
    r"""Levels as vectors, $\mathrm{relu}(W \cos(\pi i \tau) + b)$ for i = 1 ... n.

    Shape:
        (...) -> (..., width).

    Source:
        "Implicit Quantile Networks for Distributional Reinforcement Learning" (Dabney et al.,
        2018), equation 4.
    """

    def __init__(self, width: int, *, cosines: int) -> None:
        super().__init__()
        self.cosines = cosines
        self.linear = nn.Linear(cosines, width)

    def forward(self, tau: Tensor) -> Tensor:
        """Return the vectors."""
        # NOTE[DIFF]: the paper numbers its cosines from 0; the first would be a second bias.
        number = torch.arange(1, self.cosines + 1, dtype=tau.dtype, device=tau.device)
        vectors: Tensor = self.linear(torch.cos(pi * number * tau.unsqueeze(-1)))
        return vectors.relu()


@final
class QueryStream(nn.Module):
    r"""Reads a coordinate's content at a level: $(z_1, \ldots, z_L, z_{out}), \tau \mapsto h$.

    The content is what the horizontal stack gated in each layer, and what its last layer made;
    it has seen no level. The stream is as deep as the stack, gated and residual alike,

    $$q_l = q_{l-1} + O_l \, g(z_l + A_l q_{l-1} + V_l \phi(\tau)),$$

    but runs at each coordinate by itself. So $h_i(\tau_i)$ is a function of the values that i may
    see and of its own level: a quantile function.

    Args:
        group: Features F of the stream.
        layers: Number L of layers.
        width: Width T of an embedded level.
        context: Width C of a context.
        cosines: Cosines of the embedding.

    Shape:
        Content (..., L * 2 * F + C) and levels (...) that broadcast -> (..., C).
    """

    # NOTE[DIFF]: in the paper levels enter the content streams, so that a context also sees the
    # levels of the coordinates before it. Two streams, as in "XLNet" (Yang et al., 2019), keep
    # them apart.

    def __init__(self, group: int, *, layers: int, width: int, context: int, cosines: int) -> None:
        super().__init__()
        self.parts = [2 * group] * layers + [context]
        self.embed = LevelEmbedding(width, cosines=cosines)
        self.enter = nn.ModuleList(nn.Linear(width, 2 * group, bias=False) for _ in range(layers))
        # In the first layer there is nothing yet to carry on.
        self.carry = nn.ModuleList(
            nn.Linear(group, 2 * group, bias=False) for _ in range(layers - 1)
        )
        self.leave = nn.ModuleList(nn.Linear(group, group) for _ in range(layers))
        self.read = nn.Linear(group, context, bias=False)

    def forward(self, content: Tensor, tau: Tensor) -> Tensor:
        """Return the contexts at the levels."""
        *layers, last = content.split(self.parts, -1)
        phi = self.embed(tau)
        q: Tensor | None = None
        for k, z in enumerate(layers):
            z = z + self.enter[k](phi)
            if q is None:
                q = self.leave[k](gate(z, dim=-1))
            else:
                q = q + self.leave[k](gate(z + self.carry[k - 1](q), dim=-1))
        assert q is not None
        context: Tensor = last + self.read(q.relu())
        return context.relu()
