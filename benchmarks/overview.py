"""Make docs/benchmarks/index.md of all committed results: `python -m benchmarks.overview`.

The few lines of README between two marks are made too. `--check` fails where the page is not what
the results would give.
"""

from collections.abc import Callable, Sequence
from statistics import geometric_mean
from typing import Any

from benchmarks import (
    common,
    imputation_report,
    joint_report,
    queries_report,
    regression_report,
)
from benchmarks.duels import Duel
from benchmarks.image_cases import HEADS
from benchmarks.image_sampling import CASES as SAMPLING
from benchmarks.image_sampling import Case

__all__ = ["MARKS", "PAGE", "README", "page", "summary"]

PAGE = common.ROOT.parent / "docs" / "benchmarks" / "index.md"
README = common.ROOT.parent / "README.md"
MARKS = ("<!-- measured: made by python -m benchmarks.overview -->\n", "<!-- end of measured -->")

Results = list[dict[str, Any]]
Read = Callable[[str], Results]

HEAD = """\
<!-- Made by `python -m benchmarks.overview`: nothing here is written by hand. -->
# At a glance

Each line is taken from another page of this section. That page tells how it was measured, and what
is weaker than it looks. Losses are listed too.

"""


def page(read: Read) -> str:
    """The page, as markdown.

    Args:
        read: Gives the results of a folder of benchmarks/results; none where there are none.
    """
    joint, regression = read("joint"), regression_report.by_default(read("regression"))
    lines = [
        *_heading("[Joint tables](joint.md)", "C2ST, where 0.5 is perfect"),
        *(_line(d, ".3f", joint_report.NAMES) for d in joint_report.duels(joint, ["c2st"])),
        *_heading("", "rows drawn a second; more is better"),
        *(
            _line(d, ",.0f", joint_report.NAMES)
            for d in joint_report.duels(joint, ["sample_rows_per_second"])
        ),
        *_heading("[Imputation](imputation.md)", "CRPS in standard deviations; less is better"),
        *(
            _line(d, ".4f", imputation_report.NAMES, more=f", {runs[0]['pattern']}")
            for d, runs in imputation_report.duels(read("imputation"))
        ),
        *_heading("[Regression](regression.md)", "CRPS in the target's unit; less is better"),
        *(_line(d, ".4g", {}) for d in regression_report.duels(regression)),
    ]
    alone = [_queries(read("queries")), _sampling(read("image_sampling"))]
    return "\n".join([HEAD + "\n".join(lines).strip(), *alone, _images(read("images_short"))])


def summary(read: Read) -> str:
    """The lines of README: a row for each kind of question, with the set that goes worst.

    Args:
        read: As of `page`.
    """
    joint = read("joint")
    likeness = joint_report.duels(joint, ["c2st"])
    speed = joint_report.duels(joint, ["sample_rows_per_second"])
    filled = [d for d, _ in imputation_report.duels(read("imputation"))]
    lines = ["| what | sets won | ours over the best rival's | worst set |"]
    lines.append("| --- | ---: | ---: | ---: |")
    lines += _share("tables drawn: what a classifier tells by above chance (C2ST)", likeness)
    lines += _share("missing cells: CRPS", filled)
    regression = regression_report.by_default(read("regression"))
    lines += _share("regression: CRPS", regression_report.duels(regression))
    lines += _share("rows drawn a second (more is better)", speed)
    return "\n".join(lines) + "\n"


def _share(what: str, duels: Sequence[Duel]) -> list[str]:
    """A row of README. A C2ST counts by what it has above 0.5, which is perfect."""
    if not duels:
        return []
    ratios = [(d.ours - 0.5) / (d.rival - 0.5) if d.score == "c2st" else d.ratio for d in duels]
    worst = max(ratios) if duels[0].best is min else min(ratios)
    won = sum(d.ahead for d in duels)
    return [f"| {what} | {won} of {len(duels)} | {geometric_mean(ratios):.2f} | {worst:.2f} |"]


def _heading(where: str, score: str) -> list[str]:
    title = [f"\n## {where}"] if where else []
    head = ["| data | qdist | best rival | ours over it | ahead |"]
    return [
        *title,
        f"\n{score[0].upper()}{score[1:]}.\n",
        *head,
        "| --- |" + " ---: |" * 3 + " :---: |",
    ]


