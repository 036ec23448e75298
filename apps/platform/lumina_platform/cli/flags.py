"""The flags that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

HomeFlag = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Home of the Lumina to talk to; else LUMINA_URL with LUMINA_API_KEY, else LUMINA_HOME.",
        show_default=False,
    ),
]  # fmt: skip
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ProjectFlag = Annotated[
    str | None, typer.Option("--project", help="Act in this project; else in the default one.", show_default=False)
]
WhereFlag = Annotated[
    list[str] | None,
    typer.Option(help="Any attribute: NAME, NAME=VALUE, !=, ~ (contains), > or <. Repeatable.", show_default=False),
]


def group(name: str, about: str) -> typer.Typer:
    """An empty group of commands."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None)
