"""`lumina rules`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/rules"
COLUMNS = {"Rule": "name", "Kind": "kind", "State": "state", "Evaluated": "evaluated_at", "Error": "last_error"}
MOST = 10_000
NONE = "No rule fits. Files in the folder `rules` of Lumina's home, in Prometheus' format, are taken up."

rules = group("rules", "Rules: what is watched, and files of rules and objectives that are wrong.")


@rules.callback()
def about() -> None:
    """Rules: what is watched, and files of rules and objectives that are wrong."""


@rules.command()
def ls(
    kind: Annotated[str | None, typer.Option(help="alerting or recording.", show_default=False)] = None,
    state: Annotated[str | None, typer.Option(help="inactive, pending or firing.", show_default=False)] = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List rules in the order in which they are evaluated; before them, on standard error, files that are wrong.

    \b
    Example:
      lumina rules ls --kind alerting
    """
    from lumina_platform.cli import client, rulefiles, tables
    from lumina_platform.cli.listings import listed

    found = listed(client.api(home, project), PATH, {"kind": kind, "state": state}, MOST)
    rulefiles.tell(found.problems)
    rows = found.rows if as_json else list(map(rulefiles.rule_row, found.rows))
    tables.show(rows, COLUMNS, as_json=as_json, empty=NONE, names=("name",))
    found.tell_rest()
