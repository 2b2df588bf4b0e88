"""How long sampling images takes, in forward passes: `python -m benchmarks.image_sampling`.

Each case runs in a process of its own: sampling, one full forward pass and the same with all
values read by the head, in turn, several times over; medians are kept. It writes
`benchmarks/results/image_sampling/` and `docs/benchmarks/image-sampling.md`, with the words of
`benchmarks/notes/image-sampling.md`. Networks are untrained, as the time does not depend on the
weights. `--page` only writes the page, `--quick` runs one small case and writes nothing.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks import common
from qdist.backbones import Coordinate, ImageDomain
from qdist.heads import BinnedHead, CategoricalHead, ColumnHeads, ImplicitHead, SplineHead
from qdist.joint import Autoregressive
from qdist.registry import backbone
from qdist.rng import uniforms

FOLDER = common.RESULTS / "image_sampling"
PAGE = common.ROOT.parent / "docs" / "benchmarks" / "image-sampling.md"
NOTES = common.ROOT / "notes" / "image-sampling.md"
HEADS = {
    "categorical": (CategoricalHead, {}),
    "binned": (BinnedHead, {}),
    "spline": (SplineHead, {"levels": "free", "score": "both"}),
    "implicit": (ImplicitHead, {}),
}


@dataclass(frozen=True)
class Case:
    """Images of one shape, a network, a head and where levels enter."""

    images: int
    side: int
    channels: int
    features: int
    layers: int
    head: str = "categorical"
    levels: str = "head"
    threads: int = 2
    asked: float | None = None

    @property
    def name(self) -> str:
        """The name of the result's file."""
        shape = f"{self.images}x{self.side}x{self.side}x{self.channels}"
        return f"{shape}-{self.head}-{self.levels}-{self.threads}"


GREY = {"side": 28, "channels": 1, "features": 32, "layers": 6}
CASES = (
    Case(64, **GREY, asked=1.5),
    Case(256, **GREY, asked=1.0),
    Case(64, 32, 3, 64, 10, asked=2.0),
    Case(1, **GREY, asked=20.0),
    Case(64, **GREY, threads=1, asked=1.5),
    Case(256, **GREY, threads=1, asked=1.0),
    Case(64, 32, 3, 64, 10, threads=1, asked=2.0),
    Case(1, **GREY, threads=1, asked=20.0),
    Case(64, **GREY, head="binned", threads=1),
    Case(64, **GREY, head="spline", threads=1),
    Case(64, **GREY, head="implicit", threads=1),
    Case(64, **GREY, head="implicit", levels="query", threads=1),
    Case(64, **GREY, head="implicit", levels="blocks", threads=1),
    Case(128, **GREY, threads=1),
)


def model(case: Case) -> Autoregressive:
    """The joint law of the case, with random weights."""
    torch.manual_seed(0)
    domain = ImageDomain(case.side, case.side, case.channels)
    network = backbone("pixelcnn")(
        domain, features=case.features, layers=case.layers, levels=case.levels
    )
    grey = Coordinate("grey", levels=256, ordered=True)
    cls, args = HEADS[case.head]
    heads = [cls.for_coordinate(grey, network.context, **args) for _ in range(case.channels)]
    places = list(range(case.channels)) * case.side**2
    return Autoregressive(
        network,
        ColumnHeads(heads, places=places),
        settle=lambda drawn: drawn.round().clamp(0, 255),
    ).eval()


