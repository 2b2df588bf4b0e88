r"""Marginal calibration: the mean of a head's laws is moved to the shares that were observed.

Where predicted laws are right on average, $\frac{1}{N} \sum_n F_n = \hat F$. A network that was
stopped early, averaged, and trained with dropout is not quite there, and a chain of laws passes
its errors on.

Sources: "Probabilistic forecasts, calibration and sharpness" (Gneiting, Balabdaoui and Raftery,
2007) for the notion; "On a least squares adjustment of a sampled frequency table when the expected
marginal totals are known" (Deming and Stephan, 1940) for the proportional fitting.
"""

import torch
from torch import Tensor, nn

from qdist.errors import InputError

__all__ = ["counted", "move_mean", "shares_of"]

_ROUNDS = 20
# No log probability moves by more than this: a larger error is not one of the marginal law.
# NOTE[DIFF]: proportional fitting goes as far as the shares ask.
_MOST = 0.3
_RIDGE = 1e-3
_MORE = 0.005  # share of the targets, at most, that is added to all codes, lest atoms be too rare
# Contexts are of order one. Squares below this are rounding noise about context 0.
_NOTHING = 1e-8


def shares_of(code: Tensor, *, size: int, weight: Tensor | None = None) -> Tensor:
    """The shares (size,), float64, of codes (N,) of weights (N,); none is empty.

    Each code counts a part of a target more, so that one that was not seen can be drawn, and
    learnt: half a target, or less where so much for all codes would be more than one target in two
    hundred.

    Raises:
        InputError: If a code is not in 0 ... size - 1.
    """
    if len(code) and not 0 <= int(code.min()) <= int(code.max()) < size:
        raise InputError(
            f"Expected codes in 0 ... {size - 1}; got {int(code.min())} ... {int(code.max())}. "
            "Give rows as `encode` does."
        )
    # Doubles, as a sum of single precision stops growing after some millions of rows.
    weight = None if weight is None else weight.double()
    count = torch.bincount(code, weights=weight, minlength=size).double()
    count += min(0.5, _MORE * max(float(count.sum()), 1.0) / size)
    return count / count.sum()


def counted(target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Targets and weights (N,) as they are; bytes without weights as each value and its count.

    Images have many bytes, and each would take the memory of a float and of a code on the way.
    """
    if weight is not None or target.dtype != torch.uint8:
        return target, weight
    count = torch.bincount(target.flatten(), minlength=256)
    there = count.nonzero().squeeze(1)
    return there, count[there].double()


@torch.no_grad()
def move_mean(
    layer: nn.Linear, h: Tensor, logits: Tensor, shares: Tensor, *, basis: Tensor | None = None
) -> None:
    r"""Change a layer so that the mean of its softmax over contexts has these shares.

    The change is of rank one, $W + c\,d^\top$, with $d$ such that $d^\top h$ is near 1 for the
    contexts. So all logits move by about $c$, and at context 0 by nothing. If the mean would come
    no nearer to the shares, the layer is left as it was.

    Args:
        layer: Of weight W, shape (A, C).
        h: Contexts, shape (N, C).
        logits: What the head makes of them, shape (N, K).
        shares: Shape (K,).
        basis: From the layer's outputs to logits, shape (A, K); by default they are the logits.
    """
    h, shares = h.double(), shares.double()
    mean = h.mean(0)
    second = h.T @ h / len(h)
    scale = second.diagonal().mean()
    if not bool(scale > _NOTHING):  # there the law is the marginal one
        return
    eye = torch.eye(len(second), dtype=second.dtype, device=second.device)
    direction = torch.linalg.solve(second + _RIDGE * scale * eye, mean)

    p = logits.softmax(-1)
    shift = torch.zeros_like(shares)
    for _ in range(_ROUNDS):
        now = _mean_of(p, shift)
        shift = (shift + (shares / now).log()).clamp(-_MOST, _MOST)
    change = shift if basis is None else _coefficients(shift, basis.double(), shares)
    moved = change if basis is None else change @ basis.double()
    gate = (h @ direction).to(p.dtype).unsqueeze(-1)
    after = (logits + gate * moved.to(p.dtype)).softmax(-1).mean(0, dtype=torch.float64)
    before = p.mean(0, dtype=torch.float64)
    if (after - shares).abs().sum() < (before - shares).abs().sum():
        layer.weight += torch.outer(change, direction).to(layer.weight.dtype)


def _mean_of(p: Tensor, shift: Tensor) -> Tensor:
    """The mean (K,), float64, of laws (N, K) whose log probabilities are shifted by (K,)."""
    factor = shift.exp().to(p.dtype)
    # The mean of p * factor / sum(p * factor), without an array of that size.
    return (p.T @ (1.0 / (p @ factor)) * factor).double() / len(p)


def _coefficients(shift: Tensor, basis: Tensor, shares: Tensor) -> Tensor:
    """The coefficients (A,) whose logits are nearest to a shift (K,), but for a constant."""
    rows = torch.cat([basis, torch.ones_like(basis[:1])])
    gram = rows * shares @ rows.T
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    ridge = 1e-6 * gram.diagonal().mean() * eye
    found: Tensor = torch.linalg.solve(gram + ridge, rows @ (shares * shift))
    return found[:-1]
