"""New files are typed by the model that reads them, not by what their few cells look like."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import qdist
from qdist.cli import main
from qdist.data.files import read_table

N = 120


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "zip": rng.choice(["010", "10", "K1A"], N),
            "ref": [f"{i:05d}" if i % 2 else f"A{i}" for i in range(N)],
            "paid": rng.choice(["True", "False", "unknown"], N),
            "grade": pd.Categorical(rng.choice([1, 2, 10], N)),
            "size": pd.Categorical(rng.choice(["020", "010"], N), ["020", "010"], ordered=True),
            "at": pd.date_range("2024-03-01", periods=N, freq="h", tz="Asia/Tokyo"),
            "wait": pd.to_timedelta(rng.integers(60, 6000, N), unit="s"),
            "x": rng.normal(size=N),
        }
    )
    path = tmp_path_factory.mktemp("typed") / "m.qdist"
    fitted = qdist.TabularModel(
        max_steps=3, members=1, backbone_args={"width": 8, "blocks": 1}, random_state=0
    )
    fitted.fit(frame).save(path)
    return str(path)


def test_known_cells_stay_as_they_were(model, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "zip,ref,paid,grade,size,wait,x,at\n010,00017,True,10,010,90,,\n"
        "010,00231,True,1,020,3600,1.5,2024-03-02 12:00:00+09:00\n"
    )
    out = tmp_path / "out.csv"
    assert main(["impute", model, str(rows), "-o", str(out), "--quiet"]) == 0
    filled = pd.read_csv(out, dtype=str)
    known = ["zip", "ref", "paid", "grade", "size"]
    expected = pd.read_csv(rows, dtype=str)
    pd.testing.assert_frame_equal(filled[known], expected[known])
    assert filled["wait"].astype(float).tolist() == [90.0, 3600.0]
    assert filled["x"].notna().all()


def test_a_row_scores_alike_in_any_file(model, tmp_path):
    loaded = qdist.load(model)
    drawn = loaded.sample(6, given={"zip": "010", "paid": "True"}, random_state=0)
    expected = loaded.score_samples(drawn)
    assert main(["sample", model, "-n", "6", "--given", "zip=010,paid=True", "--seed", "0", "-o",
                 str(tmp_path / "s.csv"), "--quiet"]) == 0  # fmt: skip
    assert main(["score", model, str(tmp_path / "s.csv"), "-o", str(tmp_path / "d.csv")]) == 0
    found = pd.read_csv(tmp_path / "d.csv")["log_density"].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_quantiles_of_times_are_in_the_zone_of_their_column(model, tmp_path):
    out = tmp_path / "q.csv"
    words = ["quantiles", model, "--column", "at", "-q", "0,0.2,0.4999999,0.5", "-o", str(out)]
    assert main([*words, "--quiet"]) == 0
    found = pd.read_csv(out)
    assert list(found) == ["q0", "q0.2", "q0.4999999", "q0.5"]
    loaded = qdist.load(model)
    for level in (0.2, 0.5):
        text = found[f"q{level}"][0]
        assert text.endswith("+0900")
        # One of 120 times, an hour apart; nine hours would be more than 0.07.
        assert loaded.cdf("at", pd.Timestamp(text))[0] == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--column", "x", "-q", "0.5,0.5"], "expected levels that differ; got 0.5,0.5"),
        (["--column", "at", "--given", "x=nan"], "Expected a value of kind number"),
    ],
)
def test_what_cannot_be_meant_is_refused(model, capsys, words, text):
    assert main(["quantiles", model, *words]) > 0
    assert text in capsys.readouterr().err


# -- to the last digit, and back by CSV --------------------------------------------------------


def midnight(kind, unit):
    ticks = np.random.default_rng(2).integers(0, 86_400 * unit, N)
    return pa.array(ticks, pa.int32() if pa.types.is_time32(kind) else pa.int64()).cast(kind)


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """A table of types that CSV reads as floats or text, its model, and its rows as both files."""
    rng = np.random.default_rng(1)
    cents = rng.integers(0, 100_000, N).tolist()
    ticks = rng.integers(0, 2**60, N)
    table = pa.table(
        {
            "price": pa.array(
                [Decimal(f"40000000000{c // 100:05d}.{c % 100:02d}") for c in cents],
                pa.decimal128(18, 2),
            ),
            "big": pa.array([2**64 - 1 - int(k) for k in rng.integers(0, 99999, N)], pa.uint64()),
            "t_ms": midnight(pa.time32("ms"), 1000),
            "t_us": midnight(pa.time64("us"), 10**6),
            "t_ns": midnight(pa.time64("ns"), 10**9),
            "lasts": pa.array(ticks, pa.int64()).cast(pa.duration("ns")),
            "day": pa.array([dt.date(1500, 1, 1) + dt.timedelta(int(k)) for k in cents]),
            "zoned": pa.array(ticks // 1000, pa.int64()).cast(pa.timestamp("us", "Asia/Tokyo")),
            "stamp": pa.array(ticks // 1000 - 2**54, pa.int64()).cast(pa.timestamp("us")),
            "slot": pa.array([dt.time(9, 30, 0, 500), dt.time(14)] * (N // 2), pa.time64("us")),
        }
    )
    folder = tmp_path_factory.mktemp("exact")
    fitted = qdist.TabularModel(
        max_steps=3,
        members=1,
        backbone_args={"width": 8, "blocks": 1},
        random_state=0,
        columns={"slot": qdist.Column(kind="nominal")},
    )
    fitted.fit(table).save(folder / "m.qdist")
    words = ["sample", str(folder / "m.qdist"), "-n", "30", "--seed", "0", "--quiet", "-o"]
    assert main([*words, str(folder / "rows.csv")]) == 0
    assert main([*words, str(folder / "rows.parquet")]) == 0
    return folder


def test_known_cells_keep_their_last_digit(exact, tmp_path):
    out = tmp_path / "out.parquet"
    words = ["impute", str(exact / "m.qdist"), str(exact / "rows.csv"), "-o", str(out)]
    assert main([*words, "--quiet"]) == 0
    filled, known = pq.read_table(out), pq.read_table(exact / "rows.parquet")
    assert filled.schema.types == known.schema.types
    for name in known.schema.names:
        assert filled[name].to_pylist() == known[name].to_pylist(), name


@pytest.mark.parametrize("words", [["score"], ["quantiles", "--column", "price"]])
def test_rows_as_csv_are_the_rows_as_parquet(exact, tmp_path, words):
    found = []
    for ending in ("csv", "parquet"):
        out = tmp_path / f"{ending}.csv"
        command = [words[0], str(exact / "m.qdist"), str(exact / f"rows.{ending}"), *words[1:]]
        assert main([*command, "-o", str(out), "--quiet"]) == 0
        found.append(out.read_bytes())
    assert found[0] == found[1]


def test_a_decimal_of_more_digits_is_refused(exact, tmp_path, capsys):
    rows = pd.read_csv(exact / "rows.csv", dtype=str)
    rows.loc[3, "price"] = "4.735"
    rows.to_csv(tmp_path / "more.csv", index=False)
    assert main(["score", str(exact / "m.qdist"), str(tmp_path / "more.csv")]) == 1
    assert "type decimal128(18, 2) in column 'price'; got '4.735'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def without_notes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    (folder / "d.csv").write_text("a,notes\n" + "".join(f"{k % 7},\n" for k in range(60)))
    quick = {"max_steps": 2, "members": 1, "backbone_args": {"width": 4, "blocks": 1}}
    fitted = qdist.TabularModel(**quick, random_state=0).fit(read_table(folder / "d.csv"))
    fitted.save(folder / "m.qdist")
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("notes", [["", ""], ["010", ""], ["x", "1.50"]], ids=str)
def test_a_column_that_is_empty_stays_or_keeps_what_is_new(without_notes, tmp_path, notes, ending):
    rows, out = tmp_path / "rows.csv", tmp_path / f"out.{ending}"
    rows.write_text("a,notes\n" + "".join(f",{note}\n" for note in notes))
    model = str(without_notes / "m.qdist")
    assert main(["impute", model, str(rows), "-o", str(out), "--quiet"]) == 0
    found = read_table(out, types={"notes": pa.string()})
    assert found["notes"].to_pylist() == [note or None for note in notes]
    assert found["a"].null_count == 0


def test_every_command_takes_a_column_that_is_empty(without_notes, tmp_path):
    model, data = (str(without_notes / name) for name in ("m.qdist", "d.csv"))
    out = tmp_path / "out.csv"
    for words in (
        ["impute", model, data],
        ["impute", model, data, "--draws", "2"],
        ["score", model, data],
        ["score", model, data, "--explain", "0.5"],
        ["quantiles", model, data, "--column", "a"],
        ["sample", model, "-n", "2", "--given", "notes="],
    ):
        assert main([*words, "-o", str(out), "--quiet"]) == 0, words
    assert main(["sample", model, "-n", "2", "--given", "notes=x", "-o", str(out)]) == 0
    assert read_table(out)["notes"].to_pylist() == ["x", "x"]
