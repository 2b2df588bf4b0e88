"""Checkers of descriptions: whole lists at once, and one by one."""

from types import NoneType

import pytest

from qdist.errors import FileFormatError
from qdist.files.specs import are_numbers, items, maybe, number, whole

NAN, INF = float("nan"), float("inf")
PAIRS = items(
    items(maybe(number(0, 1)), least=2, most=2),
    sure=are_numbers(float, int, NoneType, least=0, most=1, width=2),
)
CODES = items(whole(0, 3), sure=are_numbers(int, least=0, most=3))
ENDLESS = items(number(), sure=are_numbers(float, int))


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (PAIRS, [[0, 0.5], [None, 1]]),
        (PAIRS, [[None, None]]),
        (PAIRS, []),
        (CODES, [0, 3]),
        (ENDLESS, [1.7e308, -(10**300)]),
    ],
)
def test_lists_that_are_what_they_should_be(check, value):
    check(value, "it")


@pytest.mark.parametrize(
    ("check", "value", "where"),
    [
        (PAIRS, [[0, 0.5], [0.5, 1.5]], "it.1..1."),
        (PAIRS, [[0, 0.5], [0.5]], "it.1."),
        (PAIRS, [[0, 0.5], None], "it.1."),
        (PAIRS, [[0, 0.5], "ab"], "it.1."),
        (PAIRS, [[0.5, NAN]], "it.0..1."),
        (CODES, [0, True], "it.1."),
        (CODES, [0, 1.0], "it.1."),
        (CODES, [0, 4], "it.1."),
        (CODES, [0, None], "it.1."),
        (ENDLESS, [0, -INF], "it.1."),
        (ENDLESS, [0, NAN], "it.1."),
        (ENDLESS, [NAN, 0], "it.0."),
        (ENDLESS, [0, 10**400], "it.1."),
        (ENDLESS, [0, "1"], "it.1."),
    ],
)
def test_what_is_wrong_in_a_list_is_told_with_its_place(check, value, where):
    with pytest.raises(FileFormatError, match=f"at {where} of the model's description"):
        check(value, "it")
