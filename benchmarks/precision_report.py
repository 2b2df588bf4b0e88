"""The page of `benchmarks.precision`."""

import statistics
from typing import Any

from benchmarks import common

__all__ = ["NOTES", "PAGE", "page"]

NOTES = common.ROOT / "notes" / "precision.md"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "precision.md"

INTRODUCTION = """\
<!-- Made by `python -m benchmarks.precision`; edit benchmarks/notes/precision.md instead. -->
# Samples in bfloat16

Under [torch's autocast](../how-to/sample-faster.md) the matrix products of a network are computed
in bfloat16. Such numbers have 8 bits of precision, and some processors multiply them several times
as fast. Here one model is fitted to each of {sets} sets of [joint models](joint.md) (default
settings, five minutes, seed 0), and sampled in float32 and bfloat16 by turns.

- **Rows a second** are medians of {times} samples of each kind, of {rows:,} rows each.
- **C2ST** and **marginal error** are those of the page of [tables](tables.md): the mean of
  {scored} samples of each kind, followed by the deviation of one of them.
- **Cells alike**: the share of cells that are the same, to the last digit, for the same
  `random_state`.

Repeat it with `QDIST_DATA=path/to/data python -m benchmarks.precision`.

| set | products in | rows a second | ratio | C2ST | marginal error | cells alike |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
"""


def page(results: list[dict[str, Any]], notes: str) -> str:
    """The page, as markdown."""
    lines = []
    for r in results:
        speed = r["rows_a_second"]
        for kind in ("float32", "bfloat16"):
            c2st, error = (r["scores"][kind][name] for name in ("c2st", "marginal_error"))
            alike = "" if kind == "float32" else f"{r['cells_alike']:.1%}"
            lines.append(
                f"| {r['set']} | {kind} | {speed[kind]:,.0f} "
                f"| {speed[kind] / speed['float32']:.2f} "
                f"| {statistics.mean(c2st):.4f} ± {statistics.stdev(c2st):.4f} "
                f"| {statistics.mean(error):.4f} ± {statistics.stdev(error):.4f} | {alike} |"
            )
    first = results[0]
    text = INTRODUCTION.format(
        rows=first["rows"],
        times=len(first["seconds"]["float32"]),
        scored=len(first["scores"]["float32"]["c2st"]),
        sets=len(results),
    )
    machine = f"{first['machine']['cores']} cores, torch {first['versions']['torch']}."
    return text + "\n".join(lines) + f"\n\n{notes.strip()}\n\n## Machine\n\n{machine}\n"
