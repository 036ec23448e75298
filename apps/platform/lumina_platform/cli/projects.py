"""`lumina projects`."""

from typing import Annotated

import typer

from lumina_platform.cli import limits
from lumina_platform.cli.flags import HomeFlag, JsonFlag, group
from lumina_platform.cli.limits import BudgetFlag, ModelsFlag, RemoveFlag, RpmFlag, TpmFlag

PATH = "/api/governance/projects"
COLUMNS = {"Slug": "slug", "Name": "name", "Created": "created_at", "Limits": "limits", "Id": "id"}
NONE_YET = "No project that you may act in; an admin adds you to one."

CAPTURE = {"Captures": "enabled", "Days kept": "retention_days", "Since": "since", "Changed by": "changed_by.name"}
MOST_DAYS = 365

projects = group("projects", "Projects: what belongs to one is not seen from another.")


@projects.command()
def ls(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List the projects that you may act in.

    \b
    Example:
      lumina projects ls
    """
    from lumina_platform.cli import client, tables

    found = client.api(home).rows(PATH)
    rows = found if as_json else [limits.readable(project) for project in found]
    tables.show(rows, COLUMNS, as_json=as_json, empty=NONE_YET)


@projects.command()
def create(
    slug: Annotated[str, typer.Argument(help="Short name: lower-case letters, digits and hyphens.")],
    name: Annotated[str | None, typer.Option(help="As it is shown.", show_default=False)] = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a project.

    \b
    Example:
      lumina projects create research --name 'Research'
    """
    from lumina_platform.cli import client, tables

    made = client.api(home).one("POST", PATH, {"slug": slug, "name": name})
    tables.show_fields(made if as_json else limits.readable(made), COLUMNS, as_json=as_json)


@projects.command()
def limit(
    project: Annotated[str, typer.Argument(help="Its slug, its id, or the beginning of it.")],
    models: ModelsFlag = None,
    rpm: RpmFlag = None,
    tpm: TpmFlag = None,
    budget: BudgetFlag = None,
    remove: RemoveFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what all keys of a project may use together; limits that are not named stay.

    \b
    Example:
      lumina projects limit research --budget 100/month
    """
    from lumina_platform.cli import client, tables

    change = limits.change(models, rpm, tpm, budget, remove)
    api = client.api(home)
    changed = api.one("PATCH", f"{PATH}/{api.named(PATH, project, ('slug',))['id']}", change)
    tables.show_fields(changed if as_json else limits.readable(changed), COLUMNS, as_json=as_json)


@projects.command()
def capture(
    project: Annotated[str, typer.Argument(help="Its slug, its id, or the beginning of it.")],
    on: Annotated[
        bool | None,
        typer.Option("--on/--off", help="Keep what is asked and answered, or no longer.", show_default=False),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_DAYS, help="Days that it is kept.", show_default=False)
    ] = None,
    why: Annotated[str | None, typer.Option(help="The reason, for the audit log.", show_default=False)] = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show whether a project keeps what is asked and answered, or switch that on or off.

    \b
    Example:
      lumina projects capture research --on --days 30 --why 'to find out why answers are late'
    """
    from lumina_platform.cli import client, tables

    if on and days is None:
        raise typer.BadParameter("Say with --days how long it is kept.")
    api = client.api(home)
    path = f"{PATH}/{api.named(PATH, project, ('slug',))['id']}/capture"
    change = {"enabled": on, "retention_days": days, "why": why}
    found = api.one("GET", path) if on is None else api.one("PUT", path, change)
    tables.show_fields(found, CAPTURE, as_json=as_json)
