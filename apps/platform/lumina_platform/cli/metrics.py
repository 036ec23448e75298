"""`lumina metrics`."""

from pathlib import Path
from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group
from lumina_platform.cli.moments import SinceFlag, UntilFlag, moment_of, window

PATH = "/metrics"
CATALOGUE = {"Metric": "name", "Kind": "type", "Series": "series"}
MEANING = {"What": "help"}
WIDE = 110  # below it meanings would break the names
VALUES = {"Series": "series", "Value": "value"}
CURVES = {"Series": "series", "Over time": "curve", "Least": "least", "Most": "most", "Last": "last"}
NOTHING = "No series. `lumina metrics ls` lists what there is; new numbers come every ten seconds."

metrics = group("metrics", "Numbers over time.")
Expression = Annotated[str, typer.Argument(help="PromQL, such as 'sum by (lumina_route) (rate(NAME[5m]))'.")]
StepFlag = Annotated[str | None, typer.Option("--step", help="Between two points, such as 30s.", show_default=False)]


@metrics.command()
def ls(
    text: Annotated[str, typer.Argument(help="Only metrics with this in their name.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Metrics at most.")] = 500,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the metrics that there are.

    \b
    Example:
      lumina metrics ls gateway
    """
    from lumina_platform.cli import client, tables
    from lumina_platform.cli.listings import listed

    found = listed(client.api(home, project), PATH, {"search": text}, limit)
    columns = CATALOGUE | MEANING if tables.console().width >= WIDE else CATALOGUE
    tables.show(found.rows, columns, as_json=as_json, empty=NOTHING, names=("name",))
    found.tell_rest()


@metrics.command()
def query(
    expression: Expression,
    at: Annotated[str | None, typer.Option(help="So long ago or at a time; else now.", show_default=False)] = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate an expression at one time.

    \b
    Example:
      lumina metrics query 'sum by (lumina_route) (rate(lumina_gateway_requests_total[5m]))'
    """
    time = moment_of(at).isoformat() if at else None
    _show_values("query", {"query": expression, "time": time}, home, project, as_json=as_json)


@metrics.command("range")
def over_time(
    expression: Expression,
    since: SinceFlag = "1h",
    until: UntilFlag = None,
    step: StepFlag = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate an expression over a time, and draw it.

    \b
    Example:
      lumina metrics range 'rate(lumina_gateway_requests_total[5m])' --since 6h
    """
    from lumina_platform.cli import client, series, tables
    from lumina_platform.cli.listings import Listing, got

    asked = {"query": expression, "step": step, **window(since, until)}
    found = Listing.of(got(client.api(home, project), f"{PATH}/query_range", asked))
    width = tables.console().width
    rows = found.rows if as_json else [series.curve_row(row, width) for row in found.rows]
    tables.show(rows, CURVES, as_json=as_json, empty=NOTHING)
    found.tell_rest()


@metrics.command()
def top(
    metric: Annotated[str, typer.Argument(help="Name of a metric, a histogram's without _bucket.")],
    by: Annotated[str, typer.Option(help="Labels whose values are ranked, with commas.")],
    most: Annotated[int, typer.Option("--most", "-k", min=1, max=100, help="So many.")] = 10,
    since: SinceFlag = "1h",
    until: UntilFlag = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Rank the values of labels by what a metric grows by in a second; by its average if it is a gauge.

    \b
    Example:
      lumina metrics top lumina_gateway_requests_total --by lumina_route --since 1d
    """
    asked: dict[str, str | int | None] = {"metric": metric, "by": by, "k": most, **window(since, until)}
    _show_values("top", asked, home, project, as_json=as_json)


def _show_values(
    path: str, asked: dict[str, str | int | None], home: Path | None, project: str | None, *, as_json: bool
) -> None:
    from lumina_platform.cli import client, series, tables
    from lumina_platform.cli.listings import Listing, got

    found = Listing.of(got(client.api(home, project), f"{PATH}/{path}", asked))
    rows = found.rows if as_json else list(map(series.value_row, found.rows))
    tables.show(rows, VALUES, as_json=as_json, empty=NOTHING)
    found.tell_rest()
