"""`lumina keys`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from lumina_kit.roles import Role, Scope
from lumina_platform.cli import grants, limits
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group
from lumina_platform.cli.grants import GrantWhyFlag, HoursFlag
from lumina_platform.cli.limits import BudgetFlag, ModelsFlag, RemoveFlag, RpmFlag, TpmFlag

PATH = "/api/governance/keys"
MOST_DAYS = 36_500
COLUMNS = {
    "Id": "id",
    "Name": "name",
    "May": "may",
    "Last four": "last_four",
    "Created": "created_at",
    "Expires": "end",
    "Limits": "limits",
}
FIELDS = {"Id": "id", "Name": "name", "Role": "role", "Scopes": "scopes", "Expires": "expires_at", "Limits": "limits"}

KeyArgument = Annotated[str, typer.Argument(help="Its id, the beginning of it, or its name.")]

keys = group("keys", "API keys: for the gateway, the API, telemetry and hooks.")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; repeatable. Default: inference.")] = None,
    role: Annotated[Role | None, typer.Option(help="A role instead of scopes.", show_default=False)] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_DAYS, help="Expires after so many days.", show_default=False)
    ] = None,
    models: ModelsFlag = None,
    rpm: RpmFlag = None,
    tpm: TpmFlag = None,
    budget: BudgetFlag = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key. It is shown this once.

    \b
    Example:
      lumina keys create my-notebook --days 30 --model 'openai/*' --rpm 60 --budget 5/day
    """
    from lumina_platform.cli import client, tables

    if role and scope:
        raise typer.BadParameter("A key has a role or scopes, not both.")
    expires = (datetime.now(UTC) + timedelta(days=days)).isoformat() if days else None
    body: dict[str, object] = {"name": name, "role": role, "scopes": scope or None, "expires_at": expires}
    if named := limits.body(models, rpm, tpm, budget):
        body["limits"] = named
    made = client.api(home, project).one("POST", PATH, body)
    tables.show_fields(made if as_json else limits.readable(made), {"Key": "secret", **FIELDS}, as_json=as_json)


@keys.command()
def limit(
    key: KeyArgument,
    models: ModelsFlag = None,
    rpm: RpmFlag = None,
    tpm: TpmFlag = None,
    budget: BudgetFlag = None,
    remove: RemoveFlag = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what a key may use; limits that are not named stay. At the gateway within a second.

    \b
    Example:
      lumina keys limit my-notebook --tpm 100000 --budget 12.50/month --remove rpm
    """
    from lumina_platform.cli import client, tables

    change = limits.change(models, rpm, tpm, budget, remove)
    api = client.api(home, project)
    changed = api.one("PATCH", f"{PATH}/{api.named(PATH, key, ('name',))['id']}", change)
    tables.show_fields(changed if as_json else limits.readable(changed), FIELDS, as_json=as_json)


@keys.command()
def ls(project: ProjectFlag = None, home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List the keys of a project, revoked ones too.

    \b
    Example:
      lumina keys ls --project research
    """
    from lumina_platform.cli import client, tables

    found = client.api(home, project).rows(PATH)
    rows = found if as_json else [_readable(key) for key in found]
    tables.show(rows, COLUMNS, as_json=as_json, empty="No key here yet; `lumina keys create NAME` makes one.")


@keys.command()
def revoke(
    key: KeyArgument,
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
    fields = {**FIELDS, "Revoked": "revoked_at"}
    revoked = api.one("DELETE", f"{PATH}/{found['id']}")
    tables.show_fields(revoked if as_json else limits.readable(revoked), fields, as_json=as_json)


@keys.command()
def grant(
    key: KeyArgument,
    hours: HoursFlag,
    why: GrantWhyFlag,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a key read captured content of a project for some hours; no role and no scope does.

    \b
    Example:
      lumina keys grant my-notebook --hours 24 --why 'incident 7'
    """
    grants.grant(home, project, (PATH, key, "name"), (hours, why), as_json=as_json)


def _readable(key: Mapping[str, object]) -> Mapping[str, object]:
    from lumina_platform.cli.tables import text

    revoked = key.get("revoked_at")
    end = f"revoked {text(revoked)}" if revoked else key.get("expires_at") or "never"
    return {**limits.readable(key), "may": key.get("role") or key.get("scopes"), "end": end}
