"""`lumina projects`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, group

PATH = "/api/governance/projects"
COLUMNS = {"Slug": "slug", "Name": "name", "Created": "created_at", "Id": "id"}
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

    tables.show(client.api(home).rows(PATH), COLUMNS, as_json=as_json, empty=NONE_YET)


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
    tables.show_fields(made, COLUMNS, as_json=as_json)
