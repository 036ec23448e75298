"""`lumina traces`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, WhereFlag, group
from lumina_platform.cli.moments import SinceFlag, UntilFlag, seconds_of, window

PATH = "/traces"
KEYS = "/api/governance/keys"
NOTHING_FITS = "No trace fits. A request appears within two seconds; `--since 7d` looks further back."

traces = group("traces", "Requests, from the caller to the model.")
Word = Annotated[str | None, typer.Option(show_default=False)]


@traces.command()
def ls(
    route: Word = None,
    backend: Word = None,
    model: Word = None,
    service: Word = None,
    name: Annotated[str | None, typer.Option(help="Name of a span.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help="ok or error.", show_default=False)] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The key that asked: its id, the beginning of it, or its name.", show_default=False),
    ] = None,
    slower_than: Annotated[str | None, typer.Option(help="Such as 500ms or 2s.", show_default=False)] = None,
    where: WhereFlag = None,
    since: SinceFlag = "1h",
    until: UntilFlag = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Traces at most, newest first.")] = 50,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List traces with a span that fits all of it, newest first.

    \b
    Examples:
      lumina traces ls --status error --since 1d
      lumina traces ls --route support --slower-than 500ms
      lumina traces ls --where 'gen_ai.usage.output_tokens>1000'
    """
    from lumina_platform.cli import client, tables, waterfall
    from lumina_platform.cli.listings import listed

    api = client.api(home, project)
    asked = {
        "route": route, "backend": backend, "model": model, "service": service, "name": name, "status": status,
        "key_id": str(api.named(KEYS, key, ("name",))["id"]) if key else None,
        "min_ms": seconds_of(slower_than) * 1000 if slower_than else None, "where": where,
    }  # fmt: skip
    found = listed(api, PATH, {**asked, **window(since, until)}, limit)
    if as_json:
        tables.show_json(found.rows)
    elif not found.rows:
        tables.console().print(NOTHING_FITS, markup=False)
    else:
        out = tables.console()
        out.print(waterfall.lines(found.rows, out.width))
    found.tell_rest("start")


@traces.command()
def show(
    trace_id: Annotated[
        str, typer.Argument(help="Id of the trace, 32 digits; of another id `lumina resolve` tells it.")
    ],
    logs: Annotated[bool, typer.Option("--logs", help="With what was logged meanwhile.")] = False,
    attributes: Annotated[bool, typer.Option("--attributes", "-a", help="With attributes and events.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50_000, help="Spans at most.")] = 500,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one trace as a tree, with a bar for the time of each span.

    \b
    Example:
      lumina traces show 0af7651916cd43dd8448eb211c80319c --logs
    """
    from lumina_platform.cli import client, loglines, tables, waterfall
    from lumina_platform.cli.listings import got, listed

    api, path = client.api(home, project), f"{PATH}/{trace_id}"
    trace = got(api, path, {"limit": 1})
    spans = listed(api, path, {}, limit)
    beside = listed(api, f"{path}/logs", {}, limit) if logs else None
    if as_json:
        tables.show_json({**trace, "items": spans.rows, **({"logs": beside.rows} if beside else {})})
        return
    out = tables.console()
    out.print(waterfall.tree(trace, spans.rows, out.width, attributes=attributes))
    if len(spans.rows) < int(str(trace["spans"])):
        out.print(f"\n{len(spans.rows)} of {trace['spans']} spans; --limit shows more.", style="dim")
    if beside:
        out.print("")
        loglines.show(beside.rows, of_trace=str(trace["trace_id"]))
    if spans.cut:  # a limit is told above, with the number of all
        spans.tell_rest()
    if beside:
        beside.tell_rest()
