"""Does the quantile loss alone improve the images of the same backbone? Fit, draw, measure.

    QDIST_DATA=path/to/data python -m benchmarks.images          all, resumable: about half a day
    QDIST_DATA=path/to/data python -m benchmarks.images --short  5 minutes a head and seed
    QDIST_DATA=path/to/data python -m benchmarks.images --quick  a look: minutes

Each run is a process of its own and ends in one file under benchmarks/results/images, with its
first hundred samples beside it as a picture. `python -m benchmarks.images_report` makes a page.
The learning rates of 14x14 come from `benchmarks.image_rates`; the steps that fit in the minutes
of the full run from `benchmarks.image_pace`.
"""

import argparse
import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from benchmarks import common, image_pace, image_rates
from benchmarks import image_scores as scores
from benchmarks.image_cases import CASES, FEW_HELD_OUT, HEADS, RATES, Case, model_args
from benchmarks.image_classifier import Classifier, train_classifier

FLOOR = 0.001  # weight of the uniform law in bits per dimension
SHORT_SECONDS = 300
DRAWS = 10


@dataclass(frozen=True)
class Plan:
    """How long, and how much is drawn."""

    budget: str  # "time" or "steps"
    seconds: float | None  # of training; where steps are set too, those that fit in them
    steps: int | None
    drawn: int
    tested: int
    completed: int
    rates: tuple[float, ...]  # to choose from, or else
    rate: float = 8e-3
    judge_steps: int = 1500  # of the classifiers
    held_out: int = 1000  # training images for early stopping, a tenth of them at most


