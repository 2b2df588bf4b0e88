"""Conditions as typed, and text made safe to show."""

import datetime as dt
from decimal import Decimal

import pytest
from click import BadParameter

from qdist.cli_text import aligned, parse_given, parse_label, plain
from qdist.codecs.image import ImageSchema
from qdist.codecs.schema import MISSING, ColumnSchema, Schema
from qdist.errors import InputError, UnknownNameError

SCHEMA = Schema(
    (
        ColumnSchema("age", "number", "int64", integer=True),
        ColumnSchema("height", "number", "double"),
        ColumnSchema("price", "number", "decimal128(8, 2)"),
        ColumnSchema("sex", "nominal", "string"),
        ColumnSchema("year", "ordered", "int64"),
        ColumnSchema("member", "boolean", "bool"),
        ColumnSchema("seen", "datetime", "timestamp[us, tz=UTC]"),
        ColumnSchema("born", "date", "date32[day]"),
        ColumnSchema("at", "time", "time64[us]"),
        ColumnSchema("stay", "timedelta", "duration[us]"),
    )
)

VALUES = {
    "whole": ("age=40", {"age": 40}),
    "not whole": ("age=40.5", {"age": 40.5}),
    "real": ("height=-1e3", {"height": -1000.0}),
    "decimal": ("price=1.10", {"price": Decimal("1.10")}),
    "text": ("sex=Female", {"sex": "Female"}),
    "text with =": ("sex=a=b", {"sex": "a=b"}),
    "text with a comma": ('"sex=a, b",age=3', {"sex": "a, b", "age": 3}),
    "digits of an ordered column": ("year=2008", {"year": 2008}),
    "true": ("member=True", {"member": True}),
    "false": ("member=0", {"member": False}),
    "datetime": (
        "seen=2024-05-01T12:00:00+00:00",
        {"seen": dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)},
    ),
    "date": ("born=2024-05-01", {"born": dt.date(2024, 5, 1)}),
    "time": ("at=12:30", {"at": dt.time(12, 30)}),
    "duration": ("stay=90", {"stay": dt.timedelta(seconds=90)}),
    "missing": ("sex=", {"sex": MISSING}),
}


@pytest.mark.parametrize(("text", "expected"), VALUES.values(), ids=VALUES.keys())
def test_a_condition_takes_the_kind_of_its_column(text, expected):
    found = parse_given([text], SCHEMA)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(v) for v in expected.values()]


def test_options_add_up():
    assert parse_given(["age=1,height=2", "sex=x"], SCHEMA) == {
        "age": 1,
        "height": 2.0,
        "sex": "x",
    }


def test_nothing_given():
    assert parse_given([], SCHEMA) == {}


ERRORS = {
    "no =": ("age", BadParameter, "expected COLUMN=VALUE; got 'age'"),
    "empty item": ("age=1,", BadParameter, "expected COLUMN=VALUE; got ''"),
    "twice": ("age=1,age=2", BadParameter, "expected each column once; got 'age' twice"),
    "unknown": ("colour=red", UnknownNameError, "got 'colour'"),
    "no number": ("age=old", InputError, "kind number .* 'age'; got 'old'"),
    "no boolean": ("member=perhaps", InputError, "kind boolean .* got 'perhaps'"),
    "no date": ("born=yesterday", InputError, "kind date .* got 'yesterday'"),
    "no decimal": ("price=cheap", InputError, "kind number .* got 'cheap'"),
}


@pytest.mark.parametrize(("text", "error", "match"), ERRORS.values(), ids=ERRORS.keys())
def test_a_condition_that_cannot_be_read(text, error, match):
    with pytest.raises(error, match=match):
        parse_given([text], SCHEMA)


def test_plain_text_stays():
    assert plain("Grüße, 東京\nnext") == "Grüße, 東京\nnext"


def test_control_codes_are_spelt_out():
    assert plain("\x1b]0;title\x07\r\u202e") == r"\x1b]0;title\x07\r\u202e"


def test_nothing_to_align():
    assert aligned([]) == ""


@pytest.mark.parametrize(
    ("typed", "classes", "label"),
    [("true", (False, True), True), ("False", (False, True), False), ("true", ("true",), "true")],
)
def test_labels_as_typed(typed, classes, label):
    assert (
        parse_label([typed], ImageSchema(1, 1, classes=classes, counts=(5,) * len(classes)))
        == label
    )


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((), "Expected no --given, as the model was fitted without labels; got 'cat'. Leave it"),
        (("dog",), "Expected a label that was fitted: dog; got 'cat'. Correct it, or fit images"),
    ],
    ids=["none", "others"],
)
def test_a_label_that_is_none(classes, words):
    with pytest.raises(InputError, match=words):
        parse_label(["cat"], ImageSchema(1, 1, classes=classes, counts=(5,) * len(classes)))
