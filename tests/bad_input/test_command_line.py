"""What is typed wrongly on the command line: exit codes, words, no traceback, no raw codes."""

import csv
import json
import shlex

import numpy as np
import pytest

import qdist
from qdist import registry
from qdist.cli import app, main

RED = "\x1b[31mred\x1b[0m"

# what -> (words with {names} of files, exit code, what is said)
ROWS = {
    "no command": ("nonsense", 2, "No such command 'nonsense'"),
    "an unknown option": ("fit {csv} -o m.qdist --colour red", 2, "No such option"),
    "fit without an output": ("fit {csv}", 2, "Missing option '-o'"),
    "fit without data": ("fit -o m.qdist", 2, "Missing argument 'DATA'"),
    "fit nothing": ("fit {folder}/no.csv -o m.qdist", 1, "error: Expected a file to read"),
    "fit an empty file": ("fit {empty} -o m.qdist", 1, "error: Expected"),
    "fit an unset variable": (
        "fit '' -o {folder}/m.qdist",
        1,
        "error: Expected a path; got empty",
    ),
    "fit into an unset variable": ("fit {csv} -o ''", 1, "error: Expected a path; got empty text"),
    "keep a fit in an unset variable": (
        "fit {csv} -o {folder}/m.qdist --checkpoint ''",
        1,
        "error: Expected checkpoint to be a folder or None; got ''",
    ),
    "a picture of nothing": (
        "sample {images} -n 0 -o {folder}/a.png",
        1,
        "error: Expected at least one image for a picture",
    ),
    "fit by an unknown head": (
        "fit {csv} -o m.qdist --head tanh",
        1,
        "got 'tanh'; known: binned, categorical, implicit, spline",
    ),
    "fit by an unknown network": ("fit {npy} -o m.qdist --backbone x", 1, "known: mlp, pixelcnn"),
    "fit a table by a network of images": (
        "fit {csv} -o m.qdist --backbone pixelcnn",
        1,
        "error: Expected a backbone",
    ),
    "fit images by a network of tables": (
        "fit {npy} -o m.qdist --backbone mlp",
        1,
        "error: Expected a backbone for images",
    ),
    "fit by no name": ("fit {csv} -o m.qdist --head ''", 1, "got ''; known: binned"),
    "fit an unknown ending": ("fit {odd} -o m.qdist", 1, "error: Expected a file ending in"),
    "fit for a strange time": ("fit {csv} -o m.qdist --max-time soon", 1, "a duration above 0"),
    "fit with a negative seed": ("fit {csv} -o m.qdist --seed -1", 2, "Invalid value for '--seed"),
    "keep a fit below a file": (
        "fit {csv} -o m.qdist --checkpoint {csv}/kept",
        1,
        "error: Expected a folder for checkpoints",
    ),
    "keep a fit on rubbish": (
        "fit {csv} -o m.qdist --checkpoint {rubbish}",
        1,
        "error: Expected a checkpoint of qdist at",
    ),
    "sample nothing": ("sample {folder}/no.qdist -n 3", 1, "error: Expected a model file at"),
    "sample what is no model": ("sample {csv} -n 3", 1, "error: Expected a qdist model file"),
    "sample without a number": ("sample {model}", 2, "Missing option '-n'"),
    "sample -1 rows": ("sample {model} -n -1", 2, "Invalid value for '-n'"),
    "sample half a row": ("sample {model} -n 0.5", 2, "Invalid value for '-n'"),
    "an unknown column": ("sample {model} -n 3 --given y=1", 1, "error: Expected"),
    "an unknown level": (
        "sample {model} -n 3 --given size=XL",
        1,
        "Expected a known level",
    ),
    "no equals sign": ("sample {model} -n 3 --given size", 2, "expected COLUMN=VALUE"),
    "a column twice": ("sample {model} -n 3 --given x=1,x=2", 2, "expected each column once"),
    "text for a number": (
        "sample {model} -n 3 --given x=big",
        1,
        "Expected a value of kind",
    ),
    "rows into no folder": (
        "sample {model} -n 3 -o {folder}/no/a.csv",
        1,
        "error: Expected",
    ),
    "images onto the terminal": (
        "sample {images} -n 1",
        1,
        "Expected a file or folder",
    ),
    "a label never seen": (
        "sample {images} -n 1 --given 9 -o {folder}/a.npy",
        1,
        "error: Expecte",
    ),
    "two labels": ("sample {images} -n 1 --given 0 --given 1 -o a.npy", 2, "expected one label"),
    "inpaint with a table": (
        "inpaint {model} {npy} --hide lower -o {folder}/a.npy",
        1,
        "error: Expected a model of images",
    ),
    "inpaint without a mask": ("inpaint {images} {npy} -o a.npy", 2, "expected one of --hide and"),
    "inpaint another half": (
        "inpaint {images} {npy} --hide middle -o a.npy",
        2,
        "Invalid value for '--hide'",
    ),
    "info of nothing": ("info {folder}/no.qdist", 1, "error: Expected a model file at"),
    "info without a model": ("info", 2, "Missing argument 'MODEL'"),
    "plugins of something": ("plugins all", 2, "Got unexpected extra argument"),
    "plugins that are not there": ("plugins", 1, "error: Expected"),
    "impute nothing": ("impute {model} {folder}/no.csv", 1, "error: Expected a file to read"),
    "impute another table": ("impute {model} {other}", 1, "is lacking"),
    "impute with images": ("impute {images} {csv}", 1, "error: Expected a model of a table"),
    "impute half a draw": ("impute {model} {csv} --draws 0", 2, "Invalid value for '--draws'"),
    "quantiles of an unknown column": (
        "quantiles {model} {csv} --column y",
        1,
        "error: Expected one of the columns",
    ),
    "quantiles of images": (
        "quantiles {images} --column x",
        1,
        "Expected a model of a table",
    ),
    "quantiles in words": (
        "quantiles {model} --column x -q half",
        2,
        "expected numbers",
    ),
    "quantiles beyond one": ("quantiles {model} --column x -q 2", 1, "error: Expected levels in"),
    "quantiles given twice": (
        "quantiles {model} {csv} --column x --given size=S",
        2,
        "expected DATA or --given",
    ),
    "score another table": ("score {model} {other}", 1, "is lacking"),
    "score images": ("score {images} {csv}", 1, "error: Expected a model of a table"),
    "sample a regressor": ("sample {regressor} -n 3", 1, "Expected a model of a table or"),
    "impute with a regressor": ("impute {regressor} {csv}", 1, "Expected a model of a table"),
    "score with no probability": (
        "score {model} {csv} --explain 0",
        2,
        "Invalid value",
    ),
}