def run(case: Case, *, times: int) -> dict[str, Any]:
    """The times and the memory of a case."""
    torch.set_num_threads(case.threads)
    load = os.getloadavg()[0]
    joint = model(case)
    y = torch.zeros(case.images, joint.dim)
    hidden = torch.zeros_like(y, dtype=torch.bool)
    tau = torch.rand(y.shape, generator=torch.Generator().manual_seed(0))

    def sample() -> Tensor:
        """As `ImageModel.sample`: levels are drawn, and values brought to their grid."""
        levels = uniforms(0, range(case.images), columns=joint.dim).to(y)
        return joint.fill(y, hidden, tau=levels, read="network")

    before = common.peak_memory_gb()
    drawn = sample()
    peak = common.peak_memory_gb() - before
    network, planes = joint.backbone, joint.backbone.planes
    rank = torch.arange(joint.dim)

    def forward(layout: torch.memory_format) -> Callable[[], Tensor]:
        @torch.no_grad()
        def one() -> Tensor:
            network.planes = lambda y: planes(y).contiguous(memory_format=layout)
            return network(drawn, rank, tau=tau)

        return one

    def with_head(one: Callable[[], Tensor]) -> Callable[[], None]:
        @torch.no_grad()
        def read() -> None:
            h = one()
            for c in range(case.channels):
                part = slice(c, None, case.channels)
                joint.heads[c].value_at(h[:, part], tau[:, part])

        return read

    layouts = {
        "rows of planes": forward(torch.contiguous_format),
        "channels last": forward(torch.channels_last),
    }
    # Each layout with the head too: which of them is faster may depend on how it is read.
    heads = {f"{name}, with head": with_head(one) for name, one in layouts.items()}
    jobs = {"sample": sample, **layouts, **heads}
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for name, job in jobs.items():
        if name != "sample":
            job()  # a warm-up; sampling has had its own
    for _ in range(times):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    middle = {name: statistics.median(all_) for name, all_ in seconds.items()}
    layout = min(layouts, key=lambda name: middle[name])
    head_layout = min(heads, key=lambda name: middle[name])
    return {
        "case": {**vars(case)},
        "values": joint.dim,
        "times": times,
        "load": round(load, 1),
        "layout": layout,
        "sample_ms": 1e3 * middle["sample"],
        "sample_ms_each": [round(1e3 * s, 1) for s in seconds["sample"]],
        "forward_ms": 1e3 * middle[layout],
        "forward_ms_each": [round(1e3 * s, 1) for s in seconds[layout]],
        "other_layout_ms": 1e3 * max(middle[name] for name in layouts),
        "with_head_ms": 1e3 * middle[head_layout],
        "other_with_head_ms": 1e3 * max(middle[name] for name in heads),
        "with_head_ms_each": [round(1e3 * s, 1) for s in seconds[head_layout]],
        "ratio": middle["sample"] / middle[layout],
        "ratio_with_head": middle["sample"] / middle[head_layout],
        "speed_up": joint.dim * middle[layout] / middle["sample"],
        "peak_mb": 1024 * peak,
        "machine": common.machine(),
        "versions": common.versions(),
    }


INTRODUCTION = """\
# Sampling images

This page tells how long it takes to draw a batch of images, in units of **one full forward pass**
over the same batch: the network's contexts of all values, in float32, without gradients, in the
faster of two memory layouts. A sampler without caches needs such a pass for every value. The
networks are those of [`GatedPixelCNN`](../reference/pixelcnn.md), with a first convolution of 7
columns and others of 3; weights are random, and grey values have 256 levels. All times of a row
are of one process, which takes them in turn, {times} times over; the tables hold medians.

- **Ratio**: the time of sampling over that of the forward pass of the network alone. Sampling
  includes the levels, the head, the rounding of values and the bookkeeping of
  [`fill`](../reference/joint.md); the pass does not.
- **With head**: the same over a pass that also reads a value off the head at each coordinate,
  again in the faster of the two layouts.
- **Against a pass a value**: the number of values times the forward pass, over sampling. That
  many passes were not run: their time is extrapolated.
- **Memory**: by how much the process's high-water mark rose while it sampled.
- **Load**: how many other programs wanted the cores when the case began (the system's load
  average). The two times of a ratio are taken in turn, so load slows both, but not alike.

Repeat it with `python -m benchmarks.image_sampling`.
"""


