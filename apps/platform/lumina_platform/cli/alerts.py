"""`lumina alerts`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/alerts"
COLUMNS = {
    "State": "state", "Severity": "severity", "Alert": "name", "Since": "active_at", "Over": "resolved_at",
    "What": "summary",
}  # fmt: skip

NONE = "No alert fits: nothing is known to be wrong."

alerts = group("alerts", "What the rules found wrong.")


@alerts.callback()
def about() -> None:
    """What the rules found wrong."""


@alerts.command()
def ls(
    state: Annotated[str | None, typer.Option(help="pending, firing or resolved.", show_default=False)] = None,
    severity: Annotated[str | None, typer.Option(help="critical, warning or info.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Alerts at most, newest first.")] = 50,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List alerts, newest first; those that are over, too.

    \b
    Example:
      lumina alerts ls --state firing
    """
    from lumina_platform.cli import client, rulefiles, tables
    from lumina_platform.cli.listings import listed
    from lumina_platform.cli.objectives import alert_row

    api = client.api(home, project)
    found = listed(api, PATH, {"state": state, "severity": severity}, limit)
    rows = found.rows if as_json else [alert_row(row) for row in found.rows]
    tables.show(rows, COLUMNS, as_json=as_json, empty=NONE, names=("name",))
    found.tell_rest()
    rulefiles.tell_number(api)