@pytest.fixture
def files(world):
    """The files that the rows name."""
    folder = world.folder
    names = list(world.table)
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(zip(*world.table.values(), strict=True))
    (folder / "empty.csv").write_text("")
    (folder / "a.xyz").write_text("a\n1\n")
    (folder / "other.csv").write_text("a,b\n1,2\n")
    (folder / "rubbish").mkdir()
    (folder / "rubbish" / "fit.safetensors").write_text("x")
    np.save(folder / "a.npy", world.grey)
    world.images.save(folder / "images.qdist")
    world.regressor.save(folder / "regressor.qdist")
    return {
        "folder": folder,
        "csv": folder / "a.csv",
        "empty": folder / "empty.csv",
        "odd": folder / "a.xyz",
        "other": folder / "other.csv",
        "rubbish": folder / "rubbish",
        "npy": folder / "a.npy",
        "model": world.path,
        "images": folder / "images.qdist",
        "regressor": folder / "regressor.qdist",
    }


@pytest.mark.parametrize(("words", "code", "said"), ROWS.values(), ids=ROWS)
def test_a_mistake_ends_in_its_code_and_words(files, capsys, monkeypatch, words, code, said):
    monkeypatch.chdir(files["folder"])
    if words == "plugins":
        monkeypatch.setenv("QDIST_PLUGINS", "nowhere")
        monkeypatch.setattr(registry, "_SHARED", registry.Registry())
    before = set(files["folder"].iterdir())
    assert main([word.format(**files) for word in shlex.split(words)]) == code
    heard = capsys.readouterr()
    assert said in " ".join(heard.err.split())
    assert "Traceback" not in heard.err + heard.out
    assert "unforeseen" not in heard.err
    assert heard.out == ""
    assert set(files["folder"].iterdir()) == before


def test_every_command_has_rows_of_both_codes():
    for command in app.commands:
        codes = {code for words, code, _ in ROWS.values() if words.split()[0] == command}
        assert codes == {1, 2}, command


def test_a_regressor_is_shown(files, capsys):
    assert main(["info", str(files["regressor"])]) == 0
    assert "DistributionRegressor" in capsys.readouterr().out
    assert main(["info", str(files["regressor"]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["features"] == ["0", "1"]


def test_debug_shows_where_an_error_arose(files, capsys):
    assert main(["info", str(files["csv"]), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


# What comes from data, and could be taken for colours or for markup.
NASTY = {
    f"[bold]x[/bold] {RED}": np.random.default_rng(0).normal(size=40).tolist(),
    "[/not open]": [RED, "[link=http://x]here[/link]"] * 20,
}


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """A model whose columns and levels have escape codes and markup in their names."""
    folder = tmp_path_factory.mktemp("nasty")
    model = qdist.TabularModel(
        max_steps=1, random_state=0, backbone_args={"width": 8, "blocks": 1}
    ).fit(NASTY)
    model.save(folder / "m.qdist")
    return folder


COMMANDS = {
    "info": ("info {model}", 0),
    "info as JSON": ("info {model} --json", 0),
    "an unknown column": ("quantiles {model} --column y", 1),
    "an unknown level": ("sample {model} -n 1 --given [/not␠open]=x", 1),
    "a file with codes": ("info {folder}/\x1b[31m", 1),
    "a column with codes": ("quantiles {model} --column \x1b[31m", 1),
    "an option with codes": ("info --\x1b[31m", 2),
    "a condition with codes": ("sample {model} -n 1 --given \x1b[31m", 2),
}


@pytest.mark.parametrize(("words", "code"), COMMANDS.values(), ids=COMMANDS)
def test_what_comes_from_data_is_spelt_out(nasty, capsys, words, code):
    model = nasty / "m.qdist"
    argv = [w.replace("␠", " ").format(model=model, folder=nasty) for w in words.split()]
    assert main(argv) == code
    heard = capsys.readouterr()
    assert "\x1b" not in heard.out + heard.err
    if words == "info {model}":
        assert "[bold]x[/bold] \\x1b[31mred\\x1b[0m" in heard.out


def test_a_progress_bar_shows_brackets_as_they_are(capsys):
    from qdist.progress import progress

    with progress("fitting", total=2, show=True) as bar:
        bar.update(1, note="[/not open]")
    assert "[/not open]" in capsys.readouterr().err
