"""The marginals of a real and a synthetic table, side by side."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from qdist.data.pairs import ColumnPair, pair_columns
from qdist.errors import InputError, UnknownNameError
from qdist.extras import require

__all__ = ["marginals"]

REAL, SYNTHETIC = "#8a8f98", "#3f51b5"
# A column of numbers with no more values than this is drawn as bars.
FEW = 12
MICROSECONDS = 24 * 3600e6  # of a day


def marginals(
    real: Any,
    synthetic: Any,
    *,
    columns: list[str] | None = None,
    bins: int = 30,
    max_levels: int = 12,
    n_across: int = 4,
) -> Any:
    """Draws each column's marginal in both tables: real in grey, synthetic in blue.

    Numbers and times are histograms, numbers of few values and categories are bars (the most
    frequent real levels; the others share the bar "other"). Heights are shares of all rows. Where
    cells are missing, their shares are the two hatched bars at the right.

    The range of a histogram is that of the real column between its 0.5 % and 99.5 % quantiles;
    what lies beyond it, in either table, counts in the outermost bins.

    Args:
        real: A frame of any make.
        synthetic: A frame with the same columns, of any make.
        columns: Those to draw; all by default.
        bins: Bins of a histogram.
        max_levels: Bars of a category, besides "other" and "missing".
        n_across: Plots in a row.

    Returns:
        A `matplotlib.figure.Figure`, made without pyplot: it shows itself in a notebook,
        and `savefig` writes it. Nothing needs closing.

    Raises:
        ExtraMissingError: If matplotlib is not installed.
        InputError: If the frames do not have the same columns of the same kinds, or nothing is to
            be drawn.
        UnknownNameError: If one of `columns` does not exist.

    Example:
        >>> from qdist.data.datasets import load_penguins
        >>> from qdist.plots import marginals
        >>> birds = load_penguins()
        >>> figure = marginals(birds[::2], birds[1::2], columns=["species", "bill_length_mm"])
        >>> [axes.get_title() for axes in figure.axes]
        ['species', 'bill_length_mm']
    """
    figures = require("matplotlib.figure", extra="plot")
    pairs = _chosen(pair_columns(real, synthetic), columns)
    if min(bins, max_levels, n_across) < 1:
        raise InputError(
            "Expected bins, max_levels and n_across of at least 1; got "
            f"{bins}, {max_levels} and {n_across}."
        )
    across = min(n_across, len(pairs))
    down = math.ceil(len(pairs) / across)
    figure = figures.Figure(figsize=(2.8 * across, 2.2 * down + 0.4), layout="constrained")
    for k, pair in enumerate(pairs):
        axes = figure.add_subplot(down, across, k + 1)
        if pair.is_category or _n_values(pair) <= FEW:
            _bars(axes, pair, max_levels)
        else:
            _histogram(axes, pair, bins)
        axes.set_title(pair.name, fontsize=9, parse_math=False)  # dollars are dollars
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles[:2], labels[:2], loc="outside upper right", ncols=2, frameon=False)
    return figure


def _chosen(pairs: list[ColumnPair], columns: list[str] | None) -> list[ColumnPair]:
    if columns is None:
        return pairs
    known = {pair.name: pair for pair in pairs}
    lacking = [name for name in columns if name not in known]
    if lacking:
        raise UnknownNameError(f"Expected columns in {list(known)}; got {lacking}.")
    if not columns:
        raise InputError("Expected at least one column to draw; got none.")
    return [known[name] for name in columns]


def _n_values(pair: ColumnPair) -> int:
    return len(np.unique(pair.real[np.isfinite(pair.real)]))


def _histogram(axes: Any, pair: ColumnPair, bins: int) -> None:
    low, high = np.quantile(pair.real[np.isfinite(pair.real)], [0.005, 0.995])
    edges = np.linspace(low, high, bins + 1) if high > low else np.array([low - 0.5, low + 0.5])
    # matplotlib counts days since 1970.
    shown = edges / MICROSECONDS if pair.kind == "time" else edges
    for values, colour, label in _sides(pair):
        known = np.clip(values[~np.isnan(values)], edges[0], edges[-1])
        shares = np.histogram(known, edges)[0] / len(values)
        style = {"fill": True, "alpha": 0.7} if label == "real" else {"linewidth": 1.5}
        axes.stairs(shares, shown, color=colour, label=label, **style)
    width = shown[-1] - shown[0]
    _missing_bars(axes, pair, at=shown[-1] + 0.12 * width, width=0.05 * width)
    if pair.kind == "time":
        axes.xaxis_date()
        axes.tick_params(axis="x", rotation=30)


def _bars(axes: Any, pair: ColumnPair, max_levels: int) -> None:
    names, codes = _levels(pair)
    size = len(names)
    counts = [np.bincount(code[code >= 0], minlength=size) for code in codes]
    shares = [count / len(code) for count, code in zip(counts, codes, strict=True)]
    kept = np.argsort(-shares[0] - 1e-9 * shares[1], kind="stable")[:max_levels]
    if not pair.is_category:
        kept = np.sort(kept)
    rest = np.setdiff1d(np.arange(size), kept)
    labels = [names[k] for k in kept] + (["other"] if len(rest) else [])
    at = np.arange(len(labels))
    for share, (_, colour, label), shift in zip(shares, _sides(pair), (-0.2, 0.2), strict=True):
        heights = [*share[kept], share[rest].sum()] if len(rest) else share[kept]
        axes.bar(at + shift, heights, 0.4, color=colour, label=label)
    short = [_short(label) for label in labels]
    axes.set_xticks(at, short, rotation=30, ha="right", parse_math=False)
    _missing_bars(axes, pair, at=len(labels) + 0.2, width=0.4)


def _levels(pair: ColumnPair) -> tuple[list[str], list[npt.NDArray[np.int64]]]:
    """Names of the levels, and codes of both sides: -1 where a cell is missing."""
    if pair.is_category:
        sides = (pair.real, pair.synthetic)
        holes = zip(sides, pair.missing, strict=True)
        return list(pair.levels), [np.where(hole, -1, codes) for codes, hole in holes]
    known = np.unique(np.concatenate([pair.real, pair.synthetic]))
    known = known[~np.isnan(known)]
    codes = [
        np.where(np.isnan(values), -1, np.searchsorted(known, values))
        for values in (pair.real, pair.synthetic)
    ]
    if pair.kind == "time":
        return [str(time)[:10] for time in known.astype("datetime64[us]")], codes
    return [f"{value:g}" for value in known], codes


def _missing_bars(axes: Any, pair: ColumnPair, *, at: float, width: float) -> None:
    shares = [float(missing.mean()) for missing in pair.missing]
    if not any(shares):
        return
    for share, (_, colour, _), side in zip(shares, _sides(pair), (-0.5, 0.5), strict=True):
        axes.bar(at + side * width, share, width, color=colour, hatch="///", edgecolor="white")
    axes.annotate(
        "missing",
        (at, max(shares)),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        fontsize=6,
        annotation_clip=False,
    )


def _sides(pair: ColumnPair) -> list[tuple[npt.NDArray[Any], str, str]]:
    return [(pair.real, REAL, "real"), (pair.synthetic, SYNTHETIC, "synthetic")]


def _short(label: str) -> str:
    return label if len(label) <= 14 else label[:13] + "…"
