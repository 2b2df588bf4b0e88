"""What the commands of the command line share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from qdist.cli_text import plain

__all__ = [
    "as_json",
    "debug",
    "output_option",
    "place_option",
    "quiet",
    "remark",
    "seed_option",
]


Command = TypeVar("Command", bound=Callable[..., Any])


def _place(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A place to write, checked before the work and not after it."""
    del ctx, param  # which click passes
    from qdist.arguments import place_to_write
    from qdist.data.atomic import replaceable

    if value != "-":
        place_to_write(replaceable(place_to_write(value)))
    return value


def place_option(help: str, **settings: Any) -> Callable[[Command], Command]:
    """The option that says where to write; its folder must be there."""
    return click.option("-o", "--output", help=help, callback=_place, **settings)


quiet = click.option("--quiet", is_flag=True, help="Show no progress and no closing remark.")
debug = click.option("--debug", is_flag=True, help="On an error, show where it arose.")
as_json = click.option("as_json", "--json", is_flag=True, help="Write JSON, for machines.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), help="Draw the same numbers again."
)
output_option = place_option("Where to write; the ending decides.", default="-", show_default=True)


def remark(message: str, *, quiet: bool) -> None:
    """Write a closing remark to standard error, unless it shall be quiet."""
    if not quiet:
        click.echo(plain(message), err=True)
