"""Flat regions stay flat: every head of the benchmark of images on images of a single pixel.

    python -m benchmarks.image_gate            three seeds: some minutes
    python -m benchmarks.image_gate --seeds 1  one seed

Two laws: P(0) = 0.7, P(255) = 0.3; and P(0) = 0.9 with the rest uniform. The aim, for every seed:
grey mass below 0.5 %, share of zeros within 0.01. Shares are counted among draws, as that is all
that a network with levels in its blocks offers; their sampling error is about 0.001.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import common
from benchmarks.image_cases import HEADS

RESULT = common.RESULTS / "image_gate.json"
TRAIN, DRAWN, STEPS, BATCH, RATE = 60_000, 200_000, 600, 512, 1e-2
GREY_LIMIT, SHARE_LIMIT = 0.005, 0.01
LAWS = ("two ends", "zeros")

Bytes = npt.NDArray[np.uint8]


def draw(law: str, n: int, seed: int) -> Bytes:
    """Images of one pixel, shape (n, 1, 1)."""
    rng = np.random.default_rng(seed)
    other = np.full(n, 255) if law == "two ends" else rng.integers(1, 256, n)
    grey = np.where(rng.random(n) < (0.7 if law == "two ends" else 0.9), 0, other)
    if law == "two ends":  # the grid shall be of all 256 values, not of two
        grey[:256] = np.arange(256)
    return grey.astype(np.uint8)[:, None, None]


def measure(head: str, law: str, seed: int) -> dict[str, float]:
    """Grey mass, and the error of the share of zeros, of one fit."""
    from qdist import ImageModel

    settings = dict(HEADS[head])
    levels = settings.pop("levels", "head")
    model = ImageModel(
        **settings,
        backbone_args={"features": 16, "layers": 2, "first": 3, "levels": levels},
        max_steps=STEPS,
        batch_size=BATCH,
        learning_rate=RATE,
        validation_fraction=0.0,
        random_state=seed,
    )
    train = draw(law, TRAIN, seed)
    drawn = model.fit(train).sample(DRAWN, random_state=seed)
    # Of "zeros" every grey value is possible: count what is too much beside the atom.
    low, high = (1, 255) if law == "two ends" else (1, 9)
    between = [float(((x >= low) & (x < high)).mean()) for x in (drawn, train)]
    return {
        "grey": max(0.0, between[0] - between[1]),
        "share_error": abs(float((drawn == 0).mean() - (train == 0).mean())),
    }


def run(seeds: int) -> dict[str, Any]:
    """All heads and laws: medians, and how many seeds meet the aim."""
    start, results = time.perf_counter(), {}
    for head in HEADS:
        for law in LAWS:
            rows = [measure(head, law, seed) for seed in range(seeds)]
            row: dict[str, float] = {
                name: statistics.median(r[name] for r in rows) for name in rows[0]
            }
            row["passes"] = sum(
                r["grey"] < GREY_LIMIT and r["share_error"] <= SHARE_LIMIT for r in rows
            )
            results.setdefault(head, {})[law] = row
            print(head, law, row, flush=True)
    return {
        "seeds": seeds,
        "steps": STEPS,
        "batch": BATCH,
        "rate": RATE,
        "results": results,
        "seconds": round(time.perf_counter() - start, 1),
        "machine": common.machine(),
        "versions": common.versions(),
    }


def section(report: dict[str, Any]) -> str:
    """The results as a part of the page of images."""
    seeds = report["seeds"]
    lines = [
        "## First of all: flat regions\n",
        f"Images of one pixel, {report['steps']} steps of {report['batch']} at a learning rate of "
        f"{report['rate']}; "
        + ("one seed. " if seeds == 1 else f"medians of {seeds} seeds. ")
        + "A cell reads grey mass / error of the share of zeros. Grey that the training images "
        "have too is taken off (0.42% of *two ends*, so that its grid has more than two values). "
        f"The aim is below {GREY_LIMIT:.1%} and within {SHARE_LIMIT}. Bold cells meet it with "
        "every seed, cells with a star with some seeds.\n",
        "| head | " + " | ".join(LAWS) + " |",
        "| --- |" + " ---: |" * len(LAWS),
    ]
    for head, by_law in report["results"].items():
        cells = []
        for law in LAWS:
            row = by_law[law]
            text = f"{row['grey']:.2%} / {row['share_error']:.3f}"
            star = " *" if row["passes"] else ""
            cells.append(f"**{text}**" if row["passes"] == seeds else text + star)
        lines.append(f"| {head} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs all, and writes the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image_gate")
    parser.add_argument("--seeds", type=int, default=3)
    common.write_json(RESULT, run(parser.parse_args().seeds))


if __name__ == "__main__":
    main()
