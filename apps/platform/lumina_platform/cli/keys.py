"""`lumina keys`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from lumina_kit.roles import Role, Scope
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/api/governance/keys"
COLUMNS = {
    "Id": "id",
    "Name": "name",
    "Role": "role",
    "Scopes": "scopes",
    "Ends in": "last_four",
    "Created": "created_at",
    "Expires": "expires_at",
    "Revoked": "revoked_at",
}
SHOWN_ONCE = {"Key": "secret", "Id": "id", "Name": "name", "Role": "role", "Scopes": "scopes", "Expires": "expires_at"}

keys = group("keys", "API keys: for the gateway, the API, telemetry and hooks.")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; repeatable. Default: inference.")] = None,
    role: Annotated[Role | None, typer.Option(help="A role instead of scopes.", show_default=False)] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Expires after so many days.", show_default=False)] = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key. It is shown this once.

    \b
    Example:
      lumina keys create my-notebook --scope inference --days 30
    """
    from lumina_platform.cli import client, tables

    if role and scope:
        raise typer.BadParameter("A key has a role or scopes, not both.")
    expires = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days else None
    body = {"name": name, "role": role, "scopes": scope or None, "expires_at": expires}
    made = client.api(home, project).one("POST", PATH, body)
    tables.show_fields(made, SHOWN_ONCE, as_json=as_json)


@keys.command()
def ls(project: ProjectFlag = None, home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List the keys of a project, revoked ones too.

    \b
    Example:
      lumina keys ls --project research
    """
    from lumina_platform.cli import client, tables

    tables.show(client.api(home, project).rows(PATH), COLUMNS, as_json=as_json)


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, the beginning of it, or its name.")],
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Revoke a key: at the API at once, at the gateway within a second.

    \b
    Example:
      lumina keys revoke my-notebook
    """
    from lumina_platform.cli import client, tables

    api = client.api(home, project)
    found = api.named(PATH, key, ("name",))
    tables.show_fields(api.one("DELETE", f"{PATH}/{found['id']}"), COLUMNS, as_json=as_json)
