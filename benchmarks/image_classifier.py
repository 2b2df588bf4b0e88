"""A small convolutional classifier: its features, and its accuracy when taught by samples alone.

The features are those of this classifier, trained on the real images at hand; distances in them
are not to be compared with those in the features of any other network.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from qdist.rng import isolated_rng

__all__ = ["Classifier", "train_classifier"]

_AT_ONCE = 1000


class Classifier(nn.Module):
    """Two convolutions, a layer of features, a layer of classes.

    Args:
        shape: Of an image, (H, W) or (H, W, C).
        classes: How many.
        features: How many.
    """

    def __init__(self, shape: tuple[int, ...], *, classes: int, features: int = 64) -> None:
        super().__init__()
        channels = shape[2] if len(shape) == 3 else 1
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * (shape[0] // 4) * (shape[1] // 4), features),
            nn.ReLU(),
        )
        self.last = nn.Linear(features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of planes (B, C, H, W)."""
        logits: Tensor = self.last(self.body(images))
        return logits

    @torch.no_grad()
    def features(self, images: Any) -> npt.NDArray[np.float64]:
        """Features (N, F) of images (N, H, W) or (N, H, W, C), uint8."""
        self.eval()
        parts = [
            self.body(planes(images[k : k + _AT_ONCE])) for k in range(0, len(images), _AT_ONCE)
        ]
        return torch.cat(parts).double().numpy()

    @torch.no_grad()
    def accuracy(self, images: Any, labels: Any) -> float:
        """The share of images (N, ...) whose label (N,) it finds."""
        self.eval()
        parts = [self(planes(images[k : k + _AT_ONCE])) for k in range(0, len(images), _AT_ONCE)]
        return float((torch.cat(parts).argmax(1).numpy() == np.asarray(labels)).mean())


def planes(images: Any) -> Tensor:
    """Images (N, H, W) or (N, H, W, C), uint8, as planes (N, C, H, W) in [0, 1]."""
    stack = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    return stack.unsqueeze(1) if stack.dim() == 3 else stack.permute(0, 3, 1, 2)


def train_classifier(images: Any, labels: Any, *, seed: int, steps: int = 1500) -> Classifier:
    """Train a classifier by a fixed recipe: no early stopping, nothing looks at a test set.

    Args:
        images: Images, shape (N, H, W) or (N, H, W, C), uint8.
        labels: Classes 0 ... K - 1, shape (N,).
        seed: Determines everything that is random.
        steps: Of 128 images, at a rate that falls linearly from 2e-3 to 0.

    Returns:
        The classifier.
    """
    target = torch.as_tensor(np.asarray(labels)).long()
    generator = torch.Generator().manual_seed(seed)
    with isolated_rng(seed):
        net = Classifier(images.shape[1:], classes=int(target.max()) + 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - step / steps)
        at = torch.randint(len(images), (min(128, len(images)),), generator=generator)
        loss = nn.functional.cross_entropy(net(planes(images[at.numpy()])), target[at])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()
