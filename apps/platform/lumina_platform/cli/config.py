"""`lumina config`."""

from pathlib import Path
from typing import Annotated

import typer

from lumina_platform.cli.flags import group

config = group("config", "The gateway's configuration file.")


@config.callback()
def about() -> None:
    """The gateway's configuration file."""


@config.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A LiteLLM config.yaml.")],
) -> None:
    """Say what a configuration would serve, and what in it is wrong or not supported, by line.

    \b
    Example:
      lumina config check config.yaml
    """
