"""Images a second of `ImageModel.fit` beside a bare loop over the same network and loss.

    python -m benchmarks.image_training            all, resumable: ten minutes
    python -m benchmarks.image_training --force    again

Each case runs in a process of its own, and takes turns: a bare loop, the same in bfloat16, and the
package's own loop, several times over; medians are kept. The images are random, as the time does
not depend on what they show.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks import common
from benchmarks.image_training_report import NOTES, PAGE, page
from qdist.codecs.image import ImageCodec
from qdist.estimators.image_rows import recipe_of, training_rows
from qdist.laws import ImageLaw, build
from qdist.training import Limits, Rows, split, train

FOLDER = common.RESULTS / "image_training"
STEPS, BATCH, TIMES = 60, 64, 3
# A fit of 3,000 steps scores 1,000 images every 150 steps: so much for 60 steps, once.
VALIDATIONS, HELD_OUT = 1, 400


@dataclass(frozen=True)
class Case:
    """Grey images of one side, a head, and where levels enter."""

    side: int
    head: str
    levels: str = "head"

    @property
    def name(self) -> str:
        """The name of the result's file."""
        return f"{self.side}-{self.head}-{self.levels}"


CASES = (
    Case(14, "categorical"),
    Case(14, "binned"),
    Case(14, "implicit", "blocks"),
    Case(28, "binned"),
)


def law_of(case: Case, codec: ImageCodec) -> ImageLaw:
    """The law as `ImageModel` would make it, with 32 features and 6 layers."""
    settings: dict[str, Any] = {
        "backbone": "pixelcnn",
        "backbone_args": {"features": 32, "layers": 6, "levels": case.levels},
        "head": case.head,
        "head_args": {},
    }
    return build(lambda: ImageLaw(codec, **settings), seed=0, device="cpu")


def bare(law: ImageLaw, rows: Rows, *, half: bool, steps: int = STEPS) -> float:
    """Seconds of a loop that does nothing but draw rows, and learn from them.

    Args:
        law: The network and the loss.
        rows: Training rows.
        half: Whether products are taken in bfloat16.
        steps: How many steps.
    """
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(law.parameters(), lr=2e-3, fused=True)
    questions = law.questions(BATCH, generator=generator)
    law.train()
    start = time.perf_counter()
    for _ in range(steps):
        y = rows.y[torch.randint(len(rows), (BATCH,), generator=generator)]
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = law(y, questions, generator=generator).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return time.perf_counter() - start


def package(law: ImageLaw, rows: Rows, held_out: Rows) -> float:
    """Seconds of the package's loop, validation, averaging and clipping included."""
    recipe = replace(recipe_of(BATCH, 2e-3), validations=VALIDATIONS)
    limits = Limits(max_steps=STEPS)
    start = time.perf_counter()
    train(law, rows, held_out, limits=limits, recipe=recipe, seed=0)
    return time.perf_counter() - start


def measure(case: Case) -> dict[str, Any]:
    """The times of a case."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5000 + HELD_OUT, case.side, case.side), dtype=np.uint8)
    labels = np.arange(len(images)) % 10
    codec = ImageCodec.fit(images, labels)
    law = law_of(case, codec)
    rows, held_out = split(
        training_rows(codec, images, labels, law.device), HELD_OUT / len(images), 0
    )
    assert held_out is not None
    law.start(rows.y)
    jobs = {
        "bare": lambda: bare(law, rows, half=False),
        "bfloat16": lambda: bare(law, rows, half=True),
        "package": lambda: package(law, rows, held_out),
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    bare(law, rows, half=True, steps=5)  # a warm-up
    bare(law, rows, half=False, steps=5)
    for _ in range(TIMES):
        for name, job in jobs.items():
            seconds[name].append(job())
    a_second = {name: STEPS * BATCH / statistics.median(all_) for name, all_ in seconds.items()}
    return {
        "case": vars(case),
        "steps": STEPS,
        "batch": BATCH,
        "times": TIMES,
        "images_a_second": a_second,
        "seconds_each": {k: [round(s, 2) for s in all_] for k, all_ in seconds.items()},
        "share": a_second["package"] / a_second["bare"],
        "machine": common.machine(),
        "versions": common.versions(),
    }


def main(argv: list[str] | None = None) -> None:
    """Runs the cases that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.image_training", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.job:
        case = Case(**args.job)
        common.write_json(FOLDER / f"{case.name}.json", measure(case))
        return
    jobs = {FOLDER / f"{c.name}.json": ["--job", json.dumps(vars(c))] for c in CASES}
    common.run_jobs("benchmarks.image_training", jobs, force=args.force)
    PAGE.write_text(page(common.read_results(FOLDER), NOTES.read_text()))


if __name__ == "__main__":
    main()
