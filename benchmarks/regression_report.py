"""Make docs/benchmarks/regression.md of the results: `python -m benchmarks.regression_report`.

The numbers come from benchmarks/results/regression, the words from benchmarks/notes/regression.md.
`--check` fails where the page is not what the results would give.
"""

import json
import statistics
from dataclasses import dataclass
from typing import Any

from benchmarks import common
from benchmarks.duels import Duel

PAGE = common.ROOT.parent / "docs" / "benchmarks" / "regression.md"
NOTES = common.ROOT / "notes" / "regression.md"
RESULTS = common.RESULTS / "regression"
SPEED = common.RESULTS / "regression_speed.json"

Results = list[dict[str, Any]]
_TUNED = "_tuned"

INTRODUCTION = """\
# Regression: beside its rivals

`qdist.DistributionRegressor` and other forecasters of laws, each with its default settings, run on
the canonical splits of public data sets: concrete, energy, wine, power, naval, airfoil, and bike
sharing without its leaking columns. Each rival is compared with qdist on the splits that both have
run, and the best rival is the one that does best in that comparison. *Ahead* counts the splits in
which qdist has the lesser CRPS of the two. Coverage is pooled over the test rows. The seconds of a
fit are those of the first split, alone on two cores; sets with more than 10,000 training rows have
none.

- **CRPS**: at 200 midpoint levels, in the unit of the target; less is better. For methods that fit
  19 quantiles, these are sorted, joined by lines, and constant beyond.
- **PIT**: the Kolmogorov distance of the randomised PIT from the uniform law.
- **Coverage**: the share of PIT values in the central 50, 90 and 95 %.
- **Width**: the mean width of the central 90 % interval, in the unit of the target.

Resume it with `QDIST_DATA=path/to/data python -m benchmarks.regression`, which skips what is
done. Run the rivals in the environments of `benchmarks/environments/regression.txt` and
`treeffuser.txt`.
"""


@dataclass(frozen=True)
class Shared:
    """What was run on a set: the results by method and split, and each method's means.

    The means of a rival, and of ours beside it, are those of the splits that both have run.
    """

    results: dict[str, dict[int, dict[str, Any]]]
    means: dict[str, dict[str, float]]

    def splits(self, method: str) -> list[int]:
        """The splits that a method and ours have run."""
        return sorted(self.results[method].keys() & self.results["qdist"].keys())

    def ours(self, rival: str) -> float:
        """Our mean CRPS on the splits of a rival."""
        return statistics.fmean(self.results["qdist"][k]["crps"] for k in self.splits(rival))


def by_default(results: Results) -> Results:
    """Those of default settings."""
    return [r for r in results if not r["method"].endswith(_TUNED)]


def beside_tuned(results: Results) -> Results:
    """Those of tuned rivals, and ours, which is not tuned, on the sets that they were run on."""
    tuned = [r for r in results if r["method"].endswith(_TUNED)]
    sets = {r["set"] for r in tuned}
    return [r for r in results if r["method"] == "qdist" and r["set"] in sets] + tuned


def shared(results: Results) -> dict[str, Shared]:
    """Of each set that ours and a rival have run, by name."""
    found = {}
    for name in dict.fromkeys(r["set"] for r in results):
        runs: dict[str, dict[int, dict[str, Any]]] = {}
        for r in results:
            if r["set"] == name:
                runs.setdefault(r["method"], {})[r["split"]] = r
        ours = runs.get("qdist", {})
        runs = {method: splits for method, splits in runs.items() if splits.keys() & ours.keys()}
        if len(runs) < 2:
            continue
        means = {
            method: {
                field: statistics.fmean(splits[k][field] for k in splits.keys() & ours.keys())
                for field in _FIELDS
            }
            for method, splits in runs.items()
        }
        found[name] = Shared(runs, means)
    return found


def duels(results: Results) -> list[Duel]:
    """Of each set: ours beside the rival that does best against it, by CRPS on its splits."""
    found = []
    for name, case in shared(results).items():
        rivals = [method for method in case.means if method != "qdist"]
        who = max(rivals, key=lambda m: case.ours(m) / case.means[m]["crps"])
        found.append(Duel(name, "crps", case.ours(who), case.means[who]["crps"], who, min))
    return found


