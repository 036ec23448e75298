"""`lumina metrics`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group
from lumina_platform.cli.moments import SinceFlag, UntilFlag, moment_of, seconds_of, window

CATALOGUE = {"Metric": "name", "Kind": "type", "Unit": "unit", "What": "help"}
VALUES = {"Series": "series", "Value": "value"}
CURVES = {"Series": "series", "Over time": "curve", "Least": "least", "Most": "most", "Last": "last"}
NOTHING = "No series. `lumina metrics ls` lists what there is; a metric appears within ten seconds."
POINTS = 120

metrics = group("metrics", "Numbers over time, asked for in PromQL.")
Expression = Annotated[str, typer.Argument(help="PromQL, such as 'sum by (route) (rate(NAME[5m]))'.")]


@metrics.command()
def ls(
    text: Annotated[str, typer.Argument(help="Only metrics with this in their name.")] = "",
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List the metrics that there are.

    \b
    Example:
      lumina metrics ls gateway
    """
    from lumina_platform.cli import client, series, tables
    from lumina_platform.cli.listings import got

    told = got(client.api(home, project), f"{series.API}/metadata", {})["data"]
    assert isinstance(told, dict)
    rows = [{"name": name, **each[0]} for name, each in sorted(told.items()) if text in name]
    tables.show(rows, CATALOGUE, as_json=as_json, empty=NOTHING)


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
    from lumina_platform.cli import client, series, tables

    time = {"time": moment_of(at).isoformat()} if at else {}
    rows = series.asked(client.api(home, project), "query", {"query": expression, **time})
    tables.show(rows if as_json else list(map(series.value_row, rows)), VALUES, as_json=as_json, empty=NOTHING)


@metrics.command("range")
def over_time(
    expression: Expression,
    since: SinceFlag = "1h",
    until: UntilFlag = None,
    step: Annotated[
        str | None, typer.Option(help="Between two points; else so that 120 fit.", show_default=False)
    ] = None,
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

    wanted = window(since, until or "0s")
    seconds = (moment_of(wanted["end"]) - moment_of(wanted["start"])).total_seconds()
    every = seconds_of(step) if step else max(1, round(seconds / POINTS))
    rows = series.asked(client.api(home, project), "query_range", {"query": expression, **wanted, "step": every})
    tables.show(rows if as_json else list(map(series.curve_row, rows)), CURVES, as_json=as_json, empty=NOTHING)


@metrics.command()
def top(
    name: Annotated[str, typer.Argument(help="A counter, or a gauge with --gauge.")],
    by: Annotated[str, typer.Option(help="Label whose values are ranked.")],
    most: Annotated[int, typer.Option("--most", "-k", min=1, max=1000, help="So many.")] = 10,
    over: Annotated[str, typer.Option(help="Counted over this time.")] = "1h",
    gauge: Annotated[bool, typer.Option("--gauge", help="Add up as it is now, instead of what it grew by.")] = False,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Rank the values of a label by a metric, the greatest first.

    \b
    Example:
      lumina metrics top lumina_gateway_requests_total --by lumina_route --over 1d
    """
    from lumina_platform.cli import client, series, tables

    seconds_of(over)
    of = name if gauge else f"increase({name}[{over}])"
    rows = series.asked(client.api(home, project), "query", {"query": f"topk({most}, sum by ({by}) ({of}))"})
    tables.show(rows if as_json else list(map(series.value_row, rows)), VALUES, as_json=as_json, empty=NOTHING)
