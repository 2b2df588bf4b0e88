"""The learning rate of each head on images of 14x14: `python -m benchmarks.image_rates`.

Every head is fitted for a few hundred steps at each rate; the one of the best score on images that
are held out of the *training* images is taken, once, for all seeds. (On other sets each fit of the
full run chooses its own.) The scores are kept in benchmarks/results/image_rates.json; what is
there already is not run again.
"""

import json
from typing import Any

from benchmarks import common
from benchmarks.image_cases import CASES, FEW_HELD_OUT, HEADS, RATES, model_args

RESULT = common.RESULTS / "image_rates.json"
CASE, SEED, STEPS = "mnist14", 0, 300


def score(head: str, rate: float) -> float:
    """The best held-out loss of a short fit, in the head's own units."""
    from qdist import ImageModel

    case = CASES[CASE]
    x, y, _, _ = case.load()
    args = model_args(case, head, SEED, FEW_HELD_OUT / len(x))
    model = ImageModel(**args, max_steps=STEPS, learning_rate=rate).fit(x, y)
    return float(min(record["validation_loss"] for record in model.history_))


def best_rate(head: str) -> float:
    """The rate of the best score among those to choose from.

    Raises:
        FileNotFoundError: If nothing has been measured yet.
    """
    scores = json.loads(RESULT.read_text())["scores"][head]
    return min(RATES, key=lambda rate: scores[str(rate)])


def main() -> None:
    """Measures what has not been measured yet."""
    found: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"scores": {}}
    for head in HEADS:
        scores = found["scores"].setdefault(head, {})
        for rate in RATES:
            if str(rate) not in scores:
                scores[str(rate)] = score(head, rate)
                print(head, rate, scores[str(rate)], flush=True)
                facts = {"set": CASE, "seed": SEED, "steps": STEPS, "versions": common.versions()}
                common.write_json(RESULT, {**found, **facts})


if __name__ == "__main__":
    main()
