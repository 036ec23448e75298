"""The command `lumina`. Heavy imports happen where they are used, so that help is quick."""

import sys

import typer

from lumina_kit.errors import LuminaError
from lumina_platform.cli.up import up

app = typer.Typer(
    name="lumina",
    help="Lumina: run, watch and improve AI systems on your own hardware.",
    epilog="Start here: `lumina up`, then in another terminal `lumina chat 'What can you do?'`",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up)


def run() -> None:
    """Entry point: exit 0, 1 for what failed, 2 for wrong usage; errors go to standard error with the next step."""
    try:
        app()
    except LuminaError as error:
        typer.echo(f"Error: {error.message}", err=True)
        if error.next_step:
            typer.echo(f"  {error.next_step}", err=True)
        sys.exit(1)
