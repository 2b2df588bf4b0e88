"""The class of an image as one more thing that can be unknown: shares, posteriors, draws."""

import torch
from torch import Tensor

from qdist.codecs.image import ImageSchema
from qdist.laws.image import ImageLaw
from qdist.rng import uniforms

__all__ = ["classes_by_share", "draw_classes", "log_joint", "log_shares"]


def log_shares(schema: ImageSchema) -> Tensor:
    """Log shares of the classes among the fitted images, shape (K,), float64.

    Example:
        >>> log_shares(ImageSchema(height=1, width=1, classes=("a", "b"), counts=(3, 1))).exp()
        tensor([0.7500, 0.2500], dtype=torch.float64)
    """
    counts = torch.tensor(schema.counts, dtype=torch.float64)
    return (counts / counts.sum()).log()


def log_joint(law: ImageLaw, codes: Tensor, *, where: Tensor | None = None) -> Tensor:
    """Log probabilities of each class together with grey values.

    Args:
        law: A law with K classes.
        codes: Grey values of images, shape (N, H * W * C).
        where: Which of them count, bool, of the same shape; by default all. Those that count
            must come before those that do not.

    Returns:
        Log probabilities, shape (N, K), float64. Their softmax is the law of the class.

    Raises:
        UnsupportedError: If the network reads the levels of other pixels, and has no law.
    """
    columns = []
    for k, share in enumerate(log_shares(law.codec.schema)):
        label = torch.full((len(codes), 1), float(k))
        mass = law.log_mass(torch.cat([label, codes.float()], 1)).double()
        if where is not None:
            mass = torch.where(where, mass, 0.0)
        columns.append(mass.sum(1) + share)
    return torch.stack(columns, 1)


def draw_classes(log_p: Tensor, *, seed: int) -> Tensor:
    """Draw a class for each row, from the first column of uniforms: that of coordinate 0.

    Args:
        log_p: Unnormalised log probabilities, shape (N, K), float64.
        seed: The seed; a row's class depends on it and on the row only.

    Returns:
        Codes of classes, shape (N,), int64.
    """
    level = uniforms(seed, range(len(log_p)), columns=1)
    cumulative = log_p.softmax(1).cumsum(1)
    code = torch.searchsorted(cumulative.contiguous(), level).squeeze(1)
    return code.clamp(max=log_p.shape[1] - 1)


def classes_by_share(schema: ImageSchema, n: int, *, seed: int) -> Tensor:
    """Draw n classes as often as they were fitted.

    Args:
        schema: What was made out of images with classes.
        n: How many.
        seed: As of `draw_classes`.

    Returns:
        Codes of classes, shape (n,), int64.
    """
    return draw_classes(log_shares(schema).expand(n, -1), seed=seed)
