"""The quantile divergence of two laws beside their Wasserstein distance."""

from typing import Any

import numpy as np

from qdist.divergences import quantile_divergence, wasserstein1
from qdist.divergences.axis import place, quantile_of
from qdist.divergences.laws import Law, law_of
from qdist.divergences.quadrature import Array
from qdist.divergences.region import Region
from qdist.extras import require

__all__ = ["divergence"]

LAW, MODEL, GAP, COST = "#3f51b5", "#e07b39", "#8a8f98", "#00897b"
# Heavy tails are drawn up to these levels only; the numbers have no such limit.
SHOWN = 0.005


def divergence(P: Any, Q: Any) -> Any:
    r"""Draws how $W_1$ and the quantile divergence $q$ measure the gap between two laws.

    Left: both cdfs; the area between them is $W_1$. Right, over levels: the gap
    $|Q_P(\tau) - Q_Q(\tau)|$, whose area is $W_1$ too, and the cost of that gap, the inner
    integral $\int_{Q_P(\tau)}^{Q_Q(\tau)} (F_P(x) - \tau)\,dx$, whose area is $q$. Below:
    where $q$ lies between its bounds $W_1^2 / (2 L)$ (0 on an unbounded support) and $W_1 / 2$.

    Args:
        P: The law of the data: a quantile object with batch shape () in float64 that has a cdf, or
            a frozen `scipy.stats` law.
        Q: The model, another.

    Returns:
        A `matplotlib.figure.Figure`, made without pyplot: it shows itself in a notebook,
        and `savefig` writes it. Nothing needs closing.

    Raises:
        ExtraMissingError: If matplotlib is not installed.
        InputError: If one of the two integrals diverges, or an argument is not a single law in
            float64.

    Examples:
        >>> from scipy import stats
        >>> from qdist.plots import divergence
        >>> figure = divergence(stats.uniform(0, 1), stats.uniform(0, 2))
        >>> figure.axes[2].get_title()
        'W₁²/2L = 0.0625  ≤  q = 0.0833  ≤  W₁/2 = 0.25'
    """
    figures = require("matplotlib.figure", extra="plot")
    p, q = law_of(P), law_of(Q)
    w1, cost = wasserstein1(P, Q), quantile_divergence(P, Q)
    figure = figures.Figure(figsize=(8.4, 4.1), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[5, 1])
    _cdfs(figure.add_subplot(grid[0, 0]), p, q)
    _levels(figure.add_subplot(grid[0, 1]), p, q)
    _bounds(figure.add_subplot(grid[1, :]), cost, w1, _length(p, q))
    for axes in figure.axes:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _cdfs(axes: Any, p: Law, q: Law) -> None:
    ends = [f(np.array([SHOWN]))[0] for law in (p, q) for f in (law.ppf, law.isf)]
    margin = 0.04 * (max(ends) - min(ends))
    x = np.linspace(min(ends) - margin, max(ends) + margin, 1001)
    below, model = p.cdf(x), q.cdf(x)
    axes.fill_between(x, below, model, color=GAP, alpha=0.3, linewidth=0, label="area $W_1$")
    axes.plot(x, below, color=LAW, label="$F_P$")
    axes.plot(x, model, color=MODEL, label="$F_Q$")
    axes.set(xlabel="value $x$", ylabel="level", ylim=(-0.02, 1.02))
    axes.legend(frameon=False, fontsize=8)


def _levels(axes: Any, p: Law, q: Law) -> None:
    tau = np.linspace(SHOWN, 1 - SHOWN, 1001)
    z = place(tau, 1 - tau)
    a, b = quantile_of(p)(z), quantile_of(q)(z)
    with np.errstate(all="ignore"):
        cost: Array = Region(p)(z, b)
    for height, colour, label in (
        (np.abs(a - b), GAP, r"gap $|Q_P(\tau) - Q_Q(\tau)|$, area $W_1$"),
        (cost, COST, r"its cost $\int (F_P - \tau)\,dx$, area $q$"),
    ):
        axes.fill_between(tau, height, color=colour, alpha=0.3, linewidth=0)
        axes.plot(tau, height, color=colour, label=label)
    # Room for the legend above the curves.
    axes.set(xlabel=r"level $\tau$", xlim=(0, 1), ylim=(0, 1.35 * float(np.abs(a - b).max()) or 1))
    axes.legend(frameon=False, fontsize=8, loc="upper center")


def _bounds(axes: Any, cost: float, w1: float, length: float) -> None:
    low, high = w1**2 / (2 * length) if length else 0.0, w1 / 2
    axes.plot([low, high], [0, 0], color=GAP, linewidth=5, alpha=0.4, solid_capstyle="butt")
    axes.plot([low, high], [0, 0], "|", color=GAP, markersize=14, markeredgewidth=2)
    axes.plot([cost], [0], "o", color=COST, markersize=8)
    least = "0" if np.isinf(length) else f"W₁²/2L = {low:.3g}"
    axes.set_title(f"{least}  ≤  q = {cost:.3g}  ≤  W₁/2 = {high:.3g}", fontsize=9)
    axes.set(yticks=[], ylim=(-1, 1), xlim=(0, 1.05 * high or 1))
    axes.spines["left"].set_visible(False)


def _length(p: Law, q: Law) -> float:
    """Length of the smallest interval that holds both supports."""
    zero = np.zeros(1)
    low = min(float(law.ppf(zero)[0]) for law in (p, q))
    high = max(float(law.isf(zero)[0]) for law in (p, q))
    return high - low
