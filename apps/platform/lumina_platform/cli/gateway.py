"""`lumina gateway`."""

import sys
from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, group

LEAST_SECONDS, MOST_SECONDS = 0.2, 60.0

gateway = group("gateway", "The gateway at work.")


@gateway.callback()
def about() -> None:
    """The gateway at work."""


@gateway.command()
def top(
    interval: Annotated[
        float, typer.Option(min=LEAST_SECONDS, max=MOST_SECONDS, help="Seconds between two looks.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print the table once.")] = False,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show routes and backends live: state, rate, latency, errors, spend. q or Ctrl-C ends it.

    Into a pipe, and with --json, it prints once. It needs an admin's key, or one with the scope metrics.

    \b
    Example:
      lumina gateway top --interval 2
    """
    from lumina_platform.cli import live, tables, watching
    from lumina_platform.cli.target import find_target

    watched = watching.watch(find_target(home))
    if as_json:
        tables.show_json(watched.raw())
    elif once or not sys.stdout.isatty():
        live.show_once(watched)
    else:
        live.show(watched, interval)
