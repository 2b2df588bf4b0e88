"""The demo: fit the bundled penguins, sample, sample given some columns, score, draw.

    python docs/docs_src/penguins.py [--max-time 60s] [--out demo-out]

The picture is that of the first page of the site.
"""

import argparse
from pathlib import Path

import qdist
from qdist.data.datasets import load_penguins
from qdist.plots import marginals
from qdist.progress import showing


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", help="limit to the time for training, such as 60s")
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

    marginals(penguins, sampled).savefig(options.out / "penguins.png", dpi=110)
    sampled.to_csv(options.out / "penguins-sampled.csv", index=False)
    model.save(options.out / "penguins.qdist")
    for path in sorted(options.out.iterdir()):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
