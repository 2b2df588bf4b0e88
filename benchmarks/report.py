"""Make docs/benchmarks/tables.md of the committed results: `python -m benchmarks.report`.

The numbers come from benchmarks/results/tables, the words about what is lost and why from
benchmarks/notes/tables.md. `--check` fails where the page is not what the results would give.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import common

PAGE = common.ROOT.parent / "docs" / "benchmarks" / "tables.md"
NOTES = common.ROOT / "notes" / "tables.md"

Results = list[dict[str, Any]]

PARTS = ("forward", "backward", "step", "data", "validation")


@dataclass(frozen=True)
class Target:
    """A number that was asked for."""

    set: str
    field: str
    label: str
    bound: float
    form: str
    at_most: bool = True

    def row(self, results: Results) -> str:
        """A line of the table of what was asked and what was got."""
        mine = [r for r in results if r["set"] == self.set]
        got = common.median_of(mine, self.field)
        asked = f"{'at most' if self.at_most else 'at least'} {self.bound:{self.form}}"
        if got is None:
            return f"| {self.label} | {asked} | not measured | | |"
        met = got <= self.bound if self.at_most else got >= self.bound
        each = ", ".join(format(r[self.field], self.form) for r in mine)
        verdict = "yes" if met else "**no**"
        return f"| {self.label} | {asked} | {got:{self.form}} | {each} | {verdict} |"


TARGETS = (
    Target("adult", "c2st", "adult: C2ST", 0.55, ".3f"),
    Target("adult", "marginal_ratio", "adult: marginal error over a bootstrap's", 1.2, ".2f"),
    Target("adult", "fit_seconds", "adult: seconds to fit", 240, ".0f"),
    Target("california_housing", "c2st", "california_housing: C2ST", 0.57, ".3f"),
    Target("california_housing", "fit_seconds", "california_housing: seconds to fit", 300, ".0f"),
    Target("online_shoppers", "c2st", "online_shoppers: C2ST", 0.68, ".3f"),
    Target("online_shoppers", "fit_seconds", "online_shoppers: seconds to fit", 240, ".0f"),
    Target(
        "adult",
        "sample_rows_per_second",
        "adult: rows sampled a second",
        10_000,
        ",.0f",
        at_most=False,
    ),
    Target("adult", "peak_memory_gb", "adult: peak memory of the fit, GB", 1.5, ".2f"),
    Target(
        "adult", "outside_share", "adult: training outside forward, backward, step", 0.15, ".1%"
    ),
)

INTRODUCTION = """\
# Tables: aims and results

Three public tables of mixed types are fitted with the defaults of `qdist.TabularModel` and a limit
on time, then sampled. Results are medians of {seeds} seeds, which draw the split as well as the
model. The scores of a seed are means over three samples of one model, each with as many rows as
are held out.

- **C2ST**: the mean AUC of a LightGBM classifier (200 trees, 3-fold, stratified) that tells equal
  numbers of sampled and held-out rows apart, missing cells included. 0.5 is perfect.
- **Marginal error**: the distance of a column from that of the held-out rows, averaged over the
  columns. The distance is Kolmogorov's for numbers and the total variation for all else;
  "missing" is a value. *Over a bootstrap's* divides it by the same error of training rows drawn
  with replacement (mean of 10 draws of as many rows).
- **Rows a second**: {batch:,} rows a call, decoding included, median of 5 calls after a warm-up.
- **Peak memory**: the high-water mark of a fresh process when `fit` returns. It includes the
  interpreter, torch and the data.
- **Outside**: the share of training time that is neither forward pass, backward pass nor optimiser
  step. Validation counts as outside.

