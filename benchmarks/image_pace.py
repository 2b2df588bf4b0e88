"""How many steps each head trains in a second: `python -m benchmarks.image_pace`, on idle cores.

The full run of images gives every head the steps of so many minutes, and not the minutes: then
other work on the machine costs time, not quality, and no rate is cut off before it has come down.
Long and short fits take turns; medians are kept in benchmarks/results/image_pace.json, and what is
there already is not run again.
"""

import json
import statistics
import time
from typing import Any

from benchmarks import common
from benchmarks.image_cases import CASES, HEADS, model_args

RESULT = common.RESULTS / "image_pace.json"
SHORT, LONG, TIMES = 20, 80, 3


def seconds_of(case: str, head: str, steps: int) -> float:
    """Seconds of a fit of so many steps, its start included."""
    from qdist import ImageModel

    x, y, _, _ = CASES[case].load()
    args = model_args(CASES[case], head, 0, 0.0)  # nothing held out: no early stop
    start = time.perf_counter()
    ImageModel(**args, max_steps=steps, learning_rate=4e-3).fit(x, y)
    return time.perf_counter() - start


def steps_of(case: str, head: str, seconds: float) -> int:
    """The steps that fit in so many seconds of idle cores.

    Raises:
        FileNotFoundError: If nothing has been measured yet.
        KeyError: If this head has not been measured on this set.
    """
    found = json.loads(RESULT.read_text())["steps_a_second"][case][head]
    return round(seconds * found)


def main() -> None:
    """Measures what has not been measured yet."""
    found: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    paces = found.setdefault("steps_a_second", {})
    for case in CASES:
        missing = [head for head in HEADS if head not in paces.get(case, {})]
        times: dict[str, list[float]] = {head: [] for head in missing}
        for _ in range(TIMES):
            for head in missing:
                both = seconds_of(case, head, LONG) - seconds_of(case, head, SHORT)
                times[head].append((LONG - SHORT) / both)
                print(case, head, times[head][-1], flush=True)
        if missing:
            medians = {head: statistics.median(values) for head, values in times.items()}
            paces.setdefault(case, {}).update(medians)
            facts = {"machine": common.machine(), "versions": common.versions()}
            common.write_json(RESULT, {**found, **facts})


if __name__ == "__main__":
    main()
