"""What the commands of the command line share."""

import click

from qdist.cli_text import plain

__all__ = ["as_json", "debug", "output_option", "quiet", "remark", "seed_option"]

quiet = click.option("--quiet", is_flag=True, help="Show no progress and no closing remark.")
debug = click.option("--debug", is_flag=True, help="On an error, show where it arose.")
as_json = click.option("as_json", "--json", is_flag=True, help="Write JSON, for machines.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), help="Draw the same numbers again."
)
output_option = click.option(
    "-o", "--output", default="-", show_default=True, help="Where to write; the ending decides."
)


def remark(message: str, *, quiet: bool) -> None:
    """Write a closing remark to standard error, unless it shall be quiet."""
    if not quiet:
        click.echo(plain(message), err=True)
