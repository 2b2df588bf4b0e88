"""The demo: fit the bundled penguins, sample, sample given some columns, score, draw.

    python docs/docs_src/penguins.py [--max-time 60s] [--out demo-out]

The picture is that of the first page of the site.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

import qdist
from qdist.data.datasets import load_penguins
from qdist.progress import showing

REAL, SAMPLED = "#8a8f98", "#3f51b5"


def compare(axes: Axes, real: pd.Series, sampled: pd.Series) -> None:
    """Draw one column's marginal in both tables; among codes, missing is one of them."""
    if pd.api.types.is_numeric_dtype(real) and real.nunique() > 10:
        edges = np.histogram_bin_edges(real.dropna(), bins=24)
        for values, colour, label in ((real, REAL, "real"), (sampled, SAMPLED, "sampled")):
            known = values.dropna()
            weights = np.full(len(known), 1 / len(values))
            kind = {"histtype": "stepfilled" if label == "real" else "step", "linewidth": 1.8}
            axes.hist(known, edges, weights=weights, color=colour, label=label, **kind)
    else:
        shares = pd.DataFrame(
            {
                "real": real.astype("string").fillna("missing").value_counts(normalize=True),
                "sampled": sampled.astype("string").fillna("missing").value_counts(normalize=True),
            }
        ).fillna(0.0)
        shares = shares.sort_index() if pd.api.types.is_numeric_dtype(real) else shares
        at = np.arange(len(shares))
        axes.bar(at - 0.2, shares["real"], 0.4, color=REAL, label="real")
        axes.bar(at + 0.2, shares["sampled"], 0.4, color=SAMPLED, label="sampled")
        axes.set_xticks(at, list(shares.index))
    axes.set_title(str(real.name), fontsize=10)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)


def draw(real: pd.DataFrame, sampled: pd.DataFrame, path: Path) -> None:
    """Draw the marginals of all columns side by side."""
    figure, grid = plt.subplots(2, 4, figsize=(11, 4.6), layout="constrained")
    for axes, column in zip(grid.flat, real.columns, strict=True):
        compare(axes, real[column], sampled[column])
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", default="60s", help="time for training (60s)")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the files")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    penguins = load_penguins().sample(frac=1, random_state=0).reset_index(drop=True)
    train, held_out = penguins[:230], penguins[230:]
    print(f"{len(train)} penguins to fit, {len(held_out)} held out, {penguins.shape[1]} columns\n")

    model = qdist.TabularModel(max_time=options.max_time, random_state=0)
    with showing(visible=True):
        model.fit(train)
    print(f"\n{model.schema_}\n")

    sampled = model.sample(1000, random_state=1)
    print("Sampled:", sampled.head(5).to_string(index=False), sep="\n", end="\n\n")
    given = {"species": "Gentoo", "sex": "female"}
    birds = model.sample(5, given=given, random_state=1)
    print(f"Sampled given {given}:", birds.to_string(index=False), sep="\n", end="\n\n")

    print(qdist.evaluate(held_out, sampled, train=train), end="\n\n")

    draw(penguins, sampled, options.out / "penguins.png")
    sampled.to_csv(options.out / "penguins-sampled.csv", index=False)
    model.save(options.out / "penguins.qdist")
    for path in sorted(options.out.iterdir()):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