def page(results: list[dict[str, Any]], notes: str) -> str:
    """The page, as markdown."""
    found = {Case(**r["case"]).name: r for r in results}
    ordered = [found[case.name] for case in CASES if case.name in found]
    asked = [case for case in CASES if case.asked is not None]
    parts = [
        "<!-- Made by `python -m benchmarks.image_sampling`; edit benchmarks/notes instead. -->",
        INTRODUCTION.format(times=min(r["times"] for r in ordered)),
        "## Aims and results\n",
        "| images | network | threads | aim | ratio | with head | met |",
        "| --- | --- | ---: | ---: | ---: | ---: | :---: |",
        *(_asked(case, found.get(case.name)) for case in asked),
        "\n## All cases\n",
        "| images | head | levels in | threads | sample, ms | pass, ms | with head, ms | ratio "
        "| against a pass a value | memory, MB | load |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_row(r) for r in ordered),
        "",
        notes.strip() + "\n",
        "## Machine and versions\n",
        _machine(ordered[0]),
    ]
    return "\n".join(parts)


def _shape(case: dict[str, Any]) -> str:
    return f"{case['images']} of {case['side']} x {case['side']} x {case['channels']}"


def _asked(case: Case, result: dict[str, Any] | None) -> str:
    asked = (
        f"| {_shape(vars(case))} | {case.features} features, {case.layers} layers "
        f"| {case.threads} | at most {case.asked:.1f} "
    )
    if result is None:
        return f"{asked}| not measured | | |"
    met = "yes" if result["ratio"] <= (case.asked or 0) else "**no**"
    return f"{asked}| {result['ratio']:.2f} | {result['ratio_with_head']:.2f} | {met} |"


def _row(result: dict[str, Any]) -> str:
    case = result["case"]
    return (
        f"| {_shape(case)} | {case['head']} | {case['levels']} | {case['threads']} "
        f"| {result['sample_ms']:,.0f} | {result['forward_ms']:,.0f} "
        f"| {result['with_head_ms']:,.0f} | {result['ratio']:.2f} "
        f"| {result['speed_up']:,.0f} times faster | {result['peak_mb']:,.0f} "
        f"| {result['load']:.1f} |"
    )


def _machine(result: dict[str, Any]) -> str:
    facts = result["machine"]
    versions = ", ".join(f"{k} {result['versions'][k]}" for k in ("python", "torch", "numpy"))
    return (
        f"{facts['cores']} cores, {'a' if facts['gpu'] else 'no'} GPU, {facts['memory_gb']} GB of "
        f"memory, {facts['system']}.\nVersions: {versions}.\n"
    )


def main(argv: list[str] | None = None) -> None:
    """Run all cases and write the page, or one of these."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image_sampling")
    parser.add_argument("--case", help="run this one and write its result")
    parser.add_argument("--times", type=int, default=7, help="how often each time is taken")
    parser.add_argument("--page", action="store_true", help="write the page only")
    parser.add_argument("--quick", action="store_true", help="one small case, nothing written")
    parser.add_argument("--force", action="store_true", help="repeat cases that are done")
    args = parser.parse_args(argv)
    if args.quick:
        result = run(Case(8, 14, 1, 16, 3), times=3)
        print(f"8 images of 14 x 14: {result['ratio']:.1f} forward passes")
        return
    if args.case:
        cases = {case.name: case for case in CASES}
        if args.case not in cases:
            sys.exit(f"Expected a case out of {', '.join(cases)}; got {args.case}.")
        common.write_json(FOLDER / f"{args.case}.json", run(cases[args.case], times=args.times))
        return
    if not args.page:
        jobs = {
            FOLDER / f"{case.name}.json": ["--case", case.name, "--times", str(args.times)]
            for case in CASES
        }
        common.run_jobs("benchmarks.image_sampling", jobs, force=args.force)
    PAGE.write_text(page(common.read_results(FOLDER), NOTES.read_text()))


if __name__ == "__main__":
    main()