Repeat it with `QDIST_DATA=path/to/data make bench`.
"""


def page(results: Results, notes: str) -> str:
    """The page, as markdown."""
    seeds = max(sum(r["set"] == name for r in results) for name in {r["set"] for r in results})
    parts = [
        "<!-- Made by `python -m benchmarks.report`; edit benchmarks/notes/tables.md instead. -->",
        INTRODUCTION.format(seeds=seeds, batch=results[0]["sample_batch"]),
        "## Aims and results\n",
        "| | aim | result (median) | each seed | met |\n| --- | ---: | ---: | ---: | :---: |",
        "\n".join(target.row(results) for target in TARGETS) + "\n",
        "## Each table\n",
        _sets(results),
        _profile(results),
        notes.strip() + "\n",
        "## Machine and versions\n",
        machine_text(results),
    ]
    return "\n".join(part for part in parts if part)


def _sets(results: Results) -> str:
    fields = {
        "c2st": (".3f", "C2ST"),
        "marginal_error": (".4f", "marginal error"),
        "bootstrap_error": (".4f", "of a bootstrap"),
        "fit_seconds": (".0f", "fit, s"),
        "n_steps": (",.0f", "steps"),
        "parameters": (",.0f", "parameters"),
        "sample_rows_per_second": (",.0f", "rows a second"),
        "peak_memory_gb": (".2f", "peak, GB"),
    }
    head = ["table", "training rows", "columns", *(label for _, label in fields.values())]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for name in dict.fromkeys(r["set"] for r in results):
        mine = [r for r in results if r["set"] == name]
        cells = [name, f"{mine[0]['rows']['train']:,}", str(mine[0]["rows"]["columns"])]
        for field, (form, _) in fields.items():
            value = common.median_of(mine, field)
            cells.append("" if value is None else format(value, form))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _profile(results: Results) -> str:
    """Where the training time goes: the middle seed of each table."""
    lines: list[str] = []
    parts: list[str] = []
    for name in dict.fromkeys(r["set"] for r in results):
        mine = [r for r in results if r["set"] == name and r["profile_seconds"]]
        if not mine:
            continue
        middle = sorted(mine, key=lambda r: r["outside_share"])[len(mine) // 2]["profile_seconds"]
        if not lines:
            parts = [part for part in PARTS if part in middle]
            lines = ["## Where the training time goes\n"]
            lines.append("| table | " + " | ".join([*parts, "rest", "total"]) + " |")
            lines.append("| --- |" + " ---: |" * (len(parts) + 2))
        total = middle["total"]
        shares = [middle.get(part, 0.0) / total for part in parts]
        cells = [f"{share:.1%}" for share in [*shares, max(0.0, 1 - sum(shares))]]
        lines.append(f"| {name} | " + " | ".join([*cells, f"{total:.0f} s"]) + " |")
    return "\n".join(lines) + "\n" if lines else ""


def machine_text(results: Results) -> str:
    """What the results were measured on, and with."""
    words = {1: "One core", 2: "Two cores", 4: "Four cores", 8: "Eight cores"}
    kinds = []
    for result in results:
        facts = result["machine"]
        cores = words.get(facts["cores"], f"{facts['cores']} cores")
        gpu = "a GPU" if facts["gpu"] else "no GPU"
        kinds.append(f"{cores}, {gpu}, {facts['memory_gb']} GB of memory, {facts['system']}.")
    packages = {name: set() for r in results for name in r["versions"]}
    for result in results:
        for name, number in result["versions"].items():
            packages[name].add(number)
    listed = ", ".join(f"{name} {' / '.join(sorted(n))}" for name, n in packages.items())
    return "\n".join([*dict.fromkeys(kinds), f"Versions: {listed}.", ""])


def main(argv: list[str] | None = None) -> None:
    """Writes the page, or checks it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=common.RESULTS / "tables")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if out of date")
    args = parser.parse_args(argv)
    results = common.read_results(args.results)
    if not results:
        sys.exit(f"Expected results in {args.results}; got none. Run python -m benchmarks.tables.")
    text = page(results, NOTES.read_text() if NOTES.exists() else "")
    if args.check:
        if not args.page.exists() or args.page.read_text() != text:
            sys.exit(f"{args.page.name} is out of date. Run python -m benchmarks.report.")
        return
    args.page.parent.mkdir(parents=True, exist_ok=True)
    args.page.write_text(text)
    print(f"wrote {args.page}")


if __name__ == "__main__":
    main()
