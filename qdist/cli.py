"""The command line: fit, sample, ask, and look at models and plugins.

Results go to standard output (or the file named), all else to standard error. Exit codes: 0 done,
1 could not be done, 2 asked wrongly. The heavy imports are inside the commands, so that `--help`
answers at once.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from qdist.cli_text import aligned, numbers, parse_given, plain
from qdist.errors import QdistError

__all__ = ["app", "main"]

_quiet = click.option("--quiet", is_flag=True, help="Show no progress and no closing remark.")
_debug = click.option("--debug", is_flag=True, help="On an error, show where it arose.")
_json = click.option("as_json", "--json", is_flag=True, help="Write JSON, for machines.")
_seed = click.option("--seed", type=click.IntRange(min=0), help="Draw the same numbers again.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="qdist")
def app() -> None:
    """Fit a table's whole distribution, sample from it, and ask it."""


@app.command()
@click.argument("data")
@click.option("-o", "--output", required=True, help="Where to save the model.")
@click.option("--max-time", help="Time for training: seconds, or such as 5m.")
@_seed
@_quiet
@_debug
def fit(data: str, output: str, max_time: str | None, seed: int | None, **flags: bool) -> None:
    """Fit a model to DATA and save it.

    DATA is a file ending in .csv, .csv.gz, .parquet or .feather, or - for standard input.
    """
    from qdist.data.files import read_table
    from qdist.estimators import TabularModel
    from qdist.progress import showing

    model = TabularModel(max_time=max_time, random_state=seed)
    with showing(visible=False if flags["quiet"] else None):
        model.fit(read_table(data))
    model.save(output)
    _remark(f"saved {output} after {model.n_steps_} steps", quiet=flags["quiet"])


@app.command()
@click.argument("model")
@click.option("-n", "rows", type=click.IntRange(min=0), required=True, help="How many rows.")
@click.option(
    "-o", "--output", default="-", show_default=True, help="Where to write; the ending decides."
)
@click.option(
    "--given",
    multiple=True,
    metavar="COLUMN=VALUE,...",
    help="Condition on these values; COLUMN= alone means that it is missing.",
)
@_seed
@_quiet
@_debug
def sample(
    model: str, rows: int, output: str, given: tuple[str, ...], seed: int | None, **flags: bool
) -> None:
    """Draw rows from MODEL, a file that `qdist fit` saved.

    The output ends in .csv, .csv.gz, .parquet or .feather, or is - for CSV on standard output.
    """
    import qdist
    from qdist.data.files import write_table
    from qdist.progress import showing

    loaded = qdist.load(model)
    known = parse_given(given, loaded.schema_)
    with showing(visible=False if flags["quiet"] else None):
        drawn = loaded.sample(rows, given=known or None, random_state=seed)
    write_table(drawn, output)
    if output != "-":
        _remark(f"wrote {rows} rows to {output}", quiet=flags["quiet"])


_output = click.option(
    "-o", "--output", default="-", show_default=True, help="Where to write; the ending decides."
)


@app.command()
@click.argument("model")
@click.argument("data")
@_output
@click.option(
    "--draws", type=click.IntRange(min=1), default=1, help="Completed copies of DATA, in a row."
)
@_seed
@_quiet
@_debug
def impute(
    model: str, data: str, output: str, draws: int, seed: int | None, **flags: bool
) -> None:
    """Fill the missing cells of DATA with draws from MODEL.

    With --draws above 1 the completed copies follow each other, numbered in a first column "draw".
    """
    import qdist
    from qdist.data.files import read_table, write_table
    from qdist.data.frames import to_arrow
    from qdist.progress import showing

    loaded = qdist.load(model)
    with showing(visible=False if flags["quiet"] else None):
        filled = loaded.impute(read_table(data), n_draws=draws, random_state=seed)
    if draws > 1:
        import numpy as np
        import pyarrow as pa

        tables = [to_arrow(frame) for frame in filled]
        number = np.repeat(np.arange(1, draws + 1), [table.num_rows for table in tables])
        filled = pa.concat_tables(tables, promote_options="permissive")
        filled = filled.add_column(0, "draw", pa.array(number))
    write_table(filled, output)
    if output != "-":
        _remark(f"wrote {output}", quiet=flags["quiet"])


