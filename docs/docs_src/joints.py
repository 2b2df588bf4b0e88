"""Three joint laws from the same marginals: one network, three ways to draw.

    python docs/docs_src/joints.py [--out docs/images/joints.png]

The picture is that of the page on joint laws.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from qdist import registry
from qdist.backbones import AbstractBackbone, Coordinate, TableDomain
from qdist.heads import ColumnHeads
from qdist.joint import Autoregressive, Comonotonic, Independent


def arch(n: int, generator: torch.Generator) -> Tensor:
    """Two coordinates in [0, 1]: the second follows an arch over the first."""
    x = torch.rand(n, generator=generator)
    noise = torch.randn(n, generator=generator)
    y = 0.15 + 0.6 * (torch.pi * x).sin() + 0.05 * noise
    return torch.stack([x, y.clamp(0, 1)], 1)


def fit(rows: Tensor, *, steps: int) -> tuple[AbstractBackbone, ColumnHeads]:
    """Teach one network both marginals and both conditionals, over 40 bins a coordinate."""
    bins = tuple((k / 40, (k + 1) / 40) for k in range(40))
    domain = TableDomain((Coordinate("x", bins=bins), Coordinate("y", bins=bins)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = registry.backbone("mlp")(domain, width=64, blocks=1, dropout=0.0)
        heads = ColumnHeads.build(domain.coordinates, "binned", backbone.context)
    joint = Autoregressive(backbone, heads)
    draw = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(joint.parameters(), lr=3e-3)
    for _ in range(steps):
        batch = rows[torch.randint(len(rows), (256,), generator=draw)]
        rank = torch.randint(2, batch.shape, generator=draw)  # equal: marginals; else conditional
        optimiser.zero_grad()
        joint.loss(batch, rank=rank).sum(1).mean().backward()
        optimiser.step()
    joint.eval()
    return backbone, heads


def main() -> None:
    """Fit once, and draw 600 samples of each joint beside the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/joints.png"))
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()

    rows = arch(4000, torch.Generator().manual_seed(0))
    backbone, heads = fit(rows, steps=arguments.steps)
    shown = {"data": rows[:600]}
    for kind in (Comonotonic, Independent, Autoregressive):
        draw = torch.Generator().manual_seed(2)
        shown[kind.name] = kind(backbone, heads).sample(600, generator=draw)

    figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), sharex=True, sharey=True)
    for ax, (name, sample) in zip(axes, shown.items(), strict=True):
        colour = "#8a8f98" if name == "data" else "#3f51b5"
        ax.scatter(*sample.T.numpy(), s=3, color=colour, linewidths=0)
        ax.set(title=name, xlabel="$y_1$", aspect="equal")
        ax.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("$y_2$")
    figure.tight_layout()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
