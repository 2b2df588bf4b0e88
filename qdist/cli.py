"""The command line: fit, sample, ask, and look at models and plugins.

Results go to standard output (or the file named), all else to standard error. Exit codes: 0 done,
1 could not be done, 2 asked wrongly. The heavy imports are inside the commands, so that `--help`
answers at once.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from qdist import cli_queries
from qdist.cli_options import (
    as_json,
    debug,
    output_option,
    place_option,
    quiet,
    remark,
    seed_option,
)
from qdist.cli_text import aligned, images_in_words, parse_given, parse_label, plain
from qdist.errors import InputError, QdistError

__all__ = ["app", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="qdist")
def app() -> None:
    """Fit the whole distribution of a table or of images, sample from it, and ask it."""


@app.command()
@click.argument("data")
@place_option("Where to save the model.", required=True)
@click.option("--max-time", help="Time for training: seconds, or such as 5m.")
@click.option("--backbone", metavar="NAME", help="Another network; `qdist plugins` lists them.")
@click.option("--head", metavar="NAME", help="Another head, of numbers or of grey values.")
@click.option("--checkpoint", metavar="DIR", help="Keep the fit there; run again, it goes on.")
@click.option("--restart", is_flag=True, help="Start anew whatever is in --checkpoint.")
@click.option("--unpacked", is_flag=True, help="Save a folder of the model's parts, not one file.")
@seed_option
@quiet
@debug
def fit(
    data: str,
    output: str,
    checkpoint: str | None,
    seed: int | None,
    max_time: str | None,
    backbone: str | None,
    head: str | None,
    **flags: bool,
) -> None:
    """Fit a model to DATA and save it.

    DATA is a table, a file ending in .csv, .csv.gz, .parquet or .feather, or - for standard
    input; or images, a folder of .png or .jpg files or a file ending in .npz or .npy. A folder of
    folders, or an .npz with labels, is fitted with their classes.

    Ctrl-C ends training; the best model so far is saved. With --checkpoint, a fit that was killed
    or ended so goes on when the same command is run again.
    """
    from qdist.data.files import read_table
    from qdist.estimators import ImageModel, TabularModel, are_images
    from qdist.files import check_place
    from qdist.progress import showing

    layout: Any = "folder" if flags["unpacked"] else "file"
    check_place(Path(output), layout)
    model: Any
    kept: Any = {"checkpoint": checkpoint, "resume": False if flags["restart"] else "auto"}
    typed = {"max_time": max_time, "random_state": seed, "backbone": backbone, "head": head}
    settings: Any = {name: value for name, value in typed.items() if value is not None}
    with showing(visible=False if flags["quiet"] else None):
        if are_images(data):
            model = ImageModel(**settings).fit(data, **kept)
        else:
            model = TabularModel(**settings).fit(read_table(data), **kept)
    model.save(output, layout=layout)
    planned, last = model.n_steps_, _last_step(model)
    steps = f" after {last} steps"
    if last != planned:  # what was done since the last validation is not in the model
        steps = f", last validated at step {last} of {planned} planned"
    what = ""
    if isinstance(model, ImageModel):
        what = f" ({images_in_words(model.schema_, model._summary['rows'])})"
    remark(f"saved {output}{steps}{what}", quiet=flags["quiet"])
    if isinstance(model, TabularModel) and not any(c.modelled for c in model.schema_):
        remark(
            "nothing was learnt: every column is constant or holds ids. If that is not so, see "
            f"how the columns were read: qdist info {output}",
            quiet=flags["quiet"],
        )


@app.command()
@click.argument("model")
@click.option("-n", "rows", type=click.IntRange(min=0), required=True, help="How many to draw.")
@output_option
@click.option(
    "--given",
    multiple=True,
    metavar="COLUMN=VALUE,...",
    help="Condition on these values; COLUMN= alone means that it is missing. Of images: a label.",
)
@seed_option
@quiet
@debug
def sample(
    model: str, rows: int, output: str, given: tuple[str, ...], seed: int | None, **flags: bool
) -> None:
    """Draw rows or images from MODEL, a file that `qdist fit` saved.

    Rows go to a file ending in .csv, .csv.gz, .parquet or .feather, or to - for CSV on standard
    output. Images go to .png (side by side in one picture), to .npz or .npy, or to a folder.
    """
    import qdist
    from qdist.data.files import check_table_place, write_table
    from qdist.data.pictures import write_images
    from qdist.progress import showing

    loaded = qdist.load(model)
    if isinstance(loaded, qdist.ImageModel):
        label = parse_label(given, loaded.schema_)
        _check_output(output, loaded.schema_.channels, rows)
        labels: Any = None if label is None else [label] * rows
        if label is None and loaded.schema_.classes:
            labels = loaded.sample_labels(rows, random_state=seed)
        with showing(visible=False if flags["quiet"] else None):
            images = loaded.sample(rows, given=labels, random_state=seed)
        write_images(images, output, labels=labels)
        remark(f"wrote {rows} images to {output}{_dark(loaded, output)}", quiet=flags["quiet"])
        return
    if not isinstance(loaded, qdist.TabularModel):
        raise InputError(
            f"Expected a model of a table or of images in {model}; got a "
            f"{type(loaded).__name__}, which draws nothing without features. Use it in Python."
        )
    check_table_place(output)
    known = parse_given(given, loaded.schema_)
    with showing(visible=False if flags["quiet"] else None):
        drawn = loaded.sample(rows, given=known or None, random_state=seed)
    write_table(drawn, output)
    if output != "-":
        remark(f"wrote {rows} rows to {output}", quiet=flags["quiet"])


@app.command()
@click.argument("model")
@click.argument("images")
@click.option("--hide", type=click.Choice(["lower", "upper", "left", "right"]), help="A half.")
@click.option("--mask", help="A .png or .npy file: all that is not 0 is hidden, in each image.")
@click.option(
    "-n", "draws", type=click.IntRange(min=1), default=1, show_default=True, help="Each."
)
@place_option("Where to write; the ending decides.", required=True)
@click.option(
    "--given",
    multiple=True,
    metavar="LABEL",
    help="The label of all images; without it those that come with IMAGES count.",
)
@seed_option
@quiet
@debug
def inpaint(
    model: str,
    images: str,
    hide: str | None,
    mask: str | None,
    draws: int,
    output: str,
    given: tuple[str, ...],
    seed: int | None,
    **flags: bool,
) -> None:
    """Complete the hidden pixels of IMAGES, a folder or an .npz or .npy file, by MODEL.

    A hidden pixel is drawn given all pixels above it and those left of it; it does not see known
    pixels further on. A .png shows a row for each image: what is known, then the completions.
    Elsewhere all completions of the first image come first, then those of the second; an .npz
    holds the labels that they were given.
    """
    import numpy as np

    import qdist
    from qdist.codecs.labels import by_text, label_codes
    from qdist.data.images import read_images, read_mask
    from qdist.data.pictures import completions, half, write_images
    from qdist.progress import showing

    if (hide is None) == (mask is None):
        raise click.UsageError("expected one of --hide and --mask.")
    loaded = qdist.load(model)
    if not isinstance(loaded, qdist.ImageModel):
        raise InputError(f"Expected a model of images in {model}; got one of a table.")
    label: Any = parse_label(given, loaded.schema_)
    classes = loaded.schema_.classes
    found, labels = read_images(images, check_labels=bool(classes) and label is None)
    _check_output(output, loaded.schema_.channels, len(found) * draws)
    if len(loaded.schema_.shape) == 3 and loaded.schema_.channels == 1 and found.ndim == 3:
        found = found[..., None]  # grey pictures have no axis of channels, but arrays may
    hidden = half(found.shape[1:3], str(hide)) if mask is None else read_mask(mask)
    if label is None and labels is not None and classes:
        label = by_text(labels, classes)
        label_codes(label, classes, len(found), what=images)  # names them if one is none of these
    with showing(visible=False if flags["quiet"] else None):
        drawn = loaded.inpaint(found, hidden, n_draws=draws, given=label, random_state=seed)
    if output.lower().endswith(".png"):
        write_images(completions(found, drawn, hidden), output, columns=draws + 1)
    else:
        # Those that were given, an image each; where each completion drew its own none is known.
        known = None if label is None else np.broadcast_to(label, len(found)).repeat(draws)
        complete = drawn.swapaxes(0, 1).reshape(-1, *found.shape[1:])
        write_images(complete, output, labels=known)
    told = f"wrote {drawn.shape[0] * drawn.shape[1]} images to {output}{_dark(loaded, output)}"
    remark(told, quiet=flags["quiet"])


@app.command()
@click.argument("model")
@as_json
@debug
def info(model: str, as_json: bool, **flags: bool) -> None:  # noqa: FBT001 click passes by name
    """Say what MODEL, a saved file, was made of: its columns or images, and its settings."""
    import qdist

    loaded = qdist.load(model)
    settings = {name: value for name, value in loaded.get_params().items() if value is not None}
    facts = {
        "model": type(loaded).__name__,
        "fitted_by": loaded._summary["versions"],
        "read_by": {"qdist": qdist.__version__},
        "steps": loaded.n_steps_,
        "settings": settings,
    }
    if isinstance(loaded, qdist.DistributionRegressor):
        names = getattr(loaded, "feature_names_in_", range(loaded.n_features_in_))
        facts["features"], shown = [str(name) for name in names], ""
    else:
        facts["last_validated_step"] = _last_step(loaded)
        # A table of constants and ids has no network.
        images = isinstance(loaded, qdist.ImageModel)
        learnt = images or any(column.modelled for column in loaded.schema_)
        weights = loaded.module_.parameters() if learnt else ()
        facts["parameters"] = sum(w.numel() for w in weights)
        what = "images" if images else "columns"
        facts[what], shown = loaded.schema_.to_json(), f"\n{loaded.schema_}"
    if as_json:
        _write(json.dumps(facts, default=str, indent=2))
        return
    named = {"steps": "planned steps", "last_validated_step": "last validated at step"}
    lines = [
        (named.get(name, name.replace("_", " ")), _words(facts[name]))
        for name in ("model", "fitted_by", "read_by", *named, "features", "parameters")
        if name in facts
    ]
    lines += [(name, str(value)) for name, value in sorted(settings.items())]
    _write(aligned(lines))
    _write(plain(shown))


@app.command()
@as_json
@debug
def plugins(as_json: bool, **flags: bool) -> None:  # noqa: FBT001 click passes by name
    """List the plugins, and the backbones and heads that they bring."""
    from qdist import registry

    parts = {
        "plugins": registry.plugins(),
        "backbones": {name: _path(cls) for name, cls in registry.backbones().items()},
        "heads": {name: _path(cls) for name, cls in registry.heads().items()},
    }
    if as_json:
        _write(json.dumps(parts, indent=2))
        return
    for part, found in parts.items():
        _write(part)
        _write(aligned([("  " + name, where) for name, where in found.items()]))


for _command in (cli_queries.impute, cli_queries.quantiles, cli_queries.score):
    app.add_command(_command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The words after `qdist`; those of the process if `None`.

    Returns:
        The exit code: 0 done, 1 could not be done, 2 asked wrongly.

    Example:
        >>> main(["--version"])
        qdist, version ...
        0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        outcome = app.main(words, prog_name="qdist", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped by the user", debug=debug)
    except BrokenPipeError:
        _drop_unwritten()  # the reader (for example `head`) has had enough
        return 0
    except QdistError as error:
        return _fail(str(error), debug=debug)
    except Exception as error:
        kind = type(error).__name__
        return _fail(f"{kind}: {error} (unforeseen; --debug shows where it arose)", debug=debug)
    return outcome if isinstance(outcome, int) else 0


def _fail(message: str, *, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    click.echo(f"error: {plain(message)}", err=True)
    _drop_unwritten()
    return 1


def _drop_unwritten() -> None:
    """What standard output does not take is not tried again at the exit: Python would complain."""
    if sys.stdout is None:  # the process was started without one
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_output(output: str, channels: int, n: int) -> None:
    """Before the work, not after it."""
    from qdist.data.pictures import check_target

    if output == "-":
        raise InputError(
            "Expected a file or folder for images; got standard output. "
            "Name one with -o, such as grid.png."
        )
    check_target(output, channels=channels, n=n)


def _dark(model: Any, output: str) -> str:
    """A word on pictures of images such as those of 0 and 1, which look black."""
    schema = model.schema_
    last = schema.first + schema.step * (schema.levels - 1)
    if last >= 64 or output.lower().endswith((".npz", ".npy")):
        return ""
    return f"; they are dark, with grey values {schema.first} ... {last} of 255"


def _last_step(model: Any) -> int:
    """The step at which a model of one network was validated last: it holds no later weights."""
    return int(model.history_[-1]["step"]) if model.history_ else 0


def _words(fact: Any) -> str:
    if isinstance(fact, dict):  # versions by name; a model of an early format has none
        return ", ".join(f"{name} {version}" for name, version in fact.items()) or "unknown"
    return str(fact)


def _write(text: str) -> None:
    from qdist.data.files import to_standard_output

    with to_standard_output():
        click.echo(text)


def _path(cls: Callable[..., Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
