"""How wide, how deep, how many: C2ST against the work that a cell takes, on adult.

    QDIST_DATA=path/to/data python -m benchmarks.table_width      resumable: a quarter of an hour

The defaults of the table model are chosen by this. So the 20,000 training rows of the benchmark of
tables (seed 0) are all that is looked at: three quarters to train on, a quarter to judge by. Each
model takes the same number of steps. Work is counted, not timed: multiplications and additions of
one member for one cell, in millions.
"""

import argparse
import json
from typing import Any

import pandas as pd

from benchmarks import common
from benchmarks.table_width_report import NOTES, PAGE, page
from benchmarks.tables import CASES

STEPS = 1500
SIZES = [(1, width, blocks) for blocks in (1, 2, 3) for width in (96, 128, 192, 256)]
SIZES += [(2, 192, 2)]
FOLDER = common.RESULTS / "table_width"


def measure(members: int, width: int, blocks: int) -> dict[str, Any]:
    """Fits, samples and scores one size once."""
    frame = pd.read_parquet(common.data_folder() / "tables" / "adult.parquet")
    rows, _ = CASES["adult"].split(frame, 0)
    train, heldout = rows[: 3 * len(rows) // 4], rows[3 * len(rows) // 4 :]

    from qdist import TabularModel

    model = TabularModel(
        members=members,
        backbone_args={"width": width, "blocks": blocks},
        max_steps=STEPS,
        random_state=0,
    ).fit(train)
    synthetic = model.sample(len(heldout), random_state=0)

    from benchmarks.c2st import lightgbm_c2st, marginal_error

    return {
        "members": members,
        "width": width,
        "blocks": blocks,
        "steps": STEPS,
        "megaflop_a_cell": megaflop(model, width, blocks),
        "c2st": lightgbm_c2st(heldout, synthetic, seed=0),
        "marginal_error": marginal_error(heldout, synthetic),
        "validation_loss": min(record["validation_loss"] for record in model.history_),
        "versions": common.versions(),
    }


def megaflop(model: Any, width: int, blocks: int) -> float:
    """Of the matrix products of one member for one cell, the mean over the columns.

    A block takes two matrices of width by twice the width; a head one from the width to its
    coefficients, and one on to the bins; a known number one from its cosines to the width.
    """
    first = model.module_.members[0] if model.members > 1 else model.module_
    trunk = blocks * 4 * width**2
    heads = sum(
        first.heads[i].layer.weight.numel() + getattr(first.heads[i], "basis", _NOTHING).numel()
        for i in range(first.dim)
    )
    ranked = len(first.backbone.embed.ranked)
    inputs = ranked * first.backbone.embed.waves[0].numel()
    return 2 * (trunk + (heads + inputs) / first.dim) / 1e6


class _Nothing:
    def numel(self) -> int:
        return 0


_NOTHING = _Nothing()


def main(argv: list[str] | None = None) -> None:
    """Runs the sizes that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table_width", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.job:
        common.write_json(_path(*args.job), measure(*args.job))
        return
    jobs = {_path(*size): ["--job", json.dumps(list(size))] for size in SIZES}
    common.run_jobs("benchmarks.table_width", jobs, force=args.force)
    PAGE.write_text(page(common.read_results(FOLDER), NOTES.read_text()))


def _path(members: int, width: int, blocks: int) -> Any:
    return FOLDER / f"{members}-{width:03d}-{blocks}.json"


if __name__ == "__main__":
    main()
