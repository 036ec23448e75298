"""The command `lumina`. Heavy imports happen where they are used, so that help is quick."""

import sys

import typer

from lumina_kit.errors import LuminaError
from lumina_platform.cli.access import access
from lumina_platform.cli.alerts import alerts
from lumina_platform.cli.chat import chat
from lumina_platform.cli.config import config
from lumina_platform.cli.content import content
from lumina_platform.cli.gateway import gateway
from lumina_platform.cli.keys import keys
from lumina_platform.cli.ledger import ledger
from lumina_platform.cli.logs import logs
from lumina_platform.cli.metrics import metrics
from lumina_platform.cli.models import models
from lumina_platform.cli.people import people
from lumina_platform.cli.projects import projects
from lumina_platform.cli.resolve import resolve
from lumina_platform.cli.rules import rules
from lumina_platform.cli.slo import slo
from lumina_platform.cli.status import status
from lumina_platform.cli.traces import traces
from lumina_platform.cli.up import up

app = typer.Typer(
    name="lumina",
    help="Lumina: run, watch and improve AI systems on your own hardware.",
    epilog="Start with `lumina up`; then, in another terminal: lumina chat 'What can you do?'",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (up, status, chat, resolve, logs):
    app.command()(command)
GROUPS = (
    models, gateway, traces, metrics, slo, rules, alerts, keys, people, projects, config, ledger, content, access,
)  # fmt: skip
for group in GROUPS:
    app.add_typer(group)


def run() -> None:
    """Entry point: exit 0, 1 for what failed, 2 for wrong usage; errors go to standard error with the next step."""
    try:
        app()
    except LuminaError as error:
        typer.echo(f"Error: {error.message}", err=True)
        if error.next_step:
            typer.echo(f"  {error.next_step}", err=True)
        sys.exit(1)
