"""`lumina content`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group

PATH = "/api/telemetry/content"
PAGE = 500
COLUMNS = {
    "At": "at",
    "Trace": "trace_id",
    "What": "kind",
    "Route": "route",
    "Status": "status",
    "Bytes": "size_bytes",
}
HEAD = {
    "At": "at", "Span": "span_id", "Route": "route", "Model": "model", "Status": "status", "Bytes": "size_bytes",
    "Key": "key_id", "Request": "request_id", "Cut": "cut",
}  # fmt: skip
NONE_YET = "Nothing is kept yet; what is asked from now on will be."

content = group("content", "What people asked and models answered, in projects that capture it.")

TraceArgument = Annotated[str, typer.Argument(help="Id of the trace, 32 hexadecimal digits.", metavar="TRACE")]
WhyFlag = Annotated[str, typer.Option("--why", help="The reason; the access log keeps it.")]


@content.command()
def ls(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Records at most, newest first.")] = 50,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """List what is kept, without the words. Needs content.read.

    \b
    Example:
      lumina content ls --project research
    """
    from lumina_platform.cli import client, tables, waterfall
    from lumina_platform.cli.listings import Listing

    rows = client.api(home, project).rows(PATH, {"limit": min(limit + 1, PAGE)}, limit + 1)
    found = Listing(rows[:limit], cut=None, more=len(rows) > limit)
    rows = found.rows
    if not as_json:
        rows = [{**row, "at": waterfall.clock(row["at"])} for row in rows]
    tables.show(rows, COLUMNS, as_json=as_json, empty=NONE_YET)
    found.tell_rest()


@content.command()
def show(
    trace: TraceArgument,
    why: WhyFlag,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what was asked and answered in a trace. Needs content.read; the access log tells of it.

    \b
    Example:
      lumina content show 0af7651916cd43dd8448eb211c80319c --why 'incident 7'
    """
    from lumina_platform.cli import client, contents, tables

    rows = client.api(home, project).rows(f"{PATH}/{trace}", {"why": why})
    if as_json:
        tables.show_json(rows)
    else:
        contents.show(rows, HEAD)


@content.command()
def forget(
    trace: Annotated[str | None, typer.Argument(help="Id of the trace.", metavar="TRACE", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the project has captured.")] = False,
    why: Annotated[
        str | None, typer.Option("--why", help="The reason; the access log keeps it.", show_default=False)
    ] = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Delete what was asked and answered in a trace, or in the whole project.

    \b
    Example:
      lumina content forget 0af7651916cd43dd8448eb211c80319c --why 'a customer asked'
    """
    from urllib.parse import urlencode

    from lumina_platform.cli import client, tables

    if (trace is None) != everything:
        raise typer.BadParameter("Name a trace, or give --all.")
    path = f"{PATH}/{trace}" if trace else PATH
    query = f"?{urlencode({'why': why})}" if why else ""
    gone = client.api(home, project).one("DELETE", path + query)
    tables.show_fields(gone, {"Deleted": "deleted"}, as_json=as_json)
