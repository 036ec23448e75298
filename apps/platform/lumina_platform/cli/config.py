"""`lumina config`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lumina_platform.cli.errors import ConfigWrong
from lumina_platform.cli.flags import JsonFlag, group

COLUMNS = {"Line": "line", "Level": "level", "Key": "path", "Finding": "message"}

config = group("config", "The gateway's configuration file.")


@config.callback()
def about() -> None:
    """The gateway's configuration file."""


@config.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A LiteLLM config.yaml.")],
    as_json: JsonFlag = False,
) -> None:
    """Say what a configuration would serve, and by line what in it is wrong or not acted on yet.

    It reads the file and this shell's environment, and needs no running Lumina.

    \b
    Example:
      lumina config check config.yaml
    """
    from lumina_inference.config.compiling import compile_file
    from lumina_platform.cli import tables

    compiled = compile_file(file, os.environ)
    found = [
        {"line": each.line, "level": str(each.level), "path": each.path, "message": each.message}
        for each in compiled.report.findings
    ]
    served = [route.name for route in compiled.routes.routes]
    if as_json:
        tables.show_json({"ok": compiled.report.ok, "findings": found, "models": served})
    elif found:
        tables.show(found, COLUMNS, as_json=False)
    if not compiled.report.ok:
        wrong = len(compiled.report.errors)
        raise ConfigWrong(
            f"{file} cannot be used: {wrong} {'error' if wrong == 1 else 'errors'}.",
            next_step="Mend the lines above; until then the gateway keeps serving what it had.",
        )
    if not as_json:
        tables.console().print(f"Fine. It serves {', '.join(served)}.", markup=False, soft_wrap=True)
