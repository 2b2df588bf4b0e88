"""What a hidden pixel sees when an image is completed in raster order: docs/images/raster.png.

python docs/docs_src/raster.py [path]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch, Rectangle

from qdist.data.pictures import half

COLOURS = {
    "the pixel that is drawn": "#c62828",
    "known, and seen by it": "#1565c0",
    "known, but after it: not seen": "#bbdefb",
    "hidden, drawn before it: seen": "#ef9a9a",
    "hidden, drawn after it": "#eeeeee",
}
SIZE = (7, 9)


def panel(axes, mask, at, title):
    """One image with its mask, seen from the pixel `at`."""
    drawn, seen, unseen, before, after = COLOURS.values()
    for row, column in np.ndindex(*mask.shape):
        first = (row, column) < at
        if (row, column) == at:
            colour = drawn
        elif mask[row, column]:
            colour = before if first else after
        else:
            colour = seen if first else unseen
        axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white"))
    axes.set(xlim=(0, SIZE[1]), ylim=(SIZE[0], 0), aspect="equal", title=title)
    axes.axis("off")


def main() -> None:
    """Draw the picture."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/images/raster.png")
    hole = np.zeros(SIZE, bool)
    hole[2:5, 3:6] = True
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.4))
    panel(axes[0], half(SIZE, "lower"), (4, 4), "lower half hidden")
    panel(axes[1], hole, (3, 4), "a hole")
    panel(axes[2], half(SIZE, "upper"), (1, 4), "upper half hidden")
    handles = [Patch(facecolor=colour, label=label) for label, colour in COLOURS.items()]
    figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.02, right=0.98, top=0.9, bottom=0.22, wspace=0.08)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main()
