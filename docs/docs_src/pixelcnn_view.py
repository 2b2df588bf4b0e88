"""What one pixel of a Gated PixelCNN sees, by gradients: docs/images/pixelcnn-view.png."""

import sys

import matplotlib.pyplot as plt
import torch

from qdist.backbones import ImageDomain
from qdist_pixelcnn import GatedPixelCNN


def view(layers: int) -> torch.Tensor:
    """How strongly the context in the middle of a 13 x 21 image depends on each pixel."""
    torch.manual_seed(0)
    domain = ImageDomain(13, 21, 1)
    net = GatedPixelCNN(domain, features=32, layers=layers, first=3, kernel=3)
    y = torch.randint(256, (32, domain.dim)).float().requires_grad_()
    h = net(y, torch.arange(domain.dim))[:, domain.index(9, 10)]
    (gradient,) = torch.autograd.grad((h @ torch.randn(net.context)).sum(), y)
    return gradient.abs().amax(0).view(13, 21)


def main(path: str = "docs/images/pixelcnn-view.png") -> None:
    """Draw one to five layers."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.3), layout="constrained")
    for ax, layers in zip(axes, (1, 3, 5), strict=True):
        seen = view(layers)
        ax.imshow((seen > 0).float(), cmap="Blues", vmin=0, vmax=1.6)
        ax.scatter(10, 9, marker="s", s=22, color="tab:red")
        ax.set_title(f"{layers} layer{'s' if layers > 1 else ''} of width 3", fontsize=10)
        ax.set_xticks([])
        ax.set_yticks([])
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
