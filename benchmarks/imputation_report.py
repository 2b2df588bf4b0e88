"""The page of `benchmarks.imputation`: ours and the others, set by set.

python -m benchmarks.imputation_report [--check]
"""

import statistics
from typing import Any

from benchmarks import common
from benchmarks.duels import Duel, duel
from benchmarks.imputation import METHODS, PATTERNS
from benchmarks.report import machine_text

NOTES = common.ROOT / "notes" / "imputation.md"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "imputation.md"

Results = list[dict[str, Any]]

NAMES = {
    "qdist": "qdist",
    "miceforest": "miceforest",
    "forest": "iterated forest",
    "knn": "nearest neighbours",
}
INTRODUCTION = """\
# Imputation: side by side

A fifth of the cells of 5,000 rows of each table are hidden. With *cells* they are hidden at
random; with *blocks*, half of the columns are hidden in two rows of five. Each method is fitted to
the rows with their holes, and fills them.

- **CRPS**: of the draws against the hidden number, in standard deviations of its column. It is
  unbiased in the number of draws; for a single completion it is the absolute error.
- **MAE**: of the draws' median, in the same unit.
- **Accuracy**: of the draws' most frequent level.
- **Coverage**: the share of hidden numbers between the 5 % and the 95 % quantile of the draws. It
  goes by the rank of the number among the draws; where values are equal, the rank is drawn. Only
  methods of at least 20 draws have it.

Scores are means over columns, and over seeds where there are several, with their standard
deviation. The best method for each data set is in bold; what failed is listed under the results.
Repeat it with `python -m benchmarks.imputation`.
"""
SUMMARY = """\
## Aims and results

The aims are the best CRPS on every set, and a coverage that differs from 90 % by no more than
two points and two standard errors. The standard error treats cells as independent, and is the mean
over columns of binomial shares. Cells of a row are not independent, so the true one is somewhat
larger.

| table | missing | CRPS | best rival's | over it | coverage | two standard errors |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
"""
_FIELDS = ("crps", "mae", "accuracy")
_TITLES = {"cells": "Cells missing at random", "blocks": "Cells missing in blocks"}


def page(results: Results, notes: str) -> str:
    """The page, as markdown."""
    ended = [r for r in results if "failed" not in r]
    parts = [
        "<!-- Made by benchmarks.imputation_report; edit benchmarks/notes/imputation.md. -->",
        INTRODUCTION,
        SUMMARY + "".join(_asked(*pair) for pair in duels(ended)),
        *(part for p in PATTERNS for part in (_pattern(ended, p), _failed(results, p))),
        notes.strip() + "\n",
        "## Machine and versions\n",
        machine_text(results),
    ]
    return "\n".join(part for part in parts if part)


def margin(runs: Results) -> float:
    """Two standard errors of the coverage, were all cells independent."""
    columns = [c for run in runs for c in run["columns"]]
    variances = [c["coverage"] * (1 - c["coverage"]) / c["cells"] for c in columns]
    return 2 * float(sum(variances)) ** 0.5 / len(columns)


def _cases(results: Results) -> list[dict[str, Results]]:
    """For each pattern and set the runs of each method, the seeds of a method together."""
    cases = []
    for pattern in PATTERNS:
        mine = [r for r in results if r["pattern"] == pattern]
        for name in dict.fromkeys(r["set"] for r in mine):
            runs = [r for r in mine if r["set"] == name]
            cases.append(
                {m: found for m in METHODS if (found := [r for r in runs if r["method"] == m])}
            )
    return cases


def _mean(runs: Results, field: str) -> float:
    return statistics.fmean(run[field] for run in runs)


def duels(results: Results) -> list[tuple[Duel, Results]]:
    """Of each pattern and set: ours and the best rival's CRPS, and our runs."""
    found = []
    for case in _cases([r for r in results if "failed" not in r]):
        runs = case.get("qdist", [])
        values = {m: _mean(rows, "crps") for m, rows in case.items()}
        found.append((duel(runs[0]["set"] if runs else "", "crps", values, min), runs))
    return [(d, runs) for d, runs in found if d is not None]


def _asked(d: Duel, ours: Results) -> str:
    coverage, error = _mean(ours, "coverage"), margin(ours)
    cells = [
        d.set,
        ours[0]["pattern"],
        f"{d.ours:.4f}",
        f"{d.rival:.4f} ({NAMES[d.who]})",
        _met(f"{d.ratio:.3f}", d.ratio < 1),
        _met(f"{coverage:.3f}", abs(coverage - 0.9) <= 0.02 + error),
        f"{error:.3f}",
    ]
    return "| " + " | ".join(cells) + " |\n"


def _met(text: str, met: bool) -> str:
    return text if met else f"**{text}, missed**"


def _pattern(results: Results, pattern: str) -> str:
    lines = [
        f"## {_TITLES[pattern]}\n",
        "| table | method | draws | CRPS | MAE | accuracy | coverage of 90 % | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    cases = _cases([r for r in results if r["pattern"] == pattern])
    for case in cases:
        best = {
            field: (max if field == "accuracy" else min)(
                _mean(runs, field) for runs in case.values()
            )
            for field in _FIELDS
        }
        for method, runs in case.items():
            cells = [runs[0]["set"], NAMES[method], str(runs[0]["draws"])]
            for field in _FIELDS:
                text = _spread(runs, field)
                top = _mean(runs, field) == best[field] and len(case) > 1
                cells.append(f"**{text}**" if top else text)
            cells.append("" if runs[0]["coverage"] is None else _spread(runs, "coverage"))
            cells.append(f"{_mean(runs, 'seconds'):.0f}")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n" if cases else ""


def _failed(results: Results, pattern: str) -> str:
    lines = [
        f"- {NAMES[r['method']]} on {r['set']}, seed {r['seed']}: "
        f"`{r['failed'].replace('`', chr(39))}`"
        for r in results
        if r["pattern"] == pattern and "failed" in r
    ]
    return "\n".join(["Did not end:", "", *lines, ""]) if lines else ""


def _spread(runs: Results, field: str) -> str:
    text = f"{_mean(runs, field):.3f}"
    if len(runs) == 1:
        return text
    return f"{text} ± {statistics.stdev(run[field] for run in runs):.3f}"


def main(argv: list[str] | None = None) -> None:
    """Writes the page, or checks it."""
    common.report(
        "benchmarks.imputation_report",
        PAGE,
        lambda: page(common.results_of("imputation"), NOTES.read_text()),
        argv,
    )


if __name__ == "__main__":
    main()
