"""CSV to the last digit where its types are known, and no word of it taken for what it is not."""

import datetime as dt
import io
from decimal import Decimal

import pyarrow as pa
import pytest

from qdist.data.csv_text import csv_bytes, read_csv
from qdist.data.files import read_table
from qdist.errors import FileFormatError


def read(content, **types):
    return read_csv(content, types, what="x")


EXACT = {
    "decimal": (pa.decimal128(18, 2), [Decimal("4000000000000001.73"), Decimal("-0.10")]),
    "wide decimal": (pa.decimal256(40, 2), [Decimal("1" * 38 + ".73")]),
    "hundreds": (pa.decimal128(18, -2), [Decimal("12345678901234567800")]),
    "uint64": (pa.uint64(), [18446744073709541721, 0]),
    "int64": (pa.int64(), [-(2**63), 2**63 - 1]),
    "time32[s]": (pa.time32("s"), [dt.time(0, 24, 55)]),
    "time32[ms]": (pa.time32("ms"), [dt.time(0, 24, 55), dt.time(23, 59, 59, 999000)]),
    "time64[us]": (pa.time64("us"), [dt.time(0, 24, 55), dt.time(0, 0, 0, 1)]),
    "time64[us] of whole seconds": (pa.time64("us"), [dt.time(0, 24, 55)]),
    "time64[ns]": (pa.time64("ns"), [86_399_999_999_999, 1]),
    "duration[s]": (pa.duration("s"), [-(2**62), 90]),
    "duration[ms]": (pa.duration("ms"), [2**62 + 1, 1]),
    "duration[us]": (pa.duration("us"), [2**62 + 1, 10, 0]),
    "duration[ns]": (pa.duration("ns"), [17280003700000001, -(2**62) - 1, 10**18]),
    "short duration[ns]": (pa.duration("ns"), [1, -3_700_000_001]),
    "text": (pa.large_string(), ["010", "1e3", "true"]),
}


@pytest.mark.parametrize("lone", [True, False])
@pytest.mark.parametrize("case", EXACT)
def test_what_is_written_reads_again_to_the_last_digit(case, lone):
    kind, values = EXACT[case]
    columns = {"a": pa.chunked_array([pa.array(values, kind), pa.array([None], kind)])}
    table = pa.table(columns if lone else {**columns, "b": list(range(len(values) + 1))})
    back = read(csv_bytes(table), a=kind)
    assert back["a"].cast(kind).equals(table["a"])


def test_other_ways_to_write_the_same():
    assert read(b"a,b\n 5.0 ,1\n1e3,1\n", a=pa.uint64())["a"].to_pylist() == [5, 1000]
    assert read(b"a\n 00:24\n1:00:00\n", a=pa.time32("ms"))["a"].to_pylist()[0] == " 00:24"
    assert read(b"a\n 00:24\n01:00:00\n", a=pa.time32("ms"))["a"].to_pylist() == [
        dt.time(0, 24),
        dt.time(1),
    ]
    found = read(b"a\n1E+2\n4.7300\n", a=pa.decimal128(18, 2))["a"]
    assert found.to_pylist() == [Decimal("100.00"), Decimal("4.73")]
    assert found.type == pa.decimal128(18, 2)


def test_cells_of_another_type_are_typed_by_their_looks():
    content = b"a,b,c\n90.5,1.5,x\n7,2,010\n"
    found = read(content, a=pa.time32("s"), b=pa.int64(), c=pa.string())
    assert found.to_pydict() == {"a": [90.5, 7.0], "b": [1.5, 2.0], "c": ["x", "010"]}
    assert read(b"a\n0.1234567\n", a=pa.duration("us"))["a"].to_pylist() == [0.1234567]


def test_a_decimal_that_does_not_fit_is_not_rounded():
    found = read(b"a,b\n4.735,1\n1.00,1\n", a=pa.decimal128(18, 2))["a"]
    assert found.to_pylist() == ["4.735", "1.00"]


def test_unknown_and_doubled_names_do_no_harm():
    found = read(b"a,a\n1,2\n", a=pa.uint64(), b=pa.uint64())
    assert [column.to_pylist() for column in found.columns] == [[1], [2]]


# -- what is no UTF-8 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "byte"),
    [
        (b"n\xe4me,v\na,1\n", "0xe4 in line 1"),
        (b"name,v\na,1\n\xf6,2\n", "0xf6 in line 3"),
        (b"name,v\n1,\xc3", "0xc3 in line 2"),
        ("name,v\n".encode("utf-16"), "0xff in line 1"),
        (b"a\n" + "é".encode() * 2**20 + b"\n\xff\n", "0xff in line 3"),
        (b"a\nx" + "é".encode() * 2**19 + b"\xe4\n", "0xe4 in line 2"),
    ],
)
def test_what_is_no_utf8_says_where(content, byte):
    with pytest.raises(FileFormatError, match=rf"not UTF-8 \({byte}\)\. Save it as UTF-8\."):
        read(content)


def test_utf8_is_checked_before_arrow_reads(monkeypatch):
    """Threads of Arrow that are starting when the process ends abort it."""

    def fail(*_args, **_settings):
        raise AssertionError("Arrow was called")

    monkeypatch.setattr("pyarrow.csv.read_csv", fail)
    for content in (b"a\n\xe4\n", b"a;b\n1;2\n"):
        with pytest.raises(FileFormatError):
            read(content)


def test_letters_cut_by_the_pieces_of_the_check_are_whole():
    text = "x" + "é€𝄞" * 2**18
    assert read(f"a\n{text}\n".encode())["a"].to_pylist() == [text]
    assert read(b"\xef\xbb\xbfa\n\xc3\xa9\n").to_pydict() == {"a": ["é"]}


# -- other separators --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"a;b\n1;2\n3;4\n", "semicolons"),
        (b"a;b\n1,5;2,5\n", "semicolons"),
        (b"a\tb\n1\t2\n", "tabs"),
        (b'"a";"b"\r\n"1";"x,y"\r\n', "semicolons"),
        (b"\xef\xbb\xbfa;b\n1;2\n", "semicolons"),
        (b"a;b\n" + b"1;2\n" * 20_000, "semicolons"),
    ],
)
def test_other_separators_are_named(content, name):
    with pytest.raises(FileFormatError, match=rf"commas between; got {name}\. Save it with comm"):
        read_table(io.BytesIO(content))


@pytest.mark.parametrize(
    "content",
    [
        b"a;b\n1\n2\n",
        b"a\n1;2\n3;4\n",
        b'"a;b"\n"1;2"\n',
        b"a;b,c\n1;2,3\n",
        b"a;b\n",
        b'"a\n;b"\n"1\n;2"\n',
    ],
)
def test_one_column_may_hold_them(content):
    read_table(io.BytesIO(content))