def plan_of(case: Case, budget: str, size: str) -> Plan:
    """The full, the short or the quick run of a case, but for what depends on the head."""
    if size == "quick":
        return Plan(budget, None, 5, drawn=300, tested=20, completed=10, rates=(), judge_steps=100)
    if size == "short":
        few = {"drawn": 3000, "tested": 100, "completed": 100, "judge_steps": 600}
        limit = (SHORT_SECONDS, None) if budget == "time" else (None, case.steps // 15)
        return Plan(budget, *limit, rates=(), held_out=FEW_HELD_OUT, **few)
    seconds = 60 * case.minutes if budget == "time" else None
    steps = None if budget == "time" else case.steps
    return Plan(budget, seconds, steps, drawn=5000, tested=1000, completed=200, rates=RATES)


def for_head(plan: Plan, case: Case, head: str, size: str) -> Plan:
    """The plan with what was measured of a head beforehand: its learning rate and its pace."""
    if size != "quick" and case.name == image_rates.CASE:
        plan = replace(plan, rates=(), rate=image_rates.best_rate(head))
    if size == "full" and plan.seconds is not None:
        plan = replace(plan, steps=image_pace.steps_of(case.name, head, plan.seconds))
    return plan


def measure(case: Case, head: str, seed: int, plan: Plan) -> tuple[dict[str, Any], Any]:
    """Fits, draws and scores once; the samples come along."""
    from qdist import ImageModel

    x, y, x_test, y_test = case.load()
    args = model_args(case, head, seed, min(plan.held_out / len(x), 0.1))
    rate, tried = plan.rate, {}
    if plan.rates:  # a tenth of the budget each; the score is that of the held-out part
        assert plan.steps is not None
        part: dict[str, Any] = {"max_steps": plan.steps // 10, "max_epochs": 1e6}
        for option in plan.rates:
            fitted = ImageModel(**args, **part, learning_rate=option).fit(x, y)
            tried[str(option)] = min(r["validation_loss"] for r in fitted.history_)
        rate = float(min(tried, key=lambda name: tried[name]))
    limits: dict[str, Any] = (
        {"max_steps": plan.steps} if plan.steps else {"max_time": plan.seconds}
    )
    limits["max_epochs"] = 1e6  # or the default number of epochs would end it earlier
    start = time.perf_counter()
    model = ImageModel(**args, **limits, learning_rate=rate).fit(x, y)
    fit_seconds = time.perf_counter() - start

    classes = len(model.classes_)
    given = np.arange(plan.drawn) % classes
    start = time.perf_counter()
    drawn = model.sample(plan.drawn, given=given, random_state=seed)
    sample_seconds = time.perf_counter() - start
    small = slice(0, plan.tested)
    bits = None
    if "log_prob" in model.module_.can:
        bits = float(model.bits_per_dim(x_test[small], given=y_test[small], floor=FLOOR).mean())
    result = {
        "set": case.name,
        "head": head,
        "seed": seed,
        "budget": plan.budget,
        "limit_seconds": plan.seconds,
        "rate": rate,
        "rates_tried": tried,
        "n_steps": model.n_steps_,
        "steps_done": model.history_[-1]["step"],
        "best_step": min(model.history_, key=lambda r: r["validation_loss"])["step"],
        "held_out": [(r["step"], round(r["validation_loss"], 5)) for r in model.history_],
        "fit_seconds": fit_seconds,
        "drawn": plan.drawn,
        "tested": len(x_test[small]),
        "completed": plan.completed,
        "sample_seconds": sample_seconds,
        "parameters": sum(p.numel() for p in model.module_.backbone.parameters()),
        "head_parameters": sum(p.numel() for p in model.module_.heads.parameters()),
        "bits_per_dim": bits,
        "floor": FLOOR,
        **against(x, y, x_test, y_test, drawn, given, seed=seed, steps=plan.judge_steps),
        **complete(model, x_test, y_test, plan.completed, seed),
        **common_facts(),
    }
    first = np.argsort(given[:100], kind="stable")
    return result, drawn[:100][first]


def against(
    x: Any, y: Any, x_test: Any, y_test: Any, drawn: Any, given: Any, *, seed: int, steps: int
) -> dict[str, float]:
    """Scores of drawn images with labels, against those of a classifier of real ones."""
    judge = judge_of(x, y, steps)
    pupil = train_classifier(drawn, given, seed=seed, steps=steps)
    n = min(len(drawn), len(x_test))
    real, fake = judge.features(x_test[:n]), judge.features(drawn[:n])
    few = min(n, 2000)
    precision, recall = scores.precision_recall(real[:few], fake[:few])
    return {
        "accuracy_score": pupil.accuracy(x_test, y_test),
        "judge_accuracy": judge.accuracy(x_test, y_test),
        "label_agreement": judge.accuracy(drawn, given),
        "frechet": scores.frechet_distance(real, fake),
        "kernel": scores.kernel_distance(real, fake),
        "precision": precision,
        "recall": recall,
        "compared": n,
        **scores.flatness(x_test, drawn),
    }


def judge_of(x: Any, y: Any, steps: int) -> Classifier:
    """The classifier of real images: one for all heads and seeds, trained once."""
    digest = hashlib.sha256(np.ascontiguousarray(x).tobytes() + np.asarray(y).tobytes())
    path = common.SCRATCH / "judges" / f"{digest.hexdigest()[:16]}-{steps}.safetensors"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        judge = train_classifier(x, y, seed=1000, steps=steps)
        draft = path.with_suffix(".tmp")
        save_file(judge.state_dict(), draft)
        draft.replace(path)
    judge = Classifier(x.shape[1:], classes=int(np.max(y)) + 1)
    judge.load_state_dict(load_file(path))
    return judge.eval()


def complete(model: Any, x_test: Any, y_test: Any, n: int, seed: int) -> dict[str, float]:
    """Lower halves hidden, the label given."""
    mask = np.zeros(x_test.shape[1:3], bool)
    mask[mask.shape[0] // 2 :] = True
    draws = model.inpaint(x_test[:n], mask, n_draws=DRAWS, given=y_test[:n], random_state=seed)
    found = scores.inpainting_scores(x_test[:n], draws, mask)
    return {f"inpaint_{name}": value for name, value in found.items()}


def reference(case: Case, plan: Plan) -> dict[str, Any]:
    """What real training images score in the place of drawn ones: the best that can be hoped."""
    x, y, x_test, y_test = case.load()
    at = np.random.default_rng(0).choice(len(x), min(plan.drawn, len(x)), replace=False)
    return {
        "set": case.name,
        "head": "real images",
        "seed": 0,
        "budget": plan.budget,
        "drawn": len(at),
        **against(x, y, x_test, y_test, x[at], y[at], seed=0, steps=plan.judge_steps),
        **common_facts(),
    }


def common_facts() -> dict[str, Any]:
    """Of the machine and the packages."""
    return {"machine": common.machine(), "versions": common.versions()}


def main(argv: list[str] | None = None) -> None:
    """Runs the jobs that are not done yet, or (with --job) one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sets", nargs="+", choices=list(CASES))
    parser.add_argument("--heads", nargs="+", choices=[*HEADS, "real images"])
    parser.add_argument("--budgets", nargs="+", choices=["time", "steps"])
    parser.add_argument("--seeds", nargs="+", type=int)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", dest="size", action="store_const", const="short", default="full")
    size.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--force", action="store_true", help="repeat what is done already")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    folder = {
        "quick": common.SCRATCH / "images",
        "short": common.RESULTS / "images_short",
        "full": common.RESULTS / "images",
    }[args.size]
    out = args.out or folder
    sets = args.sets or (list(CASES) if args.size == "full" else ["mnist14"])
    usual = {"full": ["time", "steps"], "short": ["time"], "quick": ["steps"]}
    budgets = args.budgets or usual[args.size]
    heads = args.heads or [*HEADS, "real images"]

    if args.job:
        (name,), (head,), (budget,), (seed,) = sets, heads, budgets, args.seeds
        case, plan = CASES[name], plan_of(CASES[name], budget, args.size)
        if head in HEADS:
            plan = for_head(plan, case, head, args.size)
        stem = stem_of(name, budget, head, seed)
        if head == "real images":
            result = reference(case, plan)
        else:
            result, samples = measure(case, head, seed, plan)
            from qdist.data.pictures import write_images

            out.mkdir(parents=True, exist_ok=True)
            write_images(samples, out / f"{stem}.png", columns=10)
        common.write_json(out / f"{stem}.json", {**result, "size": args.size})
        return
    jobs: dict[Path, list[str]] = {}
    for name in sets:
        for budget in budgets:
            for head in heads:
                one = args.size == "quick" or head == "real images"
                most = 1 if one else CASES[name].seeds
                for seed in args.seeds or range(most):
                    words = ["--job", "--out", str(out), "--sets", name, "--budgets", budget]
                    words += ["--heads", head, "--seeds", str(seed)]
                    words += [] if args.size == "full" else [f"--{args.size}"]
                    jobs[out / f"{stem_of(name, budget, head, seed)}.json"] = words
    common.run_jobs("benchmarks.images", jobs, force=args.force or args.size == "quick")
    print(json.dumps([row(r) for r in common.read_results(out)], indent=1))


def stem_of(name: str, budget: str, head: str, seed: int) -> str:
    """The name of a result's file, without its ending."""
    return f"{name}-{budget}-{head.replace(', ', '_').replace(' ', '_')}-{seed}"


def row(result: dict[str, Any]) -> dict[str, Any]:
    """The few numbers to look at first."""
    names = ("set", "budget", "head", "seed", "accuracy_score", "frechet", "bits_per_dim")
    return {name: result.get(name) for name in names}


if __name__ == "__main__":
    torch.set_num_threads(max(1, torch.get_num_threads()))
    main()
