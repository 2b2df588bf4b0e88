"""Make docs/benchmarks/joint.md of the results: `python -m benchmarks.joint_report [--check]`.

The numbers come from benchmarks/results/joint, the words from benchmarks/notes/joint.md. `--check`
fails where the page is not what the results would give.
"""

from collections.abc import Sequence
from typing import Any

from benchmarks import common
from benchmarks.duels import Duel, duel
from benchmarks.joint import LIMIT_MINUTES, MINUTES, SETS
from benchmarks.joint_fit import DRAW_SECONDS, WARM_UP
from benchmarks.joint_rivals import METHODS
from benchmarks.report import machine_text

NOTES = common.ROOT / "notes" / "joint.md"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "joint.md"
RESULTS = common.RESULTS / "joint"

Results = list[dict[str, Any]]

NAMES = {
    "qdist": "qdist",
    "tvae": "TVAE",
    "ctgan": "CTGAN",
    "gaussian_copula": "Gaussian copula",
    "arf": "ARF",
    "unmasking_trees": "UnmaskingTrees",
    "forest_diffusion": "ForestDiffusion",
    "tabular_argn": "TabularARGN",
    "training_rows": "*training rows*",
}
MEASURES = {"auc": "AUC", "r2": "R2", "accuracy": "accuracy"}
# Form, heading, and which is best: the least, the greatest, or no bold type at all.
FIELDS = {
    "c2st": (".3f", "C2ST", min),
    "marginal_error": (".4f", "marginal error", min),
    "marginal_ratio": (".2f", "over a bootstrap's", min),
    "pairwise_error": (".4f", "pairwise error", min),
    "energy_distance": (".4f", "energy distance", min),
    "utility": (".3f", "utility", max),
    "copied": (".2%", "copies", None),
    "nearest_ratio": (".2f", "nearest record", None),
    "sample_rows_per_second": (",.0f", "rows a second", max),
    "fit_seconds": (".0f", "fit, s", None),
    "peak_memory_gb": (".2f", "peak, GB", min),
}
COMPARED = ("c2st", "marginal_error", "pairwise_error", "energy_distance", "utility")

INTRODUCTION = f"""\
# Joint models: side by side

`qdist.TabularModel` beside other models of whole tables. All have the same training rows,
{MINUTES} minutes of fit and their default settings, and one code scores the rows they draw.
Results are medians over the seeds, each of which draws the split as well as the model.

- **C2ST**: the mean AUC of a LightGBM classifier (200 trees, 3-fold, stratified) that tells equal
  numbers of drawn and held-out rows apart. 0.5 is perfect.
- **Marginal error**: the distance of a column from that of the held-out rows, averaged over the
  columns. The distance is Kolmogorov's for numbers and the total variation for all else;
  "missing" is a value. *Over a bootstrap's* divides it by the same error of training rows drawn
  with replacement.
- **Pairwise error**: the absolute difference between the association of two columns in the drawn
  rows and in the held-out rows, averaged over all pairs. The association is Spearman's correlation
  for two numbers, the correlation ratio of the ranks of a number given levels, and Cramér's V for
  two columns of levels.
- **Energy distance**: of 2,000 rows each, numbers in standard deviations, levels as indicators. It
  is unbiased, so equal laws score about 0, of either sign.
- **Utility**: LightGBM is trained on the drawn rows and predicts a column of the held-out ones.
  Above each table: the column, the measure, and what as many real training rows give.
- **Copies**: the share of drawn rows that repeat a training row in every cell. Above each table:
  the share of held-out rows that do.
- **Nearest record**: the median distance of drawn rows to their nearest training row, divided by
  that of as many held-out rows. Much less than 1 says that training rows are remembered.
- **Rows a second**: of the call that draws the rows, after a first call of {WARM_UP} rows. As many
  rows are drawn as are held out, or as many as {DRAW_SECONDS / 60:.0f} minutes allow.
- **Peak**: the high-water mark of a process of its own when the fit ends, data included.

*Training rows* are no model: they show what real rows score. The best of the models is in bold.
A method that failed, or took more than {LIMIT_MINUTES} minutes, is listed under its table. The
column *chosen* shows the setting that was reduced so that a fit ends in time, as found by timing
shorter fits; where there is time for the default, it is the default.

Repeat it with `python -m benchmarks.joint`, which skips what is done. The rivals have the
environments of `benchmarks/environments/joint.txt` and `joint_argn.txt`.
"""


def page(results: Results, notes: str) -> str:
    """The page, as markdown; it says so where there are no results."""
    parts = [
        "<!-- Made by `python -m benchmarks.joint_report`; edit benchmarks/notes/joint.md. -->",
        INTRODUCTION,
        *([_summary(results)] if results else ["## Results\n\nThere are no results yet.\n"]),
        *(_table(results, name) for name in SETS),
        notes.strip() + "\n",
        *(["## Machine and versions\n", machine_text(results)] if results else []),
    ]
    return "\n".join(part for part in parts if part)


def _done(results: Results, name: str) -> dict[str, Results]:
    """The results of each method that has ended on a set, in the order of the methods."""
    mine = [_sound(r) for r in results if r["set"] == name and "failed" not in r]
    found = {method: [r for r in mine if r["method"] == method] for method in METHODS}
    return {method: rows for method, rows in found.items() if rows}


