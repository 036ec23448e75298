"""`lumina access`."""

from typing import Annotated

import typer

from lumina_platform.cli import grants
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/api/governance/access"
PAGE = 500
COLUMNS = {"At": "at", "Who": "actor.name", "Did": "action", "Trace": "trace_id", "Records": "records", "Why": "why"}
NOBODY = "Nobody has read or deleted captured content."
NO_GRANT = "Nothing was ever granted; `lumina people grant` and `lumina keys grant` do."

access = group("access", "Who may read captured content, and who did.")


@access.command()
def ls(
    trace: Annotated[str | None, typer.Option(help="Of this trace only.", show_default=False)] = None,
    actor: Annotated[str | None, typer.Option(help="Id of who did it.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entries at most, newest first.")] = 50,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List every time that captured content was read or deleted, newest first.

    \b
    Example:
      lumina access ls --trace 0af7651916cd43dd8448eb211c80319c
    """
    from lumina_platform.cli import client, tables, waterfall

    wanted = {"trace_id": trace, "actor": actor}
    query: dict[str, str | int] = {name: value for name, value in wanted.items() if value}
    rows = client.api(home, project).rows(PATH, query | {"limit": min(limit, PAGE)}, limit)
    if not as_json:
        rows = [
            {**row, "at": waterfall.clock(row["at"]), "action": str(row["action"]).removeprefix("content.")}
            for row in rows
        ]
    tables.show(rows, COLUMNS, as_json=as_json, empty=NOBODY)


@access.command("grants")
def list_grants(project: ProjectFlag = None, home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List who was let read content, for how long, by whom and why.

    \b
    Example:
      lumina access grants
    """
    from lumina_platform.cli import client, tables

    tables.show(client.api(home, project).rows(grants.PATH), grants.COLUMNS, as_json=as_json, empty=NO_GRANT)


@access.command()
def revoke(
    grant: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """End a grant at once.

    \b
    Example:
      lumina access revoke 7c9e6679
    """
    from lumina_platform.cli import client, tables

    api = client.api(home)
    found = api.named(grants.PATH, grant, (), "lumina access grants")
    ended = api.one("DELETE", f"{grants.PATH}/{found['id']}")
    tables.show_fields(ended, grants.COLUMNS, as_json=as_json)