@app.command()
@click.argument("model")
@click.argument("data", required=False)
@click.option("--column", required=True, help="The column asked for.")
@click.option("-q", "--levels", default="0.05,0.5,0.95", show_default=True, help="Levels.")
@click.option(
    "--given",
    multiple=True,
    metavar="COLUMN=VALUE,...",
    help="One condition, in place of DATA.",
)
@_output
@_quiet
@_debug
def quantiles(
    model: str,
    data: str | None,
    column: str,
    levels: str,
    given: tuple[str, ...],
    output: str,
    **flags: bool,
) -> None:
    """Quantiles of a column given each row of DATA: a line for a row.

    The column itself is left out of DATA if it is there; what is missing in DATA is unknown.
    """
    import pyarrow as pa

    import qdist
    from qdist.data.files import read_table, write_table
    from qdist.data.frames import to_arrow

    if data is not None and given:
        raise click.UsageError("expected DATA or --given; got both.")
    loaded = qdist.load(model)
    known: Any = parse_given(given, loaded.schema_) or None
    if data is not None:
        known = to_arrow(read_table(data))
        if column in known.schema.names:
            known = known.drop_columns([column])
    wanted = numbers(levels, hint="--levels")
    found = loaded.quantile(column, wanted, given=known)
    names = [f"q{level:g}" for level in wanted]
    write_table(pa.table([pa.array(values) for values in found.T], names=names), output)
    if output != "-":
        _remark(f"wrote {output}", quiet=flags["quiet"])


@app.command()
@click.argument("model")
@click.argument("data")
@click.option(
    "--explain",
    type=click.FloatRange(min=0, min_open=True),
    metavar="P",
    help="List instead the cells of probability at most P given the rest of their row.",
)
@click.option("--orders", type=click.IntRange(min=1), default=1, help="Average over orders.")
@_output
@_seed
@_quiet
@_debug
def score(
    model: str,
    data: str,
    explain: float | None,
    orders: int,
    output: str,
    seed: int | None,
    **flags: bool,
) -> None:
    """Log density of each row of DATA, a line for a row: the lowest are the oddest."""
    import pyarrow as pa

    import qdist
    from qdist.data.files import read_table, write_table

    loaded = qdist.load(model)
    table = read_table(data)
    if explain is None:
        scores = loaded.score_samples(table, n_orders=orders, random_state=seed)
        result: Any = pa.table({"log_density": pa.array(scores)})
    else:
        result = loaded.explain_outliers(table, threshold=explain)
    write_table(result, output)
    if output != "-":
        _remark(f"wrote {output}", quiet=flags["quiet"])


@app.command()
@click.argument("model")
@_json
@_debug
def info(model: str, as_json: bool, **flags: bool) -> None:  # noqa: FBT001 click passes by name
    """Say what MODEL, a saved file, was made of: its columns and its settings."""
    import qdist

    loaded = qdist.load(model)
    settings = {name: value for name, value in loaded.get_params().items() if value is not None}
    facts = {
        "model": type(loaded).__name__,
        "version": qdist.__version__,
        "steps": loaded.n_steps_,
        "parameters": sum(weights.numel() for weights in loaded.module_.parameters()),
        "settings": settings,
        "columns": loaded.schema_.to_json(),
    }
    if as_json:
        _write(json.dumps(facts, default=str, indent=2))
        return
    lines = [(name, str(facts[name])) for name in ("model", "steps", "parameters")]
    lines += [(name, str(value)) for name, value in sorted(settings.items())]
    _write(aligned(lines))
    _write(plain(f"\n{loaded.schema_}"))


@app.command()
@_json
@_debug
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
        # The reader (for example `head`) has had enough; Python would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
    return 1


def _remark(message: str, *, quiet: bool) -> None:
    if not quiet:
        click.echo(plain(message), err=True)


def _write(text: str) -> None:
    click.echo(text)


def _path(cls: Callable[..., Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
