"""Make docs/benchmarks/images.md of the committed results: `python -m benchmarks.images_report`.

The numbers come from benchmarks/results/images (the full run) and images_short, the words from
benchmarks/notes/images.md. `--check` fails where the page is not what the results would give.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from benchmarks import common, image_gate, image_rates
from benchmarks.image_cases import CASES, HEADS
from benchmarks.images import stem_of
from benchmarks.report import machine_text

DOCS = common.ROOT.parent / "docs"
PAGE = DOCS / "benchmarks" / "images.md"
NOTES = common.ROOT / "notes" / "images.md"
FOLDERS = {"full": common.RESULTS / "images", "short": common.RESULTS / "images_short"}

Results = list[dict[str, Any]]

INTRODUCTION = """\
# Images: does the quantile loss alone improve them?

The paper claims that the same backbone makes better images when the quantile loss takes the place
of a softmax: on CIFAR-10 its distance FID falls from 65.9 to 49.5, and the classification accuracy
score rises from 64.0 to 74.3. Here one Gated PixelCNN stands under five heads, with the same
features, layers, optimiser and batches. Images have labels, and are drawn given them.

- **Accuracy**: the classification accuracy score. A small convolutional classifier is taught by
  drawn images alone, and tested on real test images. More is better.
- **Frechet**: the distance between drawn and test images in 64 features of a classifier of real
  images, taken as normal laws, by eigenvalues. It is not FID; compare it within this page only.
- **Kernel**: the unbiased kernel distance in the same features.
- **Precision, recall**: the share of drawn images that lie among the real ones, and of real images
  that lie among the drawn ones (third neighbours).
- **CRPS, energy**: of completions, with the lower half hidden and the label given. The fair CRPS
  of the hidden grey values (0 to 1), and the energy score, of 10 draws.
- **Bits**: for each grey value of test images, each law mixed with {floor:.1%} of a uniform one.
- **Grey**: the mass on values other than 0 at places where test images are 0 in 99.5 % of cases,
  less the mass that test images have there. **Zeros**: the share of exact zeros among all grey
  values.