def ahead(case: Shared, rival: str) -> str:
    """In how many of its splits ours has the lesser CRPS: "4 of 5"."""
    ours, theirs = case.results["qdist"], case.results[rival]
    splits = case.splits(rival)
    return f"{sum(ours[k]['crps'] < theirs[k]['crps'] for k in splits)} of {len(splits)}"


def page(results: Results, notes: str) -> str:
    """The page, as markdown."""
    against_tuned = _against_tuned(beside_tuned(results))
    results = by_default(results)
    cases, found = shared(results), duels(results)
    speed = json.loads(SPEED.read_text()) if SPEED.exists() else {}
    summary = [
        "| set | qdist | best rival | CRPS over the best rival's, aim at most 1.05 | ahead | "
        "coverage of 90 %, aim within 0.02 | a fit, s, aim at most 60 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for d in found:
        case = cases[d.set]
        ours = list(case.results["qdist"].values())
        rows = sum(r["rows"]["test"] for r in ours)
        pooled = sum(r["coverage_90"] * r["rows"]["test"] for r in ours) / rows
        alone = speed.get("fits", {}).get(d.set)
        fit = "" if alone is None else _met(alone, ".0f", alone <= 60)
        summary.append(
            f"| {d.set} | {d.ours:.4g} | {d.rival:.4g} ({d.who}) | "
            f"{_met(d.ratio, '.3f', d.ratio <= 1.05)} | {ahead(case, d.who)} | "
            f"{_met(pooled, '.3f', abs(pooled - 0.9) <= 0.02 + 1e-9)} | "
            f"{fit} |"
        )
    details = [_detail(name, case) for name, case in cases.items()]
    overall = ""
    if found:
        geometric = statistics.geometric_mean(d.ratio for d in found)
        overall = (
            f"\nGeometric mean of the {len(found)} ratios: "
            f"{_met(geometric, '.3f', geometric <= 0.97)} (aim: at most 0.97, over seven "
            "sets).\n"
        )
    if speed:
        overall += _forecasts(speed)
    return "\n".join(
        [
            "<!-- Made by `python -m benchmarks.regression_report`; edit "
            "benchmarks/notes/regression.md instead. -->",
            INTRODUCTION,
            "## Aims and results\n",
            *summary,
            overall,
            against_tuned,
            "## Each set\n",
            *details,
            notes.strip() + "\n",
        ]
    )


def _against_tuned(results: Results) -> str:
    lines = [
        "## Rivals tuned, qdist not\n",
        "Each rival listed has the best of a few settings (`benchmarks/regression_rivals.py`), "
        "those with the least CRPS on a fifth of its training rows. qdist has its defaults.\n",
        "| set | qdist | best tuned rival | CRPS over it | ahead |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    cases, found = shared(results), duels(results)
    if not found:
        return ""
    for d in found:
        lines.append(
            f"| {d.set} | {d.ours:.4g} | {d.rival:.4g} ({d.who.removesuffix(_TUNED)}) | "
            f"{d.ratio:.3f} | {ahead(cases[d.set], d.who)} |"
        )
    geometric = statistics.geometric_mean(d.ratio for d in found)
    return "\n".join([*lines, f"\nGeometric mean of the {len(found)} ratios: {geometric:.3f}.\n"])


def _met(value: float, form: str, met: bool) -> str:
    return f"{value:{form}}" if met else f"**{value:{form}}, missed**"


def _forecasts(found: dict[str, Any]) -> str:
    seconds = statistics.median(found["seconds"])
    return (
        f"\n{found['levels']} levels of {found['rows']:,} rows of power ({found['columns']} "
        f"columns): {_met(seconds, '.1f', seconds <= 2)} seconds (aim: at most 2), the median "
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


def _detail(name: str, case: Shared) -> str:
    lines = [
        f"### {name}\n",
        "| method | splits | qdist's CRPS over it | "
        + " | ".join(label for _, label in _FIELDS.values())
        + " |",
        "| --- | ---: | ---: |" + " ---: |" * len(_FIELDS),
    ]
    for method in sorted(case.means, key=lambda m: case.means[m]["crps"]):
        means = case.means[method]
        ratio = f"{case.ours(method) / means['crps']:.3f}" if method != "qdist" else ""
        cells = [format(means[field], form) for field, (form, _) in _FIELDS.items()]
        start = f"| {method} | {len(case.splits(method))} | {ratio} | "
        lines.append(start + " | ".join(cells) + " |")
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
