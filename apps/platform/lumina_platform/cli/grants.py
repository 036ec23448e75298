"""Granting what no role has: the command that people and keys share."""

from pathlib import Path
from typing import Annotated

import typer

MOST_HOURS = 30 * 24
PATH = "/api/governance/grants"
PERMISSION = "content.read"
COLUMNS = {
    "Id": "id",
    "To": "holder_name",
    "What": "permission",
    "By": "granted_by",
    "Why": "why",
    "Until": "expires_at",
    "Revoked": "revoked_at",
}

HoursFlag = Annotated[int, typer.Option("--hours", min=1, max=MOST_HOURS, help="For how long.")]
GrantWhyFlag = Annotated[str, typer.Option("--why", help="The reason; the audit log keeps it.")]


def grant(
    home: Path | None,
    project: str | None,
    holder: tuple[str, str, str],
    terms: tuple[int, str],
    *,
    as_json: bool,
) -> None:
    """Let a holder (path, name, field that has the name) read content, on terms (hours, why)."""
    from lumina_platform.cli import client, tables

    path, name, field = holder
    hours, why = terms
    api = client.api(home, project)
    found = api.named(path, name, (field,))
    made = api.one("PUT", f"{path}/{found['id']}/grants/{PERMISSION}", {"hours": hours, "why": why})
    tables.show_fields(made, COLUMNS, as_json=as_json)
