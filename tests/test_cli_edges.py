"""What the command line refuses or remarks on, where it would else be silent or complain twice."""

import io
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

import qdist
from qdist.cli import main
from qdist.errors import InputError

QUICK = {"max_steps": 2, "members": 1, "backbone_args": {"width": 4, "blocks": 1}}


def test_a_table_with_a_column_draw_is_not_numbered_by_one(tmp_path, capsys):
    model, data = str(tmp_path / "m.qdist"), str(tmp_path / "f.csv")
    qdist.TabularModel(**QUICK, random_state=0).fit({"draw": [0, 1, 2] * 9}).save(model)
    (tmp_path / "f.csv").write_text("draw\n1\n")
    assert main(["impute", model, data, "--draws", "2"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Expected no column 'draw' in the table, since --draws numbers" in shown.err
    assert main(["impute", model, data]) == 0


@pytest.mark.parametrize("content", ["a;b\n1;2\n3;4\n", "a\tb\n1\t2\n3\t4\n"])
def test_a_table_with_other_separators_is_not_fitted(tmp_path, capsys, content):
    data, model = tmp_path / "d.csv", tmp_path / "m.qdist"
    data.write_text(content)
    assert main(["fit", str(data), "-o", str(model)]) == 1
    assert "with commas between; got " in capsys.readouterr().err
    assert not model.exists()


def test_fit_says_that_there_was_nothing_to_learn(tmp_path, capsys):
    data, model = tmp_path / "d.csv", str(tmp_path / "m.qdist")
    data.write_text("a,b\n" + "".join(f"user-{k}@x,1\n" for k in range(50)))
    assert main(["fit", str(data), "-o", model]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"saved {model} after 0 steps\nnothing was learnt: every column is")
    assert main(["fit", str(data), "-o", model, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_no_file_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    def fit(*_args, **_settings):
        raise AssertionError("it was fitted")

    monkeypatch.setattr(qdist.TabularModel, "fit", fit)
    (tmp_path / "d.csv").write_text("a\n1\n2\n")
    os.mkfifo(tmp_path / "pipe.qdist")
    assert main(["fit", str(tmp_path / "d.csv"), "-o", str(tmp_path / "pipe.qdist")]) == 1
    assert "which is a named pipe and would be destroyed" in capsys.readouterr().err
    assert stat.S_ISFIFO((tmp_path / "pipe.qdist").lstat().st_mode)


def test_what_has_the_place_of_a_model_is_told_before_the_work(tmp_path, capsys, monkeypatch):
    def fit(*_args, **_settings):
        raise AssertionError("it was fitted")

    monkeypatch.setattr(qdist.TabularModel, "fit", fit)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("a\n1\n2\n")
    for folder in ("empty", "full"):
        (tmp_path / folder).mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "f.txt").write_text("x")
    (tmp_path / "link").symlink_to("nowhere/m.qdist")
    for words, told in {
        "empty": "got 'empty', which is a folder. Name a file, or",
        "full --unpacked": "got 'full', a folder that holds other files, which would be lost",
        "f.txt --unpacked": "got 'f.txt', where a file is in the way",
        ".. --unpacked": "got '..', ",
        "link": "nowhere', which is none",
    }.items():
        assert main(["fit", "d.csv", "-o", *words.split()]) == 1
        assert told in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["d.csv", "empty", "f.txt", "full", "link"]


@pytest.mark.parametrize("kind", [qdist.TabularModel, qdist.ImageModel])
def test_another_network_and_another_head_are_chosen(tmp_path, monkeypatch, kind):
    def fit(model, *_args, **_settings):
        asked.append(model.get_params())
        raise InputError("Enough.")

    asked, data = [], tmp_path / ("d.csv" if kind is qdist.TabularModel else "d.npy")
    monkeypatch.setattr(kind, "fit", fit)
    (tmp_path / "d.csv").write_text("a\n1\n2\n")
    words = ["fit", str(data), "-o", str(tmp_path / "m.qdist")]
    assert main([*words, "--head", "spline", "--backbone", "own", "--seed", "3"]) == 1
    assert main(words) == 1
    assert asked[0] == kind(head="spline", backbone="own", random_state=3).get_params()
    assert asked[1] == kind().get_params()


@pytest.mark.parametrize("words", ["sample {} -n 3", "impute {} {}", "quantiles {} --column a",
                                   "score {} {}"])  # fmt: skip
def test_where_no_table_can_be_is_told_before_the_work(tmp_path, capsys, monkeypatch, words):
    model, data = str(tmp_path / "m.qdist"), str(tmp_path / "d.csv")
    qdist.TabularModel(**QUICK, random_state=0).fit({"a": [0, 1, 2] * 9}).save(model)
    (tmp_path / "d.csv").write_text("a\n1\n")
    (tmp_path / "d2.csv").mkdir()

    def ask(*_args, **_settings):
        raise AssertionError("it was asked")

    for method in ("sample", "impute", "quantile", "score_samples"):
        monkeypatch.setattr(qdist.TabularModel, method, ask)
    for name, told in {
        "x.txt": "Expected a place to write, ending in .csv, ",
        "x": "Expected a place to write, ending in .csv, ",
        "d2.csv/": "which is a directory. Name a file",
    }.items():
        output = os.path.join(tmp_path, name)
        assert main([*words.format(model, data).split(), "-o", output]) == 1
        assert told in capsys.readouterr().err


FULL = """
import resource, signal, sys
from qdist.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["plugins", "impute"])
def test_full_standard_output_is_an_error_of_one_line(tmp_path, command, unbuffered):
    """And of one exit code: what is left over is not tried again at the exit."""
    model, words = tmp_path / "m.qdist", [command]
    if command == "impute":
        qdist.TabularModel().fit({"a": [1, 1, 1]}).save(model)
        (tmp_path / "d.csv").write_text("a\n1\n1\n1\n")
        words += [str(model), str(tmp_path / "d.csv")]
    with open(tmp_path / "out", "wb") as out:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FULL, *words],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "error: Expected a place to write; got standard output: file too large." in done.stderr


def test_standard_output_may_be_a_stream_of_text(tmp_path, monkeypatch):
    model = str(tmp_path / "m.qdist")
    qdist.TabularModel().fit({"a": [1, 1, 1]}).save(model)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main(["sample", model, "-n", "2", "-o", "-"]) == 0
    assert sys.stdout.getvalue() == '"a"\n1\n1\n'


def test_what_has_no_quantiles_is_told_in_words_of_the_shell(tmp_path, capsys):
    model = str(tmp_path / "m.qdist")
    qdist.TabularModel(**QUICK, random_state=0).fit({"a": ["x", "y"] * 9}).save(model)
    assert main(["quantiles", model, "--column", "a"]) == 1
    shown = capsys.readouterr().err
    assert "whose values have an order; got 'a', of kind nominal. Draw rows with qdist" in shown
    assert "predict_dist" not in shown


def test_a_model_of_something_else_is_told_in_words(tmp_path, capsys):
    model = str(tmp_path / "m.qdist")
    images = np.zeros((8, 2, 2), np.uint8)
    images[::2] = 255
    qdist.ImageModel(max_steps=1, random_state=0).fit(images).save(model)
    assert main(["quantiles", model, "--column", "a"]) == 1
    assert f"a model of a table in {model}; got one of images. Fit" in capsys.readouterr().err