def _line(d: Duel, form: str, names: dict[str, str], *, more: str = "") -> str:
    who = names.get(d.who, d.who)
    return (
        f"| {d.set}{more} | {d.ours:{form}} | {d.rival:{form}} ({who}) | {d.ratio:.2f} | "
        f"{'yes' if d.ahead else '**no**'} |"
    )


def _queries(results: Results) -> str:
    """How many of the numbers that were asked for were met."""
    regrets = [
        (a["regret"], queries_report.REGRET[r["smooth"]])
        for r in results
        for a in r["answers"].values()
    ]
    levels = {
        "Kolmogorov distance of levels": ("kolmogorov", queries_report.KOLMOGOROV),
        "the same within deciles": ("kolmogorov_within_deciles", queries_report.KOLMOGOROV),
        "C2ST of levels": ("c2st_levels", queries_report.C2ST),
    }
    rows = [("regret of conditional laws", regrets)]
    rows += [(name, [(r[f], limit) for r in results]) for name, (f, limit) in levels.items()]
    lines = [
        "\n## [Queries](queries.md)\n",
        "How many of the numbers were within their aims, on laws that are known.\n",
        "| what | met | of | worst |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, pairs in rows:
        met = sum(value <= limit for value, limit in pairs)
        worst = max((value for value, _ in pairs), default=0.0)
        lines.append(f"| {name} | {met} | {len(pairs)} | {worst:.3f} |")
    return "\n".join(lines)


def _sampling(results: Results) -> str:
    """The time of a batch in full forward passes, and what was asked."""
    found = {Case(**r["case"]).name: r for r in results}
    lines = [
        "\n## [Sampling images](image-sampling.md)\n",
        "The time to draw a batch, in units of one full forward pass over it.\n",
        "| images | threads | ratio | aim, at most | met | against a pass a value |",
        "| --- | ---: | ---: | ---: | :---: | ---: |",
    ]
    for case in SAMPLING:
        if case.asked is None or case.name not in found:
            continue
        ratio, faster = found[case.name]["ratio"], found[case.name]["speed_up"]
        lines.append(
            f"| {case.images} of {case.side} x {case.side} x {case.channels} | {case.threads} | "
            f"{ratio:.2f} | {case.asked:g} | {'yes' if ratio <= case.asked else '**no**'} | "
            f"{faster:,.0f} times faster |"
        )
    return "\n".join(lines)


def _images(results: Results) -> str:
    """The heads of the same backbone after the same time."""
    mine = [r for r in results if r["budget"] == "time"]
    minutes = max((r["limit_seconds"] / 60 for r in mine if "limit_seconds" in r), default=0.0)
    lines = [
        "\n## [Images](images.md)\n",
        f"One backbone under each head after {minutes:.0f} minutes; medians over seeds.\n",
        "| head | accuracy of a classifier of its samples | Frechet distance |",
        "| --- | ---: | ---: |",
    ]
    for head in [*HEADS, "real images"]:
        runs = [r for r in mine if r["head"] == head]
        accuracy, frechet = (common.median_of(runs, f) for f in ("accuracy_score", "frechet"))
        if accuracy is not None and frechet is not None:
            lines.append(f"| {head} | {accuracy:.1%} | {frechet:.1f} |")
    return "\n".join(lines) + "\n"


def with_summary(text: str, lines: str) -> str:
    """README with other lines between its marks."""
    before, rest = text.split(MARKS[0])
    return before + MARKS[0] + "\n" + lines + "\n" + MARKS[1] + rest.split(MARKS[1])[1]


def main(argv: list[str] | None = None) -> None:
    """Writes the page and the lines of README, or checks them."""

    def read(name: str) -> Results:
        return common.read_results(common.RESULTS / name)

    readme = README.read_text()
    common.report("benchmarks.overview", PAGE, lambda: page(read), argv)
    common.report("benchmarks.overview", README, lambda: with_summary(readme, summary(read)), argv)


if __name__ == "__main__":
    main()
