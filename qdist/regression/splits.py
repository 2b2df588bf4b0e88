r"""Which questions a symmetric tree asks: level by level the one that lowers the error most.

A question "is the code of feature f above b?" parts every leaf. With G and C the sums of weighted
residuals and of weights in a leaf, g and c those of its rows up to b, and s the shrinkage, it
lowers the squared error of the leaf's shrunken means by

$$\frac{g^2}{c + s} + \frac{(G - g)^2}{C - c + s} - \frac{G^2}{C + s}.$$

There are two ways to sum that over leaves. While leaves are few, every cell (leaf, f, b) is
filled and looked at. A deep level has more cells than rows, most of them empty: there the rows
are sorted by leaf and code, and only what each of them changes is added up. Both find the same
questions; the second takes the time of the rows, however many leaves there are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from qdist.regression.bins import Codes, Floats

__all__ = ["Asked"]

# A cell costs less than a row: it is not sorted.
_CELLS_A_ROW: Final = 2


@final
@dataclass(frozen=True)
class Asked:
    """Rows that a tree is grown on.

    Args:
        codes: Of each feature, shape (F, N).
        sizes: The number of questions about each feature, shape (F,), at least 1; codes go from 0
            to it.
        pull: Residuals times weights, shape (N,).
        weight: What each row counts, shape (N,).

    Example:
        The second feature parts what the first does not.

        >>> codes, pull = np.array([[0, 1, 0, 1], [0, 0, 1, 2]]), np.array([-1.0, -1.0, 1.0, 1.0])
        >>> Asked(codes, np.array([1, 2]), pull, np.ones(4)).questions(1, shrinkage=1.0)
        [(1, 0)]
    """

    codes: Codes
    sizes: NDArray[np.intp]
    pull: Floats
    weight: Floats

    def questions(self, depth: int, *, shrinkage: float) -> list[tuple[int, int]]:
        """The questions (f, b) of a tree, one for each of its levels.

        Args:
            depth: The number of levels.
            shrinkage: Weight of residual 0 that is added to each leaf, above 0.
        """
        bins = int(self.sizes.max()) + 1
        no_question = np.arange(bins) >= self.sizes[:, None]
        leaf, chosen = np.zeros(len(self.pull), np.intp), []
        for level in range(depth):
            leaves = 2**level
            many = leaves * bins > _CELLS_A_ROW * len(self.pull)
            gain = (self._by_rows if many else self._by_cells)(leaf, leaves, bins, shrinkage)
            gain[no_question] = -np.inf
            f, b = divmod(int(gain.argmax()), bins)
            chosen.append((f, b))
            leaf = 2 * leaf + (self.codes[f] > b)
        return chosen

    def _by_cells(self, leaf: Codes, leaves: int, bins: int, shrinkage: float) -> Floats:
        """The gains (F, bins) of all questions, up to a constant that they share."""
        shape = (leaves, len(self.codes), bins)
        at = (leaf * (shape[1] * bins) + self._places(bins) + self.codes).ravel()

        def summed(what: Floats | None) -> Floats:
            each = None if what is None else np.broadcast_to(what, self.codes.shape).ravel()
            cells = np.bincount(at, each, minlength=leaves * shape[1] * bins)
            return cells.reshape(shape).cumsum(-1)

        g = summed(self.pull)
        c = summed(None) * self.weight[0] if self._even else summed(self.weight)
        gain = g * g / (c + shrinkage)
        gain += (g[..., -1:] - g) ** 2 / (c[..., -1:] - c + shrinkage)
        return np.asarray(gain.sum(0))

    def _by_rows(self, leaf: Codes, leaves: int, bins: int, shrinkage: float) -> Floats:
        """The same, from what each row changes where it crosses over to the side of a no."""
        n = len(self.pull)
        key = leaf * bins + self.codes
        if leaves * bins <= 2**16:  # short numbers are sorted by their digits
            key = key.astype(np.uint16)
        order = key.argsort(-1, kind="stable")
        code = np.take_along_axis(self.codes, order, -1)
        # Sorted, leaf follows leaf, for all features at the same places.
        count = np.bincount(leaf, minlength=leaves)
        begin, of = count.cumsum() - count, np.repeat(np.arange(leaves), count)
        g_all = np.bincount(leaf, self.pull, minlength=leaves)
        c_all = np.bincount(leaf, self.weight, minlength=leaves)
        g = self.pull[order].cumsum(-1) - (g_all.cumsum() - g_all)[of]
        if self._even:
            c = (np.arange(1, n + 1) - begin[of]) * self.weight[0]
        else:
            c = self.weight[order].cumsum(-1) - (c_all.cumsum() - c_all)[of]
        gain = g * g / (c + shrinkage)
        gain += (g_all[of] - g) ** 2 / (c_all[of] - c + shrinkage)
        # Of several rows of one code the changes add up to that of all of them.
        change, taken = np.diff(gain, axis=-1, prepend=0.0), count > 0
        first = begin[taken]
        change[:, first] = gain[:, first] - (g_all**2 / (c_all + shrinkage))[taken]
        at = (self._places(bins) + code).ravel()
        cells = np.bincount(at, change.ravel(), minlength=len(self.codes) * bins)
        return cells.reshape(-1, bins).cumsum(-1)

    @cached_property
    def _even(self) -> bool:
        """Whether all rows count alike, so that it is enough to count them."""
        return bool((self.weight == self.weight[0]).all())

    def _places(self, bins: int) -> Codes:
        """Where the cells of each feature begin, shape (F, 1)."""
        return np.arange(len(self.codes))[:, None] * bins
