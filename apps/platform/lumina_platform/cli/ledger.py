"""`lumina ledger`."""

from typing import Annotated

import typer

from lumina_platform.cli.errors import LedgerBroken
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/api/governance/ledger"
PAGE = 500
COLUMNS = {
    "No.": "number",
    "At": "at",
    "What": "action",
    "Of": "subject.name",
    "By": "actor.name",
    "Why": "why",
    "Trace": "trace_id",
}
VERDICT = {"Intact": "intact", "Entries checked": "checked", "Head": "head_hash", "Reason": "reason"}

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
    """List changes, newest first.

    \b
    Example:
      lumina ledger ls --action 'key.*' --limit 10
    """
    from lumina_platform.cli import client, tables

    wanted = {"action": action, "subject": subject, "actor": actor}
    query: dict[str, str | int] = {name: value for name, value in wanted.items() if value}
    tables.show(
        client.api(home, project).rows(PATH, query | {"limit": min(limit, PAGE)}, limit), COLUMNS, as_json=as_json
    )


@ledger.command()
def verify(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """Walk the whole chain; exit 1 with the number of the first entry that is not what was written.

    \b
    Example:
      lumina ledger verify
    """
    from lumina_platform.cli import client, tables

    verdict = client.api(home).one("GET", f"{PATH}/verify")
    tables.show_fields(verdict, VERDICT, as_json=as_json)
    if not verdict["intact"]:
        raise LedgerBroken(
            f"Entry {verdict['broken_at']} is not what was written: {verdict['reason']}.",
            next_step="Compare it with a backup; the entries before it are intact.",
        )
