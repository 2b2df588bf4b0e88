"""Make docs/benchmarks/regression.md of the results: `python -m benchmarks.regression_report`.

The numbers come from benchmarks/results/regression, the words from benchmarks/notes/regression.md.
`--check` fails where the page is not what the results would give.
"""

import json
import statistics
from typing import Any

from benchmarks import common

PAGE = common.ROOT.parent / "docs" / "benchmarks" / "regression.md"
NOTES = common.ROOT / "notes" / "regression.md"
RESULTS = common.RESULTS / "regression"
SPEED = common.RESULTS / "regression_speed.json"

Results = list[dict[str, Any]]

INTRODUCTION = """\
# Regression: beside its rivals

`qdist.DistributionRegressor` and other forecasters of laws, each with its default settings, on the
canonical splits of public data sets (concrete, energy, wine, power, naval, airfoil, bike sharing
without its leaking columns). Every number is a mean over the splits that all methods of its set
have run; the first column says which. Coverage is pooled over the test rows, and the limit on time
is for up to 10,000 training rows.

- **CRPS**: at 200 midpoint levels, in the unit of the target; less is better. Methods that fit 19
  quantiles are sorted, joined by lines, and constant beyond.
- **PIT**: the Kolmogorov distance of the randomised PIT from the uniform law.
- **Coverage**: the share of PIT values in the central 50, 90 and 95 %.
- **Width**: the mean width of the central 90 % interval, in the unit of the target.

Go on with `QDIST_DATA=path/to/data python -m benchmarks.regression`, which skips what is done, and
the rivals in the environments of `benchmarks/environments/regression.txt` and `treeffuser.txt`.
"""


def common_splits(results: Results) -> list[int]:
    """The splits of one set that all methods which were run on it have."""
    methods = {r["method"] for r in results}
    return sorted(
        set.intersection(*({r["split"] for r in results if r["method"] == m} for m in methods))
    )


def page(results: Results, notes: str) -> str:
    """The page, as markdown."""
    names = list(dict.fromkeys(r["set"] for r in results))
    summary = [
        "| set | splits | qdist | best rival | CRPS over the best rival's, asked at most 1.05 | "
        "coverage of 90 %, asked within 0.02 | longest fit, s, asked at most 60 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    details, ratios = [], []
    for name in names:
        mine = [r for r in results if r["set"] == name]
        splits = common_splits(mine)
        mine = [r for r in mine if r["split"] in splits]
        if not mine:
            continue
        means = {
            method: {
                field: statistics.fmean(r[field] for r in mine if r["method"] == method)
                for field in _FIELDS
            }
            for method in dict.fromkeys(r["method"] for r in mine)
        }
        details.append(_detail(name, splits, means))
        rivals = {m: v["crps"] for m, v in means.items() if m != "qdist"}
        if "qdist" not in means or not rivals:
            continue
        best = min(rivals, key=lambda m: rivals[m])
        ratio = means["qdist"]["crps"] / rivals[best]
        ratios.append(ratio)
        ours = [r for r in mine if r["method"] == "qdist"]
        rows = sum(r["rows"]["test"] for r in ours)
        pooled = sum(r["coverage_90"] * r["rows"]["test"] for r in ours) / rows
        longest = max(r["fit_seconds"] for r in ours)
        summary.append(
            f"| {name} | {len(splits)} | {means['qdist']['crps']:.4g} | "
            f"{rivals[best]:.4g} ({best}) | {_met(ratio, '.3f', ratio <= 1.05)} | "
            f"{_met(pooled, '.3f', abs(pooled - 0.9) <= 0.02 + 1e-9)} | "
            f"{_met(longest, '.0f', longest <= 60 or ours[0]['rows']['train'] > 10_000)} |"
        )
    overall = ""
    if ratios:
        geometric = statistics.geometric_mean(ratios)
        overall = (
            f"\nGeometric mean of the {len(ratios)} ratios: "
            f"{_met(geometric, '.3f', geometric <= 0.97)} (asked: at most 0.97, over seven "
            "sets).\n"
        )
    if SPEED.exists():
        overall += _forecasts(json.loads(SPEED.read_text()))
    return "\n".join(
        [
            "<!-- Made by `python -m benchmarks.regression_report`; edit "
            "benchmarks/notes/regression.md instead. -->",
            INTRODUCTION,
            "## Asked and got\n",
            *summary,
            overall,
            "## Each set\n",
            *details,
            notes.strip() + "\n",
        ]
    )


def _met(value: float, form: str, met: bool) -> str:
    return f"{value:{form}}" if met else f"**{value:{form}}, missed**"


def _forecasts(found: dict[str, Any]) -> str:
    seconds = statistics.median(found["seconds"])
    return (
        f"\n{found['levels']} levels of {found['rows']:,} rows of power ({found['columns']} "
        f"columns): {_met(seconds, '.1f', seconds <= 2)} seconds (asked: at most 2), the median "
        f"of {len(found['seconds'])} calls.\n"
    )


_FIELDS = {
    "crps": (".4g", "CRPS"),
    "pit_distance": (".3f", "PIT"),
    "coverage_50": (".3f", "50 %"),
    "coverage_90": (".3f", "90 %"),
    "coverage_95": (".3f", "95 %"),
    "width_90": (".4g", "width"),
    "fit_seconds": (".0f", "fit, s"),
    "predict_seconds": (".2f", "predict, s"),
}


def _detail(name: str, splits: list[int], means: dict[str, dict[str, float]]) -> str:
    lines = [
        f"### {name}, splits {', '.join(map(str, splits))}\n",
        "| method | " + " | ".join(label for _, label in _FIELDS.values()) + " |",
        "| --- |" + " ---: |" * len(_FIELDS),
    ]
    for method in sorted(means, key=lambda m: means[m]["crps"]):
        cells = [format(means[method][field], form) for field, (form, _) in _FIELDS.items()]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    """Writes the page, or checks it."""
    common.report(
        "benchmarks.regression_report",
        PAGE,
        lambda: page(common.read_results(RESULTS), NOTES.read_text()),
        argv,
    )


if __name__ == "__main__":
    main()
