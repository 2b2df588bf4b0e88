"""The page of `benchmarks.image_training`."""

from typing import Any

from benchmarks import common

__all__ = ["NOTES", "PAGE", "page"]

NOTES = common.ROOT / "notes" / "image_training.md"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "image-training.md"

INTRODUCTION = """\
<!-- Made by `python -m benchmarks.image_training`; edit benchmarks/notes/image_training.md. -->
# Training on images

This page compares how many images a second [`ImageModel.fit`](../reference/estimators.md) and a
**bare loop** learn from. The bare loop has the same network, loss and batches. It draws rows, does
a forward pass, a backward pass and a step of AdamW, and nothing else. The package's loop also
clips gradients, averages weights, validates as often as a fit of 3,000 steps does, and sizes its
batches by the memory there is. Aim: at least 90 % of the bare loop's images a second.

Networks have 32 features and 6 layers; batches have 64 images of random grey values. Each time is
of {steps} steps; the loops take turns, and the table holds medians of {times}. *bfloat16* is the
bare loop with torch's products in that type. Speeds are images a second.

Repeat it with `python -m benchmarks.image_training`.

| images | head | levels in | bare | package | share | at least 90 % | bfloat16 |
| --- | --- | --- | ---: | ---: | ---: | :---: | ---: |
"""


def page(results: list[dict[str, Any]], notes: str) -> str:
    """The page, as markdown."""
    lines = []
    for r in sorted(results, key=lambda r: (r["case"]["side"], r["case"]["head"])):
        case, speed = r["case"], r["images_a_second"]
        met = "yes" if r["share"] >= 0.9 else "**no**"
        lines.append(
            f"| {case['side']} x {case['side']} | {case['head']} | {case['levels']} "
            f"| {speed['bare']:,.0f} | {speed['package']:,.0f} | {r['share']:.0%} | {met} "
            f"| {speed['bfloat16']:,.0f} |"
        )
    first = results[0]
    text = INTRODUCTION.format(steps=first["steps"], times=first["times"])
    machine = f"{first['machine']['cores']} cores, torch {first['versions']['torch']}."
    return text + "\n".join(lines) + f"\n\n{notes.strip()}\n\n## Machine\n\n{machine}\n"
