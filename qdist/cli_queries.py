"""The commands that ask a fitted table: `qdist impute`, `quantiles` and `score`."""

from typing import Any

import click

from qdist.cli_options import debug, output_option, quiet, remark, seed_option
from qdist.cli_text import in_zone, numbers, parse_given, types_for_csv
from qdist.errors import InputError, UnsupportedError

__all__ = ["impute", "quantiles", "score"]


@click.command()
@click.argument("model")
@click.argument("data")
@output_option
@click.option(
    "--draws", type=click.IntRange(min=1), default=1, help="Completed copies of DATA, in a row."
)
@seed_option
@quiet
@debug
def impute(
    model: str, data: str, output: str, draws: int, seed: int | None, **flags: bool
) -> None:
    """Fill the missing cells of DATA with draws from MODEL.

    With --draws above 1 the completed copies follow each other, numbered in a first column "draw".
    """
    from qdist.data.files import check_table_place, read_table, write_table
    from qdist.data.frames import to_arrow
    from qdist.progress import showing

    check_table_place(output)
    loaded = load_table_model(model)
    if draws > 1 and "draw" in loaded.schema_.names:
        raise InputError(
            "Expected no column 'draw' in the table, since --draws numbers its copies in a first "
            f"column of that name; got one in {model}. Rename it and fit again, or impute once "
            "for each --seed."
        )
    with showing(visible=False if flags["quiet"] else None):
        filled = loaded.impute(
            read_table(data, types=types_for_csv(loaded.schema_)), n_draws=draws, random_state=seed
        )
    if draws > 1:
        import numpy as np
        import pyarrow as pa

        tables = [to_arrow(frame) for frame in filled]
        number = np.repeat(np.arange(1, draws + 1), [table.num_rows for table in tables])
        filled = pa.concat_tables(tables, promote_options="permissive")
        filled = filled.add_column(0, "draw", pa.array(number))
    write_table(filled, output)
    if output != "-":
        remark(f"wrote {output}", quiet=flags["quiet"])


@click.command()
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
@output_option
@quiet
@debug
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

    from qdist.data.files import check_table_place, read_table, write_table
    from qdist.data.frames import to_arrow

    if data is not None and given:
        raise click.UsageError("expected DATA or --given; got both.")
    check_table_place(output)
    loaded = load_table_model(model)
    known: Any = parse_given(given, loaded.schema_) or None
    if data is not None:
        known = to_arrow(read_table(data, types=types_for_csv(loaded.schema_)))
        if column in known.schema.names:
            known = known.drop_columns([column])
    wanted = numbers(levels, hint="--levels")
    names = [f"q{level:.15g}" for level in wanted]
    if len(set(names)) < len(names):
        raise click.BadParameter(f"expected levels that differ; got {levels}.", param_hint="-q")
    try:
        found = loaded.quantile(column, wanted, given=known)
    except UnsupportedError as error:
        kind = loaded.schema_[column].kind
        if kind not in {"nominal", "boolean"}:
            raise
        raise UnsupportedError(
            f"Expected a column whose values have an order; got {column!r}, of kind {kind}. Draw "
            "rows with qdist sample (--given for a condition) and count its values."
        ) from error
    columns = [in_zone(pa.array(values), loaded.schema_[column].dtype) for values in found.T]
    write_table(pa.table(columns, names=names), output)
    if output != "-":
        remark(f"wrote {output}", quiet=flags["quiet"])


@click.command()
@click.argument("model")
@click.argument("data")
@click.option(
    "--explain",
    type=click.FloatRange(min=0, min_open=True),
    metavar="P",
    help="List instead the cells of probability at most P given the rest of their row.",
)
@click.option("--orders", type=click.IntRange(min=1), default=1, help="Average over orders.")
@output_option
@seed_option
@quiet
@debug
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

    from qdist.data.files import check_table_place, read_table, write_table

    if explain is not None and (orders > 1 or seed is not None):
        raise click.UsageError(
            "expected --explain, or --orders and --seed of densities; got both."
        )
    check_table_place(output)
    loaded = load_table_model(model)
    table = read_table(data, types=types_for_csv(loaded.schema_))
    if explain is None:
        scores = loaded.score_samples(table, n_orders=orders, random_state=seed)
        result: Any = pa.table({"log_density": pa.array(scores)})
    else:
        result = loaded.explain_outliers(table, threshold=explain)
    write_table(result, output)
    if output != "-":
        remark(f"wrote {output}", quiet=flags["quiet"])


def load_table_model(path: str) -> Any:
    """Load a model of a table.

    Raises:
        InputError: If it is one of something else.
    """
    import qdist

    loaded = qdist.load(path)
    if not isinstance(loaded, qdist.TabularModel):
        raise InputError(
            f"Expected a model of a table in {path}; got one of "
            f"{'images' if isinstance(loaded, qdist.ImageModel) else 'a column given features'}. "
            "Fit one to a table with qdist fit."
        )
    return loaded
