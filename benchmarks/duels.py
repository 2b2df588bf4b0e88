"""Ours beside the best of its rivals, on one set and by one score."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Duel", "duel"]


@dataclass(frozen=True)
class Duel:
    """Two numbers of one score.

    Attributes:
        set: The name of the data.
        score: What is measured, a field of the results.
        ours: That of qdist.
        rival: That of the best of the others.
        who: The best of the others, as results name it.
        best: Which of two is better: `min` or `max`.
    """

    set: str
    score: str
    ours: float
    rival: float
    who: str
    best: Callable[..., Any]

    @property
    def ahead(self) -> bool:
        """Whether ours is as good as the rival's, or better."""
        return bool(self.best(self.ours, self.rival) == self.ours)

    @property
    def ratio(self) -> float:
        """Ours over the rival's."""
        return self.ours / self.rival


def duel(
    name: str, score: str, values: Mapping[str, float | None], best: Callable[..., Any]
) -> Duel | None:
    """The duel of a score of all methods, by name; None where ours or any rival is lacking."""
    rivals = {m: v for m, v in values.items() if m != "qdist" and v is not None}
    ours = values.get("qdist")
    if ours is None or not rivals:
        return None
    first = best(rivals, key=lambda m: rivals[m])
    return Duel(name, score, ours, rivals[first], first, best)
