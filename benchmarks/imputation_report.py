"""The page of `benchmarks.imputation`: ours and the others, set by set.

python -m benchmarks.imputation_report [--check]
"""

from typing import Any

from benchmarks import common
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

5,000 rows of each table, a fifth of the cells hidden: *cells* at random, *blocks* of half of the
columns in two rows of five. Each method is fitted to the rows with their holes, and fills them.

- **CRPS**: of the draws against the hidden number, in standard deviations of its column, unbiased
  in the number of draws (for a single completion it is the absolute error).
- **MAE**: of the draws' median, in the same unit.
- **Accuracy**: of the draws' most frequent level.
- **Coverage**: share of hidden numbers between the 5 % and the 95 % quantile of the draws; 0.90 is
  nominal, and more where a number has atoms. Only for methods of at least 20 draws.

Means over columns; the best of a row of methods is in bold. Repeat it with
`python -m benchmarks.imputation`.
"""


def page(results: Results, notes: str) -> str:
    """The page, as markdown."""
    parts = [
        "<!-- Made by benchmarks.imputation_report; edit benchmarks/notes/imputation.md. -->",
        INTRODUCTION,
        *(_pattern(results, pattern) for pattern in PATTERNS),
        notes.strip() + "\n",
        "## Machine and versions\n",
        machine_text(results),
    ]
    return "\n".join(part for part in parts if part)


def _pattern(results: Results, pattern: str) -> str:
    title = {"cells": "Cells missing at random", "blocks": "Cells missing in blocks"}[pattern]
    lines = [
        f"## {title}\n",
        "| table | method | draws | CRPS | MAE | accuracy | coverage of 90 % | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    mine = [r for r in results if r["pattern"] == pattern]
    for name in dict.fromkeys(r["set"] for r in mine):
        rows = [r for r in mine if r["set"] == name]
        rows.sort(key=lambda r: list(METHODS).index(r["method"]))
        best = {
            "crps": min(r["crps"] for r in rows),
            "mae": min(r["mae"] for r in rows),
            "accuracy": max(r["accuracy"] for r in rows),
        }
        for r in rows:
            cells = [name, NAMES[r["method"]], str(r["draws"])]
            for field, top in best.items():
                text = f"{r[field]:.3f}"
                cells.append(f"**{text}**" if r[field] == top and len(rows) > 1 else text)
            cells.append("" if r["coverage"] is None else f"{r['coverage']:.3f}")
            cells.append(f"{r['seconds']:.0f}")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n" if mine else ""


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
