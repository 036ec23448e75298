"""`lumina people`."""

from pathlib import Path
from typing import Annotated

import typer

from lumina_kit.roles import Role
from lumina_platform.cli import grants
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group
from lumina_platform.cli.grants import GrantWhyFlag, HoursFlag

PATH = "/api/governance/people"
LINKS = "/api/governance/links"
COLUMNS = {
    "Login": "login",
    "Name": "display_name",
    "Role": "role",
    "Password": "has_password",
    "Disabled": "disabled_at",
    "Id": "id",
}
LINK = {"Sign in": "url", "As": "login", "Once, until": "expires_at"}

people = group("people", "People who sign in, and their roles.")
Person = Annotated[str, typer.Argument(help="Login or id.", metavar="LOGIN")]


@people.command()
def add(
    login: Annotated[str, typer.Argument(help="What they sign in with, such as a mail address.")],
    name: Annotated[str | None, typer.Option(help="As it is shown.", show_default=False)] = None,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.OPERATOR,
    ask_password: Annotated[bool, typer.Option("--ask-password", help="Ask for a password now.")] = False,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a person; without a password, `lumina people link` lets them in.

    \b
    Example:
      lumina people add ana@example.org --role scientist
    """
    from lumina_platform.cli import client, tables

    api = client.api(home)
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if ask_password else None
    body = {"login": login, "display_name": name, "role": role, "password": password}
    tables.show_fields(api.one("POST", PATH, body), COLUMNS, as_json=as_json)


@people.command()
def ls(home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List everyone.

    \b
    Example:
      lumina people ls --json
    """
    from lumina_platform.cli import client, tables

    tables.show(client.api(home).rows(PATH), COLUMNS, as_json=as_json)


@people.command()
def link(
    login: Annotated[str | None, typer.Argument(help="Whom it is for; else the built-in admin.")] = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a link that signs someone in once, within 15 minutes.

    \b
    Example:
      lumina people link ana@example.org
    """
    from lumina_platform.cli import client, tables

    api = client.api(home)
    person_id = api.named(PATH, login, ("login",))["id"] if login else None
    tables.show_fields(api.one("POST", LINKS, {"person_id": person_id}), LINK, as_json=as_json)


@people.command()
def disable(login: Person, home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """Lock a person out: their sessions, links and keys end at once.

    \b
    Example:
      lumina people disable ana@example.org
    """
    _change(home, login, {"disabled": True}, as_json=as_json)


@people.command()
def enable(login: Person, home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """Let a disabled person in again.

    \b
    Example:
      lumina people enable ana@example.org
    """
    _change(home, login, {"disabled": False}, as_json=as_json)


@people.command()
def role(
    login: Person,
    role: Annotated[Role, typer.Argument(help="The new role.")],
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a person another role.

    \b
    Example:
      lumina people role ana@example.org responder
    """
    _change(home, login, {"role": role}, as_json=as_json)


@people.command()
def grant(
    login: Person,
    hours: HoursFlag,
    why: GrantWhyFlag,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a person read captured content of a project for some hours; no role does.

    \b
    Example:
      lumina people grant ana@example.org --hours 24 --why 'incident 7'
    """
    grants.grant(home, project, (PATH, login, "login"), (hours, why), as_json=as_json)


def _change(home: Path | None, login: str, change: dict[str, object], *, as_json: bool) -> None:
    from lumina_platform.cli import client, tables

    api = client.api(home)
    found = api.named(PATH, login, ("login",))
    tables.show_fields(api.one("PATCH", f"{PATH}/{found['id']}", change), COLUMNS, as_json=as_json)
