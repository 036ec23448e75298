"""`lumina ledger`."""

from typing import Annotated

import typer

from lumina_platform.cli.errors import LedgerBroken
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/api/governance/ledger"
PAGE = 500
COLUMNS = {"No.": "number", "At": "at", "What": "action", "Of": "subject.name", "By": "actor.name", "Why": "why"}
NOTHING_FITS = "No entry fits; `lumina ledger ls` without filters lists all."

ledger = group("ledger", "The audit log: every change, chained by hash.")


@ledger.command()
def ls(
    action: Annotated[
        str | None, typer.Option(help="What was done, whole or with a trailing *.", show_default=False)
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Id of what was changed.", show_default=False)] = None,
    actor: Annotated[str | None, typer.Option(help="Id of who did it.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entries at most, newest first.")] = 50,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List changes, newest first; `--json` shows all of each, with before, after and trace.

    \b
    Example:
      lumina ledger ls --action 'key.*' --limit 10
    """
    from lumina_platform.cli import client, tables

    wanted = {"action": action, "subject": subject, "actor": actor}
    query: dict[str, str | int] = {name: value for name, value in wanted.items() if value}
    rows = client.api(home, project).rows(PATH, query | {"limit": min(limit, PAGE)}, limit)
    tables.show(rows, COLUMNS, as_json=as_json, empty=NOTHING_FITS)


@ledger.command()
def verify(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """Walk the whole chain; exit 1 with the number of the first entry that is not what was written.

    \b
    Example:
      lumina ledger verify
    """
    from lumina_platform.cli import client, tables

    verdict = client.api(home).one("GET", f"{PATH}/verify")
    if as_json:
        tables.show_json(verdict)
    if not verdict["intact"]:
        raise LedgerBroken(
            f"Entry {verdict['broken_at']} is not what was written: {verdict['reason']}.",
            next_step="Compare it with a backup; the entries before it are intact.",
        )
    if not as_json:
        told = (
            f"Intact: all {verdict['checked']} entries are as they were written. Newest hash:\n{verdict['head_hash']}"
        )
        tables.console().print(told, markup=False, soft_wrap=True)
