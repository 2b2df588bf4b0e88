"""The command line, called as a shell calls it: words in; exit code, output and errors out."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import qdist
from qdist.cli import app, main
from qdist.data.datasets import load_penguins


@pytest.fixture(autouse=True, scope="module")
def float64_by_default():
    """In place of the one for all tests: the command line has a process, and its defaults."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the penguins as a file, and a model fitted to it by the command line."""
    folder = tmp_path_factory.mktemp("cli")
    load_penguins().to_csv(folder / "penguins.csv", index=False)
    words = ["fit", str(folder / "penguins.csv"), "-o", str(folder / "penguins.qdist")]
    assert main([*words, "--max-time", "1", "--seed", "0", "--quiet"]) == 0
    return folder


@pytest.fixture
def model(folder) -> str:
    return str(folder / "penguins.qdist")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- fit -------------------------------------------------------------------------------------


def test_fit_says_what_it_saved(folder, tmp_path, capsys):
    output = str(tmp_path / "again.qdist")
    assert main(["fit", str(folder / "penguins.csv"), "-o", output, "--max-time", "1s"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"saved {output} after ")


def test_quiet_is_quiet(folder, model, tmp_path, capsys):
    output = str(tmp_path / "birds.csv")
    assert main(["sample", model, "-n", "2", "-o", output, "--quiet"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_fit_reads_standard_input(folder, tmp_path):
    """Through a process of its own, since only that has a real standard input."""
    output = tmp_path / "piped.qdist"
    program = "import sys; from qdist.cli import main; sys.exit(main())"
    words = ["fit", "-", "-o", str(output), "--max-time", "1", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        input=(folder / "penguins.csv").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert output.exists()


# -- sample ----------------------------------------------------------------------------------


def test_sample_writes_csv_to_standard_output(model, capsys):
    assert main(["sample", model, "-n", "5", "--seed", "1"]) == 0
    captured = capsys.readouterr()
    rows = rows_of(captured.out)
    assert len(rows) == 5
    assert list(rows[0]) == list(load_penguins().columns)
    assert captured.err == ""


def test_a_seed_repeats_the_sample(model, capsys):
    drawn = []
    for seed in ("1", "1", "2"):
        assert main(["sample", model, "-n", "20", "--seed", seed]) == 0
        drawn.append(capsys.readouterr().out)
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "feather"])
def test_sample_writes_by_ending(model, tmp_path, ending, capsys):
    output = tmp_path / f"birds.{ending}"
    assert main(["sample", model, "-n", "7", "-o", str(output)]) == 0
    read = {"parquet": pd.read_parquet, "feather": pd.read_feather}.get(ending, pd.read_csv)
    assert len(read(output)) == 7
    assert capsys.readouterr().err == f"wrote 7 rows to {output}\n"


def test_what_is_given_comes_back(model, capsys):
    given = ["--given", "species=Gentoo,body_mass_g=5000", "--given", "sex="]
    assert main(["sample", model, "-n", "4", *given]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert {row["species"] for row in rows} == {"Gentoo"}
    assert {float(row["body_mass_g"]) for row in rows} == {5000.0}
    assert {row["sex"] for row in rows} == {""}


def test_no_rows_are_a_header(model, capsys):
    assert main(["sample", model, "-n", "0"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


# -- info, plugins ---------------------------------------------------------------------------


def test_info_names_the_columns(model, capsys):
    assert main(["info", model]) == 0
    shown = capsys.readouterr().out
    assert all(column in shown for column in load_penguins().columns)
    assert "TabularModel" in shown


def test_info_of_a_table_with_nothing_to_learn(tmp_path, capsys):
    path = tmp_path / "constant.qdist"
    qdist.TabularModel().fit({"a": [1, 1, 1]}).save(path)
    assert main(["info", str(path)]) == 0
    assert "0" in capsys.readouterr().out
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 0


def test_info_for_machines(model, capsys):
    assert main(["info", model, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [column["name"] for column in facts["columns"]] == list(load_penguins().columns)
    assert facts["steps"] > 0
    assert facts["settings"]["backbone"] == "mlp"


def test_info_tells_who_fitted_from_who_reads(tmp_path, capsys):
    path = str(tmp_path / "old.qdist")
    model = qdist.TabularModel(max_steps=1, random_state=0).fit({"a": [0, 1] * 9})
    model._summary["versions"] = {"qdist": "0.0.1", "torch": "2.0"}
    model.save(path)
    assert main(["info", path, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["fitted_by"] == {"qdist": "0.0.1", "torch": "2.0"}
    assert facts["read_by"] == {"qdist": qdist.__version__}
    assert main(["info", path]) == 0
    shown = re.sub(" +", " ", capsys.readouterr().out)
    assert "\nfitted by qdist 0.0.1, torch 2.0\n" in shown
    assert f"\nread by qdist {qdist.__version__}\n" in shown
    early = Path(__file__).parent / "golden" / "format-1" / "table.qdist"
    assert main(["info", str(early)]) == 0
    assert re.search(r"^fitted by +unknown$", capsys.readouterr().out, flags=re.MULTILINE)


def test_plugins_name_what_is_installed(capsys):
    assert main(["plugins"]) == 0
    assert "mlp" in capsys.readouterr().out.split()
    assert main(["plugins", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)
    assert parts["plugins"]["mlp"] == "qdist_mlp"
    assert "mlp" in parts["backbones"]
    assert {"binned", "spline", "implicit", "categorical"} <= set(parts["heads"])


# -- errors ----------------------------------------------------------------------------------

CANNOT = {
    "no such data": (["fit", "{folder}/none.csv", "-o", "{folder}/x.qdist"], "none.csv"),
    "no such model": (["sample", "{folder}/none.qdist", "-n", "1"], "none.qdist"),
    "foreign model": (["info", "{folder}/penguins.csv"], "penguins.csv"),
    "unknown ending": (
        ["sample", "{folder}/penguins.qdist", "-n", "1", "-o", "{folder}/birds.xyz"],
        "birds.xyz",
    ),
    "unknown column": (
        ["sample", "{folder}/penguins.qdist", "-n", "1", "--given", "colour=red"],
        "Expected one of the columns .*; got 'colour'",
    ),
    "unknown level": (
        ["sample", "{folder}/penguins.qdist", "-n", "1", "--given", "species=Emperor"],
        "Emperor",
    ),
    "no number": (
        ["sample", "{folder}/penguins.qdist", "-n", "1", "--given", "body_mass_g=heavy"],
        "Expected a value of kind number .* for column 'body_mass_g'; got 'heavy'",
    ),
    "bad time": (
        ["fit", "{folder}/penguins.csv", "-o", "{folder}/x.qdist", "--max-time", "soon"],
        "soon",
    ),
    "no such folder": (
        ["fit", "{folder}/penguins.csv", "-o", "{folder}/no/x.qdist", "--max-time", "1"],
        "no/x.qdist",
    ),
}


@pytest.mark.parametrize(("words", "match"), CANNOT.values(), ids=CANNOT.keys())
def test_what_cannot_be_done_is_one_line_and_exit_code_1(folder, capsys, words, match):
    assert main([word.format(folder=folder) for word in words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "Traceback" not in captured.err
    assert "unforeseen" not in captured.err
    assert re.search(match, captured.err), captured.err


WRONG = {
    "no command": (["fits"], "No such command"),
    "no output": (["fit", "penguins.csv"], "Missing option"),
    "no option": (["sample", "penguins.qdist", "-n", "1", "--rows", "2"], "No such option"),
    "negative rows": (["sample", "penguins.qdist", "-n", "-1"], "-1 is not in the range"),
    "given without =": (["sample", "{model}", "-n", "1", "--given", "sex"], "COLUMN=VALUE"),
    "given twice": (["sample", "{model}", "-n", "1", "--given", "sex=male,sex=male"], "twice"),
    "cells by orders": (["score", "m", "d", "--explain", "0.1", "--orders", "2"], "got both"),
    "cells by a seed": (["score", "m", "d", "--explain", "0.1", "--seed", "0"], "got both"),
}


@pytest.mark.parametrize(("words", "match"), WRONG.values(), ids=WRONG.keys())
def test_what_is_asked_wrongly_is_exit_code_2(model, capsys, words, match):
    assert main([word.format(model=model) for word in words]) == 2
    assert match in capsys.readouterr().err


def test_debug_shows_where_an_error_arose(tmp_path, capsys):
    assert main(["info", str(tmp_path / "none.qdist"), "--debug"]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.splitlines()[-1].startswith("error: ")


def test_control_codes_in_data_are_spelt_out(tmp_path, capsys):
    assert main(["info", str(tmp_path / "a\x1b[31mb[red].qdist")]) == 1
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert r"a\x1b[31mb[red]" in shown


def test_the_unforeseen_has_no_traceback_either(monkeypatch, capsys):
    def broken() -> dict[str, str]:
        raise ZeroDivisionError("of no use")

    monkeypatch.setattr("qdist.registry.plugins", broken)
    assert main(["plugins"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ZeroDivisionError: of no use")
    assert "Traceback" not in shown


def test_interruption_is_an_error_without_noise(monkeypatch, capsys):
    def interrupted() -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("qdist.registry.plugins", interrupted)
    assert main(["plugins"]) == 1
    assert capsys.readouterr().err.strip() == "error: stopped by the user"


@pytest.mark.parametrize("command", sorted(app.commands))
def test_every_option_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert command in capsys.readouterr().out
    for parameter in app.commands[command].params:
        assert getattr(parameter, "help", None) or parameter.param_type_name == "argument"


# -- impute, quantiles, score ------------------------------------------------------------------


def test_impute_fills_every_cell(folder, model, tmp_path, capsys):
    output = tmp_path / "whole.csv"
    data = str(folder / "penguins.csv")
    assert main(["impute", model, data, "-o", str(output), "--seed", "0"]) == 0
    before, after = pd.read_csv(data), pd.read_csv(output)
    assert not after.isna().any().any()
    known = before["body_mass_g"].notna()
    assert (after["body_mass_g"][known] == before["body_mass_g"][known]).all()
    assert capsys.readouterr().err == f"wrote {output}\n"


def test_impute_numbers_its_draws(folder, model, capsys):
    words = ["impute", model, str(folder / "penguins.csv"), "--draws", "3", "--seed", "0"]
    assert main(words) == 0
    rows = rows_of(capsys.readouterr().out)
    assert [row["draw"] for row in rows] == [str(k) for k in (1, 2, 3) for _ in range(344)]


def test_quantiles_of_rows_and_of_one_condition(folder, model, capsys):
    words = ["quantiles", model, "--column", "body_mass_g", "-q", "0.1,0.9"]
    assert main([*words, str(folder / "penguins.csv")]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert len(rows) == 344
    assert all(float(row["q0.1"]) <= float(row["q0.9"]) for row in rows)
    assert main([*words, "--given", "species=Gentoo"]) == 0
    (row,) = rows_of(capsys.readouterr().out)
    assert list(row) == ["q0.1", "q0.9"]


def test_score_a_row_or_its_cells(folder, model, capsys):
    data = str(folder / "penguins.csv")
    assert main(["score", model, data]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert len(rows) == 344
    assert all(float(row["log_density"]) < 100 for row in rows)
    assert main(["score", model, data, "--explain", "0.5"]) == 0
    cells = rows_of(capsys.readouterr().out)
    assert list(cells[0]) == ["row", "column", "value", "tail", "probability", "expected"]
    assert all(float(cell["probability"]) <= 0.5 for cell in cells)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["-q", "half"], 2, "expected numbers with commas between; got 'half'"),
        (["-q", "1.5"], 1, "Expected levels in [0, 1]"),
        (["--given", "sex=male", "DATA"], 2, "expected DATA or --given; got both"),
        (["--column", "mass"], 1, "got 'mass'"),
        (["--column", "sex"], 1, "Expected a column whose values have an order; got 'sex'"),
    ],
)
def test_quantiles_asked_wrongly(folder, model, capsys, words, code, text):
    words = [str(folder / "penguins.csv") if word == "DATA" else word for word in words]
    assert main(["quantiles", model, "--column", "body_mass_g", *words]) == code
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "{data}"],
        ["sample", "{model}", "-n", "1"],
        ["quantiles", "{model}", "{data}", "--column", "body_mass_g"],
        ["impute", "{model}", "{data}"],
        ["score", "{model}", "{data}"],
    ],
    ids=lambda words: words[0],
)
def test_where_to_write_is_checked_before_the_work(folder, model, words, tmp_path, capsys):
    places = {"model": model, "data": str(folder / "penguins.csv")}
    target = tmp_path / "nowhere" / "out.csv"
    assert main([*(word.format(**places) for word in words), "-o", str(target)]) == 1
    assert "Make it first, or choose another place" in capsys.readouterr().err
