"""The page of `benchmarks.table_width`."""

from typing import Any

from benchmarks import common

__all__ = ["NOTES", "PAGE", "page"]

NOTES = common.ROOT / "notes" / "table_width.md"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "table-width.md"

INTRODUCTION = """\
<!-- Made by `python -m benchmarks.table_width`; edit benchmarks/notes/table_width.md instead. -->
# How wide, how deep, how many

The table model is fitted in other sizes to 15,000 of the training rows of [adult](tables.md), and
judged by 5,000 others of them. No row that the benchmark of tables judges by is looked at. All
sizes take {steps:,} steps of as many rows for each member.

- **MFLOP a cell**: the multiplications and additions of one member's matrix products for one cell,
  counted, and averaged over columns. Sampling a cell asks one member; training, or asking for a
  conditional law, asks all.
- **C2ST** and **marginal error** are those of the page of [tables](tables.md), of one sample each:
  two samples of one model differ by 0.003 to 0.005.
- **Held-out loss**: nats a row, of the validation part. Compare it only between equal numbers of
  members, as the cells that are shown are drawn anew.

Repeat it with `QDIST_DATA=path/to/data python -m benchmarks.table_width`.

| members | width | blocks | MFLOP a cell | C2ST | marginal error | held-out loss |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def page(results: list[dict[str, Any]], notes: str) -> str:
    """The page, as markdown."""
    rows = sorted(results, key=lambda r: (r["members"], r["blocks"], r["width"]))
    lines = [
        f"| {r['members']} | {r['width']} | {r['blocks']} | {r['megaflop_a_cell']:.2f} "
        f"| {r['c2st']:.3f} | {r['marginal_error']:.4f} | {r['validation_loss']:.3f} |"
        for r in rows
    ]
    return (
        INTRODUCTION.format(steps=rows[0]["steps"]) + "\n".join(lines) + f"\n\n{notes.strip()}\n"
    )