*implicit, blocks* is the paper's PixelIQN (a level in every block, Huber loss with a small kappa),
but for the marginal quantiles under the network, the cut to the range and what
[the page of the network](../reference/pixelcnn.md#where-the-levels-enter) lists;
it has no law of a pixel, and so no bits. *implicit, query* is ours. Only these two are trained by
a quantile loss; *categorical*, *binned* and *spline* are trained by the log score. *real images*
are training images in the place of drawn ones: the best that can be hoped for.
"""

COLUMNS = {
    "accuracy": ("accuracy_score", ".1%"),
    "Frechet": ("frechet", ".1f"),
    "kernel": ("kernel", ".1f"),
    "precision": ("precision", ".2f"),
    "recall": ("recall", ".2f"),
    "CRPS": ("inpaint_crps", ".4f"),
    "energy": ("inpaint_energy", ".3f"),
    "bits": ("bits_per_dim", ".3f"),
    "grey": ("background_grey", ".2%"),
    "zeros": ("zeros", ".3f"),
    "steps": ("steps_done", ",.0f"),
    "fit, s": ("fit_seconds", ",.0f"),
    "draw, s": ("sample_seconds", ".1f"),
}


def page(by_size: dict[str, Results], notes: str, *, gate: dict[str, Any] | None = None) -> str:
    """The page, as markdown; `gate` is what came of images of one pixel."""
    every = [r for results in by_size.values() for r in results]
    floor = next((r["floor"] for r in every if "floor" in r), 0.0)
    parts = [
        "<!-- Made by `python -m benchmarks.images_report`; edit benchmarks/notes/images.md. -->",
        INTRODUCTION.format(floor=floor),
        image_gate.section(gate) if gate else "",
    ]
    for size, results in by_size.items():
        kinds = dict.fromkeys((r["set"], r["budget"]) for r in results)
        for name, budget in sorted(kinds, key=lambda kind: list(CASES).index(kind[0])):
            mine = [r for r in results if (r["set"], r["budget"]) == (name, budget)]
            parts += [_heading(size, name, budget, mine), table(mine), _grids(size, mine)]
    parts.append(_unfinished(by_size.get("full", [])))
    parts += [notes.strip() + "\n", "## Machine and versions\n", machine_text(every)]
    return "\n".join(part for part in parts if part)


def _unfinished(full: Results) -> str:
    """What is lacking of the main table, three seeds of every head for equal times."""
    case = CASES["mnist14"]
    runs = [r["head"] for r in full if (r["set"], r["budget"]) == (case.name, "time")]
    lacking = sum(max(0, case.seeds - runs.count(head)) for head in HEADS)
    if not lacking:
        return ""
    most = case.seeds * len(HEADS)
    state = f"lacks {lacking} of {most} fits" if runs else "has not been done"
    return (
        f"!!! warning\n    The full run ({case.minutes:.0f} minutes a fit, {case.seeds} seeds of "
        f"each head) {state}.\n    Nothing here decides the claim.\n"
    )


def _heading(size: str, name: str, budget: str, mine: Results) -> str:
    counts = {sum(r["head"] == head for r in mine) for head in HEADS} - {0}
    least, seeds = (min(counts), max(counts)) if counts else (1, 1)
    what = "equal time" if budget == "time" else "equal steps"
    kind = "the full run" if size == "full" else "a short run"
    models = [r for r in mine if "steps_done" in r]
    several = f"{least} {'or' if seeds - least == 1 else 'to'} {seeds}" if least < seeds else seeds
    words = f"Medians of {several} seeds a head." if seeds > 1 else "One seed."
    if models and budget == "steps":
        words += f" {max(r['n_steps'] for r in models):,} steps of 64 images."
    if models and budget == "time":
        minutes = f"{models[0]['limit_seconds'] / 60:.0f} minutes"
        words += f" {minutes} of training each"
        words += ", counted as the steps that idle cores make." if size == "full" else "."
    words += " The learning rate was chosen for each head on held-out training images"
    if size == "short" or name == image_rates.CASE:
        words += f" of the first seed, after {image_rates.STEPS} steps"
    else:
        words += ", in fits of a tenth of the steps"
    rates: dict[str, set[str]] = {}
    for r in models:
        rates.setdefault(r["head"], set()).add(f"{r['rate']:g}")
    each = (f"{head} {' or '.join(sorted(found))}" for head, found in sorted(rates.items()))
    words += f": {', '.join(each)}."
    if models:
        first = models[0]
        words += (
            f" Bits of {min(first['tested'], first['compared']):,} test images, completions of "
            f"{first['completed']:,}."
        )
        words += f" {first['drawn']:,} images drawn, {first['compared']:,} of them compared."
        backbones = {f"{r['head']} {r['parameters']:,} + {r['head_parameters']:,}" for r in models}
        words += f" Parameters of backbone and head: {'; '.join(sorted(backbones))}."
    return f"## {name}, {what}: {kind}\n\n{words}\n"


# Scores of which the least and the largest over seeds are shown as well.
WITH_RANGE = ("accuracy", "Frechet", "CRPS", "bits")


def table(results: Results) -> str:
    """A row for each head: medians over its seeds, and what they lie between."""
    lines = ["| head | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for head in [*HEADS, "real images"]:
        mine = [r for r in results if r["head"] == head]
        if not mine:
            continue
        cells = []
        for name, (field, form) in COLUMNS.items():
            value = common.median_of(mine, field)
            # Images in colour have no flat background, and so no grey mass on it.
            cell = "" if value is None or math.isnan(value) else format(value, form)
            if cell and len(mine) > 1 and name in WITH_RANGE:
                ends = [format(end([r[field] for r in mine]), form) for end in (min, max)]
                cell += f" ({ends[0]} to {ends[1]})"
            if name == "steps" and any(r["steps_done"] < r["n_steps"] for r in mine if cell):
                cell += f" of {common.median_of(mine, 'n_steps'):,.0f}"  # its time was over
            cells.append(cell)
        lines.append(f"| {head} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _grids(size: str, results: Results) -> str:
    """The first hundred samples of each head's first seed, ten of a class in a row."""
    lines = []
    for head in HEADS:
        seeds = sorted(r["seed"] for r in results if r["head"] == head)
        if seeds:
            one = next(r for r in results if r["head"] == head)
            stem = stem_of(one["set"], one["budget"], head, seeds[0])
            lines.append(f"**{head}**\n\n![{head}](../images/images-{size}/{stem}.png)\n")
    intro = "The first hundred images that each head drew, a class a row, not selected.\n"
    return "\n".join([intro, *lines]) if lines else ""


def write_pictures(folders: dict[str, Path]) -> None:
    """Copies the grids of first seeds into the site, three times as large."""
    from PIL import Image

    for size, folder in folders.items():
        for source in sorted(folder.glob("*-0.png")):
            target = DOCS / "images" / f"images-{size}" / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(source) as picture:
                larger = (3 * picture.width, 3 * picture.height)
                picture.resize(larger, Image.Resampling.NEAREST).save(target, optimize=True)


def gate_results() -> dict[str, Any] | None:
    """The committed results of images of one pixel."""
    path = image_gate.RESULT
    return json.loads(path.read_text()) if path.exists() else None


def main(argv: list[str] | None = None) -> None:
    """Writes the page, or checks it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images_report")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if out of date")
    args = parser.parse_args(argv)
    by_size = {size: common.read_results(folder) for size, folder in FOLDERS.items()}
    by_size = {size: results for size, results in by_size.items() if results}
    if not by_size:
        sys.exit("Expected results of images; got none. Run python -m benchmarks.images.")
    text = page(by_size, NOTES.read_text() if NOTES.exists() else "", gate=gate_results())
    if args.check:
        if not PAGE.exists() or PAGE.read_text() != text:
            sys.exit(f"{PAGE.name} is out of date. Run python -m benchmarks.images_report.")
        return
    write_pictures(FOLDERS)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text)
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
