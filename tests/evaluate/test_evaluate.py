"""The whole report: equal laws, shifted ones, and ones that differ only in how columns depend."""

import dataclasses
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qdist
from qdist.errors import InputError
from qdist.evaluate import Report, evaluate

N = 900


@pytest.fixture(scope="module")
def real(table):
    return table(N, 1)


@pytest.fixture(scope="module")
def alike(real, table) -> Report:
    return evaluate(real, table(N, 2), train=table(2 * N, 3))


@pytest.fixture(scope="module")
def shuffled(real, table, shuffle) -> Report:
    return evaluate(real, shuffle(table(N, 2), 0))


def test_it_is_the_function_of_the_package():
    assert qdist.evaluate is evaluate


def test_equal_laws(alike):
    assert abs(alike.c2st - 0.5) < 4 * alike.c2st_noise
    # Kolmogorov distance of two samples of 900: above 1.95 sqrt(2 / 900) once in a thousand.
    assert max(m.error for m in alike.marginals) < 1.95 * np.sqrt(2 / N)
    assert 0.25 < alike.marginal_ratio < 2.0
    assert alike.association_error < 0.1
    assert abs(alike.energy_distance) < 0.01
    assert alike.copied == alike.copied_real == 0.0


def test_shuffled_columns_pass_the_marginals_and_nothing_else(alike, shuffled):
    assert shuffled.marginal_error == pytest.approx(alike.marginal_error)  # the same values
    assert shuffled.c2st > 0.8
    assert shuffled.association_error > 2 * alike.association_error
    assert shuffled.energy_distance > 5 * abs(alike.energy_distance)


def test_shifted_data(real, table):
    report = evaluate(real, table(N, 2).assign(x=lambda frame: frame.x + 5))
    assert report.c2st > 0.99
    worst = max(report.marginals, key=lambda m: m.error)
    assert (worst.column, worst.kind) == ("x", "number")
    assert worst.error > 0.97


def test_a_pattern_of_holes(real, table):
    # As many holes, but anywhere: only the dependence differs.
    other = table(N, 2)
    rng = np.random.default_rng(0)
    share = other.y.isna().mean()
    filled = other.y.fillna(0.0).where(rng.random(N) >= share)
    report = evaluate(real, other.assign(y=filled))
    y = next(m for m in report.marginals if m.column == "y")
    assert y.missing_real == pytest.approx(real.y.isna().mean())
    assert y.missing_synthetic == pytest.approx(filled.isna().mean())
    assert report.c2st > 0.5 + 4 * report.c2st_noise


def test_training_rows_are_recognised(real, table):
    train = table(300, 3)
    report = evaluate(real, train, train=train)
    assert (report.copied, report.copied_real) == (1.0, 0.0)
    assert report.settings["n_train"] == 300
    assert all(m.bootstrap is not None for m in report.marginals)


def test_without_training_rows_nothing_is_said_of_them(shuffled):
    assert shuffled.marginal_ratio is None
    assert shuffled.copied is None
    assert shuffled.copied_real is None
    assert "copied" not in repr(shuffled)
    assert "bootstrap" not in shuffled.table()


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "pyarrow"])
def test_the_make_does_not_matter(make, real, table):
    small, other = real[:60], table(80, 2)
    assert evaluate(make(small), other).to_dict() == evaluate(small, make(other)).to_dict()


def test_the_same_seed_the_same_report(real, table, untouched_rng):
    frames = real[:80], table(60, 2)
    first, again = evaluate(*frames), evaluate(*frames)
    assert first == again
    assert evaluate(*frames, random_state=1).c2st != first.c2st


def test_limits_on_rows(real):
    report = evaluate(real, real[:200], max_rows=50, max_energy_rows=20)
    assert report.settings["c2st_rows"] == 50
    assert report.settings["energy_rows"] == [20, 20]
    assert report.settings["n_real"] == N


def test_one_column(table):
    report = evaluate(table(50, 1)[["x"]], table(50, 2)[["x"]])
    assert report.association_error is None
    assert "association" not in repr(report)


def test_plain_data(alike):
    plain = json.loads(json.dumps(alike.to_dict()))
    assert set(plain) == {field.name for field in dataclasses.fields(Report)}
    assert plain["c2st"] == alike.c2st
    assert plain["marginals"][0]["column"] == "x"
    assert plain["associations"][0]["columns"] == ["x", "y"]


def test_it_reads_well(alike):
    text = repr(alike)
    assert text.startswith("Report: 900 synthetic rows against 900 real ones\n")
    assert f"C2ST (AUC)          {alike.c2st:.3f}" in text
    assert "worst: " in text
    rows = alike.table().splitlines()
    assert rows[0].startswith("| column | kind | error |")
    assert len(rows) == 2 + 4
    errors = [float(row.split("|")[3]) for row in rows[2:]]
    assert errors == sorted(errors, reverse=True)


def test_it_is_frozen(alike):
    with pytest.raises(dataclasses.FrozenInstanceError):
        alike.c2st = 0.5


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (([1.0] * 20, [1.0] * 9), "Expected at least 10 rows; the synthetic frame has 9"),
        (([1.0] * 5, [1.0] * 20), "the real frame has 5"),
        (([1.0] * 20, ["a"] * 20), "of one kind"),
    ],
)
def test_what_cannot_be_compared(frames, text):
    with pytest.raises(InputError, match=text):
        evaluate(*(pd.DataFrame({"a": column}) for column in frames))
