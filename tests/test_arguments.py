"""What users pass: durations, weights, numbers of rows and ranges of levels."""

import numpy as np
import pytest
import torch

from qdist.arguments import (
    column_order,
    functions,
    keywords,
    level_range,
    number,
    row_count,
    row_weights,
    seconds,
)
from qdist.errors import InputError

DURATIONS = {
    "seconds": (90, 90.0),
    "a part of a second": (0.5, 0.5),
    "text without a unit": ("90", 90.0),
    "seconds as text": ("90s", 90.0),
    "minutes": ("5m", 300.0),
    "minutes in full": ("5 min", 300.0),
    "hours with a point": ("1.5h", 5400.0),
    "space and capitals": (" 2 H ", 7200.0),
    "no nought before the point": (".5m", 30.0),
    "a float of numpy": (np.float64(2.5), 2.5),
    "an integer of numpy": (np.int64(3), 3.0),
}


@pytest.mark.parametrize(("duration", "expected"), DURATIONS.values(), ids=DURATIONS)
def test_durations(duration, expected):
    assert seconds(duration) == expected


@pytest.mark.parametrize(
    "duration",
    [0, -1, float("nan"), float("inf"), True, "", "m", "5 weeks", "-5m", "0s", "1e3s", None, [5]],
    ids=repr,
)
def test_what_is_no_duration(duration):
    with pytest.raises(InputError, match="Expected a duration above 0, in seconds or such as"):
        seconds(duration)


def test_weights_have_mean_one():
    assert torch.equal(row_weights(None, 3), torch.ones(3))
    # Mean 2: 1/2, 0, 5/2.
    assert row_weights([1, 0, 5], 3).tolist() == [0.5, 0.0, 2.5]
    assert row_weights(np.array([True, False]), 2).tolist() == [2.0, 0.0]
    assert row_weights([1e308, 1e308, 0], 3).tolist() == [1.5, 1.5, 0.0]


WEIGHTS = {
    "too few": ([1.0], r"shape \(3,\); got shape \(1,\)"),
    "two dimensions": ([[1.0], [1.0], [1.0]], r"got shape \(3, 1\)"),
    "negative": ([1.0, -1.0, 1.0], "finite and not negative"),
    "NaN": ([1.0, np.nan, 1.0], "finite and not negative"),
    "infinite": ([1.0, np.inf, 1.0], "finite and not negative"),
    "zeros": ([0, 0, 0], "above 0 in some row; got zeros only"),
    "text": (["a", "b", "c"], "Expected sample_weight"),
    "ragged": ([[1], [1, 2], 3], "Expected sample_weight"),
}


@pytest.mark.parametrize(("weight", "words"), WEIGHTS.values(), ids=WEIGHTS)
def test_what_are_no_weights(weight, words):
    with pytest.raises(InputError, match=words):
        row_weights(weight, 3)


@pytest.mark.parametrize(("n", "expected"), [(None, 1), (0, 0), (5, 5), (np.int32(2), 2)])
def test_numbers_of_rows(n, expected):
    assert row_count(n) == expected
    assert type(row_count(n)) is int


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (-1, "Expected n >= 0; got -1"),
        (True, "Expected n to be a whole number or None; got True"),
        (2.0, "Expected n to be a whole number or None; got 2.0"),
        ("3", "Expected n to be a whole number or None; got '3'"),
    ],
)
def test_what_is_no_number_of_rows(n, words):
    with pytest.raises(InputError, match=words):
        row_count(n)


def test_ranges_of_levels():
    assert level_range((0, 1)) == (0.0, 1.0)
    assert level_range([0.05, 0.95]) == (0.05, 0.95)


@pytest.mark.parametrize(
    "levels",
    [(0.5, 0.5), (0.9, 0.1), (-0.1, 1), (0, 1.1), (np.nan, 1), (0.1,), 0.5, None, ("a", "b")],
    ids=repr,
)
def test_what_is_no_range_of_levels(levels):
    with pytest.raises(InputError, match="Expected 0 <= low < high <= 1 in tau_range; got"):
        level_range(levels)


def test_orders_of_columns():
    assert column_order("any", ["a", "b"]) is None
    assert column_order(("b", "c", "a"), ["a", "b", "c"]) == [1, 2, 0]
    assert column_order([1, 0], ["0", "1"]) == [1, 0]


@pytest.mark.parametrize(
    "order", ["ab", "a", ["a"], ["a", "a"], ["a", "b", "c"], [], None, 3], ids=repr
)
def test_what_is_no_order(order):
    with pytest.raises(InputError, match=r"'any' or each of the columns \['a', 'b'\] once; got"):
        column_order(order, ["a", "b"])


def test_numbers_are_plain():
    assert type(number("n", np.int64(3), least=1, whole=True)) is int
    assert type(number("x", np.float32(0.5), above=0)) is float
    assert number("x", 0, least=0, below=1) == 0.0
    assert number("x", None, optional=True) is None


NUMBERS = {
    "too small": (0, {"above": 0}, "Expected x to be a number > 0; got 0."),
    "below the least": (0, {"least": 1, "whole": True}, "a whole number >= 1; got 0."),
    "too great": (1.0, {"least": 0, "below": 1}, "a number >= 0 and < 1; got 1.0."),
    "not whole": (1.5, {"whole": True, "least": 1}, "a whole number >= 1; got 1.5."),
    "a bool": (True, {"above": 0}, "a number > 0; got True."),
    "None": (None, {}, "Expected x to be a number; got None."),
    "text for a number or None": ("3", {"above": 0, "optional": True}, "> 0 or None; got '3'."),
    "text": ("3", {"above": 0}, "a number > 0; got '3'."),
    "NaN": (np.nan, {"above": 0}, "a number > 0; got nan."),
    "infinite": (np.inf, {"above": 0}, "a number > 0; got inf."),
}


@pytest.mark.parametrize(("value", "bounds", "words"), NUMBERS.values(), ids=NUMBERS)
def test_what_is_no_such_number(value, bounds, words):
    with pytest.raises(InputError, match=words):
        number("x", value, **bounds)


def test_functions_are_called():
    assert functions("callbacks", ()) == []
    assert functions("callbacks", [print, len]) == [print, len]
    for wrong, words in (("stop", "a list of functions; got 'stop'"), ([3], "functions; got 3")):
        with pytest.raises(InputError, match=f"Expected callbacks to be {words}"):
            functions("callbacks", wrong)
    with pytest.raises(InputError, match="callbacks to be a list of functions; got <built"):
        functions("callbacks", print)


def take(frame, *, width=3, depth=2):
    """Something that takes two arguments by name."""


def test_arguments_by_name():
    assert keywords("args", None, of=take) == {}
    assert keywords("args", {"width": 1}, of=take) == {"width": 1}
    assert keywords("args", {"colour": 1}) == {"colour": 1}
    with pytest.raises(InputError, match=r"arguments out of width, depth; got .*Correct ar"):
        keywords("args", {"frame": 1}, of=take)
    with pytest.raises(InputError, match=r"args to be a dict of arguments by name; got \["):
        keywords("args", [1])
