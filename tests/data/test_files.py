"""Files and streams: what is written reads again, and what cannot be read says why."""

import datetime as dt
import gzip
import io
import os
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest

from qdist.data.datasets import load_penguins
from qdist.data.files import read_table, write_table
from qdist.errors import FileAccessError, FileFormatError, InputError

ENDINGS = [".csv", ".csv.gz", ".parquet", ".feather"]


def table():
    return pa.table(
        {
            "whole": [1, None, 3],
            "real": [0.1 + 0.2, None, -1e-300],
            "text": ["a,b", None, 'with "quotes"\nand a line'],
            "true": [True, None, False],
            "day": [dt.date(2024, 2, 29), None, dt.date(1960, 1, 1)],
            "stamp": pa.array([0, None, 10**9], pa.timestamp("s")),
        }
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_written_reads_again(tmp_path, ending):
    path = tmp_path / f"table{ending}"
    write_table(table(), path)
    assert read_table(path).to_pydict() == table().to_pydict()
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("make", ["pandas", "polars", "pyarrow"])
def test_frames_of_any_make_are_written(tmp_path, ending, make):
    path = tmp_path / f"penguins{ending.upper()}"
    write_table(load_penguins(as_frame=make), str(path))
    read = read_table(str(path))
    assert read.shape == (344, 8)
    assert read["species"].to_pylist() == load_penguins()["species"].tolist()
    assert read["bill_length_mm"].null_count == 2


def test_types_that_csv_lacks(tmp_path):
    frame = pl.DataFrame(
        {
            "decimal": pl.Series(["1.10", None]).cast(pl.Decimal(10, 2)),
            "delta": [dt.timedelta(minutes=1), None],
            "zone": pl.Series([0, None], dtype=pl.Int64).cast(pl.Datetime("ms", "Asia/Tokyo")),
            "level": pl.Series(["x", None], dtype=pl.Categorical),
            "time": [dt.time(1, 2, 3), None],
        }
    )
    write_table(frame, tmp_path / "a.csv")
    read = read_table(tmp_path / "a.csv").to_pylist()[0]
    assert read["decimal"] == 1.1
    assert read["delta"] == 60
    assert read["zone"].timestamp() == 0
    assert read["level"] == "x"
    assert read["time"] == dt.time(1, 2, 3)
    write_table(frame, tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet")["decimal"][0].as_py() == Decimal("1.10")


@pytest.mark.parametrize("ending", ENDINGS)
def test_streams_are_told_by_their_first_bytes(tmp_path, ending):
    path = tmp_path / f"table{ending}"
    write_table(table(), path)
    assert read_table(io.BytesIO(path.read_bytes())).to_pydict() == table().to_pydict()


def test_standard_streams(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\n1\n2\n")))
    read = read_table("-")
    assert read.to_pydict() == {"a": [1, 2]}
    stream = io.BytesIO()
    write_table(pd.DataFrame({"a": [1, 2]}), stream)
    assert stream.getvalue() == b'"a"\n1\n2\n'


def test_standard_output(capsysbinary):
    write_table({"a": [1, 2]}, "-")
    assert capsysbinary.readouterr().out == b'"a"\n1\n2\n'


class Stream(io.BytesIO):
    """Standard output that cannot be written to."""

    def __init__(self, error):
        super().__init__()
        self.error, self.buffer = error, self

    def flush(self):
        raise self.error


def test_standard_output_that_is_full(monkeypatch):
    monkeypatch.setattr("sys.stdout", Stream(OSError(28, "No space left on device")))
    with pytest.raises(FileAccessError, match=r"standard output: no space left .*Make room"):
        write_table({"a": [1]}, "-")
    monkeypatch.setattr("sys.stdout", Stream(BrokenPipeError(32, "Broken pipe")))
    with pytest.raises(BrokenPipeError):  # of `| head`
        write_table({"a": [1]}, "-")


def test_a_missing_cell_of_the_only_column_is_a_row():
    stream = io.BytesIO()
    write_table({"a": [1.5, None, 2.5]}, stream)
    assert read_table(io.BytesIO(stream.getvalue())).to_pydict() == {"a": [1.5, None, 2.5]}


def test_text_in_the_last_of_many_rows(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("a\n" + "1\n" * 400_000 + "x\n")
    assert read_table(path)["a"].type == pa.string()


def test_bad_places(tmp_path):
    with pytest.raises(
        InputError, match=r"ending in .csv, .csv.gz, .parquet, .feather; got .*xls"
    ):
        read_table(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="ending in"):
        write_table(table(), tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"a path or a stream of bytes; got <object.*Name a file"):
        write_table(table(), object())
    with pytest.raises(InputError, match="a path or a stream of bytes; got 3"):
        write_table(table(), 3)
    with pytest.raises(FileAccessError, match=r"nowhere', which is not there"):
        read_table(tmp_path / "nowhere")
    with pytest.raises(FileAccessError, match=r"no such file or directory\. Check the path"):
        read_table(tmp_path / "a.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileAccessError, match="is a directory"):
        read_table(tmp_path / "folder.csv")
    with pytest.raises(FileAccessError, match=r"no such file or directory\. Check the folder"):
        write_table(table(), tmp_path / "none" / "a.csv")
    with pytest.raises(FileAccessError, match="directory"):
        write_table(table(), tmp_path / "folder.csv")
    assert sorted(os.listdir(tmp_path)) == ["folder.csv"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FileAccessError, match="no space left"):
        write_table(table(), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.csv"]


DAMAGED = {
    "empty.csv": b"",
    "ragged.csv": b"a,b\n1,2\n1,2,3\n",
    "latin.csv": "a\nné\n".encode("latin-1"),
    "cut.csv.gz": gzip.compress(b"a\n" + b"1\n" * 1000)[:-9],
    "plain.csv.gz": b"a\n1\n",
    "foreign.parquet": b"a,b\n1,2\n",
    "cut.parquet": b"PAR1" + b"\0" * 40,
    "foreign.feather": b"nothing",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(DAMAGED[name])
    ending = name.split(".", 1)[1]
    with pytest.raises(FileFormatError, match=rf"Expected {ending} in '.*{name}'; got bytes"):
        read_table(path)


SIZES = pd.DataFrame({"id": [7, 9, 5, 8], "size": [1.5, 2.5, 3.5, 4.5], "key": list("abca")})
INDEXED = {
    "rows left out": (SIZES.drop(index=1), ["id", "size", "key"]),
    "text without a name": (SIZES.set_axis(list("wxyz")), ["id", "size", "key"]),
    "a name": (SIZES.set_index("id"), ["size", "key", "id"]),
    "a name and none": (
        SIZES.set_index(pd.MultiIndex.from_product([[1, 2], [4, 5]], names=["day", None])),
        ["id", "size", "key", "day"],
    ),
    "plain numbers": (SIZES, ["id", "size", "key"]),
}


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
@pytest.mark.parametrize(("frame", "names"), INDEXED.values(), ids=INDEXED)
def test_an_index_without_a_name_is_no_column(tmp_path, ending, frame, names):
    write = {".parquet": pq.write_table, ".feather": pf.write_feather}[ending]
    path = tmp_path / f"x{ending}"
    write(pa.Table.from_pandas(frame), str(path))
    assert read_table(path).schema.names == names


INDEXED_CSV = {
    "plain numbers": (SIZES, ["id", "size", "key"]),
    "rows left out": (SIZES.drop(index=1), ["", "id", "size", "key"]),
    "text": (SIZES.set_axis(list("wxyz")), ["", "id", "size", "key"]),
    "a name": (SIZES.rename_axis("row"), ["row", "id", "size", "key"]),
    "nothing else": (SIZES[[]], [""]),
}


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize(("frame", "names"), INDEXED_CSV.values(), ids=INDEXED_CSV)
def test_a_count_of_the_rows_is_no_column_of_csv(tmp_path, ending, frame, names):
    frame.to_csv(tmp_path / f"x{ending}")
    assert read_table(tmp_path / f"x{ending}").schema.names == names


def test_a_count_of_the_rows_is_one_where_it_is_asked_for(tmp_path):
    SIZES.to_csv(tmp_path / "x.csv")
    assert read_table(tmp_path / "x.csv", types={"": pa.int64()}).schema.names[0] == ""


def test_the_count_of_some_rows_is_none_of_a_models_columns(tmp_path):
    """The index of held-out rows, where that of the training rows was left out."""
    SIZES.drop(index=0).to_csv(tmp_path / "x.csv")
    types = {name: pa.large_string() for name in SIZES}
    assert read_table(tmp_path / "x.csv", types=types).schema.names == list(SIZES)


@pytest.mark.parametrize("note", [None, b"{", b"\xff", b"[1]", b'{"index_columns": 3}'])
def test_a_column_is_no_index_because_it_is_called_so(tmp_path, note):
    table = pa.table({"__index_level_0__": [1, 2]})
    pq.write_table(
        table.replace_schema_metadata(note and {"pandas": note}), tmp_path / "x.parquet"
    )
    assert read_table(tmp_path / "x.parquet").to_pydict() == table.to_pydict()
