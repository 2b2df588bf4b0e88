"""W1 and the quantile divergence of two laws: the picture of the page on the mathematics.

python docs/docs_src/divergence.py [--out docs/images/divergence.png]
"""

import argparse
from pathlib import Path

from scipy import stats

from qdist.plots import divergence


def main() -> None:
    """Compare a skewed law on [0, 1] with a uniform law inside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/divergence.png"))
    arguments = parser.parse_args()
    figure = divergence(stats.beta(0.7, 1.6), stats.uniform(0.15, 0.6))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
