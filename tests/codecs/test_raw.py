"""What raw values count in."""

import pyarrow as pa
import pytest

from qdist.codecs.raw import natural_unit, ticks_per_unit

TICKS = {
    "days": (pa.date32(), 1),
    "milliseconds of days": (pa.date64(), 86_400_000),
    "seconds": (pa.timestamp("s"), 1),
    "nanoseconds": (pa.duration("ns"), 10**9),
    "microseconds": (pa.time64("us"), 10**6),
    "cents": (pa.decimal128(5, 2), 100),
    "hundreds": (pa.decimal128(5, -2), 0.01),
    "numbers": (pa.int8(), 1),
}


@pytest.mark.parametrize(("kind", "ticks"), TICKS.values(), ids=TICKS)
def test_ticks_of_a_unit_and_the_unit_of_a_tick(kind, ticks):
    assert ticks_per_unit(kind) == ticks
    assert natural_unit(kind) == 1 / ticks