def _sound(result: dict[str, Any]) -> dict[str, Any]:
    """Without the utility of several levels that trees of too small leaves gave."""
    if result["measure"] != "accuracy" or result.get("utility_leaf"):
        return result
    return {**result, "utility": None, "utility_real": None}


def duels(results: Results, fields: Sequence[str] = COMPARED) -> list[Duel]:
    """Of each set and score: ours, and the best rival's."""
    found = []
    for name in SETS:
        done = _done(results, name)
        done.pop("training_rows", None)
        for field in fields:
            best = FIELDS[field][2]
            assert best is not None
            medians = {m: common.median_of(rows, field) for m, rows in done.items()}
            found.append(duel(name, field, medians, best))
    return [d for d in found if d is not None]


def _summary(results: Results) -> str:
    lines = [
        "## Ours and the best rival\n",
        "| table | score | qdist | best rival | ahead |",
        "| --- | --- | ---: | ---: | :---: |",
    ]
    for d in duels(results):
        form, label, _ = FIELDS[d.score]
        lines.append(
            f"| {d.set} | {label} | {d.ours:{form}} | {d.rival:{form}} ({NAMES[d.who]}) | "
            f"{'yes' if d.ahead else '**no**'} |"
        )
    return "\n".join(lines) + "\n" if len(lines) > 3 else ""


def _table(results: Results, name: str) -> str:
    """One set: all methods, the best first, and those that failed."""
    done = _done(results, name)
    failed = [r for r in results if r["set"] == name and "failed" in r]
    if not done and not failed:
        return ""
    lines = [f"## {name}\n"]
    if done:
        lines += [_facts([r for rows in done.values() for r in rows]), *_lines(done)]
    if failed:
        lines += ["", "Did not end:", ""]
        failed.sort(key=lambda r: (list(METHODS).index(r["method"]), r["seed"]))
        lines += [
            f"- {NAMES[r['method']]}, seed {r['seed']}: {_plain(r['failed'])}" for r in failed
        ]
    return "\n".join(lines) + "\n"


def _lines(done: dict[str, Results]) -> list[str]:
    models = {method: rows for method, rows in done.items() if method != "training_rows"}
    tops = {}
    for field, (_, _, best) in FIELDS.items():
        values = [common.median_of(rows, field) for rows in models.values()]
        known = [value for value in values if value is not None]
        tops[field] = best(known) if best and len(known) > 1 else None
    head = ["method", "seeds", "chosen", *(label for _, label, _ in FIELDS.values())]
    lines = ["| " + " | ".join(head) + " |", "| --- | ---: | --- |" + " ---: |" * len(FIELDS)]
    rest = [method for method in done if method not in models]
    for method in [*sorted(models, key=lambda m: common.median_of(done[m], "c2st")), *rest]:
        rows = done[method]
        cells = [_versions(rows), str(len(rows)), _dial(rows)]
        for field, (form, _, _) in FIELDS.items():
            value = common.median_of(rows, field)
            text = "" if value is None else format(value, form)
            bold = method in models and value is not None and value == tops[field]
            cells.append(f"**{text}**" if bold else text)
        if method in rest:  # nothing was fitted or drawn
            cells[-3:] = ["", "", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _facts(rows: Results) -> str:
    first = rows[0]
    sizes = first["rows"]
    # Of a measure that is no longer used only older results know it.
    sound = [r for r in rows if r["measure"] != "accuracy" or r.get("utility_leaf")]
    real = common.median_of(sound, "utility_real")
    copies = common.median_of(rows, "copied_heldout")
    known = "not measured" if real is None else f"real rows give {real:.3f}"
    return (
        f"{sizes['train']:,} training rows, {sizes['heldout']:,} held-out rows, "
        f"{sizes['columns']} columns. Utility: {MEASURES[first['measure']]} of "
        f"{first['target']}; {known}. "
        f"Held-out rows that are copies: {copies:.2%}.\n"
    )


def _versions(rows: Results) -> str:
    packages = {f"{n} {v}" for r in rows for n, v in r["packages"].items()}
    name = NAMES[rows[0]["method"]]
    return f"{name} ({', '.join(sorted(packages))})" if packages else name


def _dial(rows: Results) -> str:
    """What was chosen so that the fit ends in time, as "57 of 300 epochs"."""
    parts = []
    dials = [r["dial"] for r in rows if r["dial"]]
    if dials:
        values = " / ".join(str(v) for v in dict.fromkeys(dial["value"] for dial in dials))
        parts.append(f"{values} of {dials[0]['default']} {dials[0]['name']}")
    if any(r["drawn"] < r["rows"]["heldout"] for r in rows):
        parts.append(f"{common.median_of(rows, 'drawn'):,.0f} rows drawn")
    return "; ".join(parts)


def _plain(message: str) -> str:
    return f"`{message.replace('`', chr(39))}`" if ":" in message else message + "."


def main(argv: list[str] | None = None) -> None:
    """Writes the page, or checks it."""
    common.report(
        "benchmarks.joint_report",
        PAGE,
        lambda: page(common.read_results(RESULTS), NOTES.read_text()),
        argv,
    )


if __name__ == "__main__":
    main()
