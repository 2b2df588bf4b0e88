"""The quantile losses: pure, elementwise, unreduced.

Both are functions of the residual `u = y - q` and of the level, and broadcast. Whoever calls them
takes the mean over levels, rows and coordinates.
"""

from torch import Tensor

from qdist.arguments import instance, number
from qdist.errors import InputError

__all__ = ["huber_pinball", "pinball"]


def pinball(u: Tensor, tau: Tensor | float) -> Tensor:
    r"""The pinball loss, whose expectation is least at the quantile.

    $$\rho_\tau(u) = u\,(\tau - \mathbf 1\{u \le 0\}) = \begin{cases}
    \tau\,u & u > 0 \\ (1 - \tau)\,|u| & u \le 0 \end{cases}$$

    The value $q$ that minimises $E\,\rho_\tau(Y - q)$ is the $\tau$-quantile of $Y$.

    Args:
        u: Residuals $y - q$, shape (...).
        tau: Levels in [0, 1], shape broadcastable with `u`.

    Returns:
        The loss of each residual, shape (...). It is non-negative.

    Raises:
        InputError: `u` is no tensor, or a level that is a number lies outside [0, 1]; those of a
            tensor are not looked at, as training comes through here at every step.

    References:
        Regression Quantiles (Koenker and Bassett, 1978), equation 1.
        <https://www.jstor.org/stable/1913643>

    Examples:
        >>> import torch
        >>> from qdist.losses import pinball
        >>> pinball(torch.tensor([2.0, -2.0]), 0.75)  # 0.75 * 2, 0.25 * 2
        tensor([1.5000, 0.5000])
    """
    _check(u, tau)
    return u * (tau - (u <= 0).to(u.dtype))


def huber_pinball(u: Tensor, tau: Tensor | float, *, kappa: float) -> Tensor:
    r"""The pinball loss with its corner rounded off within `kappa` of zero.

    $$\rho^\kappa_\tau(u) = |\tau - \mathbf 1\{u \le 0\}|\, \frac{L_\kappa(u)}{\kappa}, \qquad
    L_\kappa(u) = \begin{cases} u^2 / 2 & |u| \le \kappa \\
    \kappa\,(|u| - \kappa / 2) & |u| > \kappa \end{cases}$$

    It tends to [`pinball`][qdist.losses.pinball] as $\kappa \to 0$, and is it at $\kappa = 0$. For
    $\kappa > 0$ the minimiser is no longer the quantile (for Exp(1), level 0.9 and $\kappa = 1$ it
    is 2.00, while the quantile is 2.303): keep `kappa` small against the scale of the data, and
    never report this loss as a score.

    Args:
        u: Residuals $y - q$, shape (...).
        tau: Levels in [0, 1], shape broadcastable with `u`.
        kappa: Half-width of the rounded part, in the units of `u`; 0 or more.

    Returns:
        The loss of each residual, shape (...). It is non-negative.

    Raises:
        InputError: `kappa` is negative, infinite or no number, or as in `pinball`.

    References:
        Distributional Reinforcement Learning with Quantile Regression (Dabney et al., 2018),
        equations 9 and 10. <https://arxiv.org/abs/1710.10044>

        Implicit Quantile Networks for Distributional Reinforcement Learning (Dabney et al., 2018),
        equation 3. <https://arxiv.org/abs/1806.06923>

    Examples:
        >>> import torch
        >>> from qdist.losses import huber_pinball
        >>> u = torch.tensor([3.0, 1.0, -1.0])
        >>> huber_pinball(u, 0.75, kappa=2.0)  # 0.75 * (3 - 1), 0.75 * 1/4, 0.25 * 1/4
        tensor([1.5000, 0.1875, 0.0625])
    """
    kappa = number("kappa", kappa, least=0)
    if kappa == 0:
        return pinball(u, tau)
    _check(u, tau)
    size = u.abs()
    near = size.clamp(max=kappa)  # so that the square of a huge residual is never formed
    # NOTE[DIFF]: divided by kappa, as in the IQN paper; the QR-DQN paper has the loss undivided.
    rounded = near * (near / (2 * kappa)) + (size - near)
    return (tau - (u <= 0).to(u.dtype)).abs() * rounded


def _check(u: Tensor, tau: Tensor | float) -> None:
    instance("u", u, of=Tensor, remedy="Call torch.tensor on it.")
    if not isinstance(tau, Tensor):
        level = number("a level", tau)
        if not 0 <= level <= 1:
            raise InputError(f"Expected a level in [0, 1]; got {tau}. Give 0.9 for 90 %.")
