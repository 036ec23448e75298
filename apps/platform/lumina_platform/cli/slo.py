"""`lumina slo`."""

from typing import Annotated

import typer

from lumina_platform.cli.errors import NoSuchName
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/slos"
COLUMNS = {
    "Objective": "id", "State": "state", "Target": "target", "Kept": "kept", "Budget left": "left",
    "Burning": "burning",
}  # fmt: skip
ONE = {
    "Objective": "id",
    "What": "description",
    **{name: field for name, field in COLUMNS.items() if name != "Objective"},
}
RATES = {"Window": "window", "Failed": "failed", "Burn rate": "burn"}
NONE = "No objectives. Files in the folder `slos` of Lumina's home, in Sloth's format, are taken up."

slo = group("slo", "Objectives: how well they are kept.")


@slo.command()
def ls(project: ProjectFlag = None, home: HomeFlag = None, as_json: JsonFlag = False) -> None:
    """List objectives, over 30 days.

    \b
    Example:
      lumina slo ls
    """
    from lumina_platform.cli import client, rulefiles, tables
    from lumina_platform.cli.listings import Listing, got
    from lumina_platform.cli.objectives import slo_row

    api = client.api(home, project)
    found = Listing.of(got(api, PATH, {}))
    rows = found.rows if as_json else [slo_row(row) for row in found.rows]
    tables.show(rows, COLUMNS, as_json=as_json, empty=NONE, names=("id",))
    found.tell_rest()
    rulefiles.tell_number(api)


@slo.command()
def show(
    name: Annotated[str, typer.Argument(help="Id or name of the objective.")],
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one objective and how fast its budget burns: 1x uses it up in just 30 days.

    \b
    Example:
      lumina slo show gateway-availability
    """
    from lumina_platform.cli import client, tables
    from lumina_platform.cli.listings import Listing, got
    from lumina_platform.cli.objectives import rate_row, slo_row

    rows = Listing.of(got(client.api(home, project), PATH, {})).rows
    found = [row for row in rows if name in (row["id"], row["name"])]
    if not found:
        raise NoSuchName(f"There is no objective {name!r}.", next_step="`lumina slo ls` lists what there is.")
    if as_json:
        tables.show_json(found[0])
        return
    tables.show_fields(slo_row(found[0]), ONE, as_json=False)
    tables.console().print()
    rates = found[0]["burn_rates"]
    assert isinstance(rates, list)
    tables.show([rate_row(rate) for rate in rates], RATES, as_json=False)


@slo.command()
def rules(project: ProjectFlag = None, home: HomeFlag = None) -> None:
    """Print the rules made of all objectives, for a Prometheus of your own.

    \b
    Example:
      lumina slo rules > lumina-slo.rules.yml
    """
    import sys

    from lumina_platform.cli import client
    from lumina_platform.cli.listings import text

    sys.stdout.write(text(client.api(home, project), f"{PATH}/rules"))
