"""The page of `benchmarks.queries`: what was asked, what was got.

python -m benchmarks.queries_report [--check]
"""

from typing import Any

from benchmarks import common
from benchmarks.report import machine_text

NOTES = common.ROOT / "notes" / "queries.md"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "queries.md"

Results = list[dict[str, Any]]

REGRET = {True: 0.01, False: 0.03}
KOLMOGOROV, C2ST = 0.02, 0.53

INTRODUCTION = """\
# Queries: how exact the answers are

Here the tables come from laws whose conditional laws are known. Models are fitted with the
defaults of `qdist.TabularModel` on {train:,} rows ({seeds}), then asked about {conditions:,} rows
that they have not seen.

- **Regret**: by what share a forecast's CRPS is worse than the best possible. It is the mean over
  conditions of $\\int (F - F_0)^2 dx$, between the answer F of `cdf` and the true conditional law,
  divided by the mean of $\\int F_0 (1 - F_0) dx$, the true law's own CRPS.
- **Levels**: the Rosenblatt transform of {heldout:,} held-out rows. *Kolmogorov* is the greatest
  distance of a coordinate from the uniform law; *in deciles* is the greatest such distance within
  deciles (or levels) of an earlier column. *C2ST* tells 20,000 vectors from uniform ones (the AUC
  of a LightGBM classifier; 0.5 is perfect).
- **Spread over orders**: the standard deviation of a row's log density over five random orders of
  the chain, in nats, averaged over the rows. It would be 0 if all orders agreed.

Repeat it with `python -m benchmarks.queries`.
"""


def page(results: Results, notes: str) -> str:
    """The page, as markdown."""
    first = results[0]
    seeds = sorted({result["seed"] for result in results})
    rows = first["rows"]
    head = INTRODUCTION.format(
        train=rows["train"],
        heldout=rows["heldout"],
        conditions=rows["conditions"],
        seeds=f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}",
    )
    parts = [
        "<!-- Made by benchmarks.queries_report; edit benchmarks/notes/queries.md instead. -->",
        head,
        "## Answers\n",
        _answers(results),
        "## Levels and orders\n",
        _levels(results),
        notes.strip() + "\n",
        "## Machine and versions\n",
        machine_text(results),
    ]
    return "\n".join(parts)


def _met(value: float, limit: float) -> str:
    return "yes" if value <= limit else "**no**"


def _answers(results: Results) -> str:
    lines = [
        "| law | question | aim, at most | regret | largest gap of F, mean | met |",
        "| --- | --- | ---: | ---: | ---: | :---: |",
    ]
    for result in results:
        limit = REGRET[result["smooth"]]
        for question, answer in result["answers"].items():
            lines.append(
                f"| {result['law']} | {question} | {limit:.0%} | {answer['regret']:.2%} | "
                f"{answer['largest_gap']:.3f} | {_met(answer['regret'], limit)} |"
            )
    return "\n".join(lines) + "\n"


def _levels(results: Results) -> str:
    lines = [
        f"| law | Kolmogorov, aim {KOLMOGOROV} | met | in deciles, aim {KOLMOGOROV} | met "
        f"| C2ST, aim {C2ST} | met | spread over orders, nats | fit, s |",
        "| --- | ---: | :---: | ---: | :---: | ---: | :---: | ---: | ---: |",
    ]
    for result in results:
        cells = [result["law"]]
        for name, limit in (
            ("kolmogorov", KOLMOGOROV),
            ("kolmogorov_within_deciles", KOLMOGOROV),
            ("c2st_levels", C2ST),
        ):
            cells += [f"{result[name]:.3f}", _met(result[name], limit)]
        cells += [f"{result['order_spread']:.3f}", f"{result['fit_seconds']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    """Writes the page, or checks it."""
    common.report(
        "benchmarks.queries_report",
        PAGE,
        lambda: page(common.results_of("queries"), NOTES.read_text()),
        argv,
    )


if __name__ == "__main__":
    main()
