"""The demo of images: fit scikit-learn's digits with their labels, sample, complete, draw.

    python docs/docs_src/digits.py [--max-time 50s] [--out demo-out]

The pictures are those of the tutorial on images.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import qdist
from qdist.data.pictures import completions, half, image_grid, write_images
from qdist.progress import showing


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-time", default="50s", help="limit to the time for training")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the files")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images, labels = digits.images[order].astype(np.uint8), digits.target[order]
    train, test = slice(None, 1500), slice(1500, None)
    print(f"{len(images[train])} digits to fit, {len(images[test])} held out")

    model = qdist.ImageModel(
        max_time=options.max_time,
        backbone_args={"features": 32, "layers": 4},
        random_state=0,
    )
    with showing(visible=True):
        model.fit(images[train], labels[train])
    print(f"\n{model.schema_}\n")
    bits = model.bits_per_dim(images[test], given=labels[test]).mean()
    print(f"Bits for each grey value of a held-out digit: {bits:.2f} (uniform: {np.log2(17):.2f})")

    given = np.repeat(np.arange(10), 10)
    drawn = model.sample(100, given=given, random_state=1)
    known, hidden = images[test][:10], half((8, 8), "lower")
    completed = model.inpaint(known, hidden, n_draws=9, random_state=1)
    assert (completed[:, :, ~hidden] == known[:, ~hidden]).all()  # what is known stays

    shown = {"digits": drawn, "digits-completed": completions(known, completed, hidden, shade=8)}
    for name, stack in shown.items():
        # 17 grey values, made as bright as a picture can show them, and large enough to look at.
        picture = image_grid(stack * 15, columns=10, zoom=4, shade=90)
        write_images(picture[None], options.out / f"{name}.png", gap=0)
    model.save(options.out / "digits.qdist")
    for name in ("digits.png", "digits-completed.png", "digits.qdist"):
        print(f"wrote {options.out / name}")


if __name__ == "__main__":
    main()
