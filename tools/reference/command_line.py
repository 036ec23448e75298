"""The commands of `lumina`, each with its help, from the Typer application itself."""

from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup

from lumina_platform.cli.main import app
from tools.reference.tables import page, table


def command_line() -> str:
    parts = [_section(path, command) for path, command in _walk("lumina", typer.main.get_command(app))]
    return page("Command line", "Exit codes: 0 done, 1 failed, 2 wrong usage. Errors go to standard error.", *parts)


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    for name, inner in sorted(command.commands.items()):
        yield from _walk(f"{path} {name}", inner)


def _section(path: str, command: Any) -> str:
    rows = [_parameter(found) for found in command.params]
    parts = [f"## `{path}`", *(_paragraph(part) for part in (command.help or "").split("\n\n") if part.strip("\b\n "))]
    return "\n\n".join(parts + ([table(["parameter", "meaning"], rows)] if rows else []))


def _paragraph(text: str) -> str:
    """A paragraph of help as Markdown: an example becomes code."""
    _, is_example, example = text.partition("Example:\n")
    return f"```text\n{dedent(example).strip()}\n```" if is_example else text.strip()


def _parameter(found: Any) -> list[str]:
    is_argument = isinstance(found, TyperArgument)
    name = (
        (found.metavar or found.name or "").upper() if is_argument else ", ".join([*found.opts, *found.secondary_opts])
    )
    return [f"`{name}`", found.help or ""]
