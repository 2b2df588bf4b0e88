"""The units of a coordinate: where its values lie, and how widely they spread."""

from math import sqrt

from qdist.backbones import Coordinate
from qdist.errors import InputError

__all__ = ["units_of"]


def units_of(coordinate: Coordinate) -> dict[str, float]:
    """Return the arguments `lower`, `upper`, `loc` and `scale` of a head for real values.

    They follow from the marginal bins, as if all bins together held one uniform law. Without
    bins there is nothing to say, and the head's defaults hold. Ordered codes are the grid of
    whole numbers, and bring a `step` of 1.

    Args:
        coordinate: A real coordinate, or one of at least two ordered codes.

    Returns:
        Keyword arguments, possibly none.

    Raises:
        InputError: If the coordinate has codes without an order, or a single one.

    Example:
        >>> units_of(Coordinate("x", bins=((0.0, 4.0), (4.0, 12.0))))["loc"]
        6.0
    """
    levels = coordinate.levels
    if levels is not None and levels > 1 and coordinate.ordered:
        # The standard deviation of the uniform law on n neighbouring whole numbers.
        scale = sqrt((levels**2 - 1) / 12)
        return {
            "lower": 0.0,
            "upper": levels - 1.0,
            "step": 1.0,
            "loc": (levels - 1) / 2,
            "scale": scale,
        }
    if levels is not None:
        raise InputError(
            f"Expected a real coordinate, or ordered codes; got the codes of {coordinate.name!r}. "
            "Choose the categorical head."
        )
    if not coordinate.bins:
        return {}
    lower, upper = coordinate.bins[0][0], coordinate.bins[-1][1]
    if not lower < upper:
        return {"loc": lower}
    middle, length = (lower + upper) / 2, upper - lower
    return {"lower": lower, "upper": upper, "loc": middle, "scale": length / sqrt(12)}
