"""`lumina projects`."""

from typing import Annotated

import typer

from lumina_platform.cli import limits
from lumina_platform.cli.flags import HomeFlag, JsonFlag, group
from lumina_platform.cli.limits import BudgetFlag, ModelsFlag, RemoveFlag, RpmFlag, TpmFlag

PATH = "/api/governance/projects"
COLUMNS = {"Slug": "slug", "Name": "name", "Created": "created_at", "Limits": "limits", "Id": "id"}
NONE_YET = "No project that you may act in; an admin adds you to one."

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
