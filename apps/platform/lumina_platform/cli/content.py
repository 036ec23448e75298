"""`lumina content`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, group
from lumina_platform.cli.printable import printable

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
HEAD = {**COLUMNS, "From": "source", "Model": "model", "Key": "key_id", "Request": "request_id", "Cut": "cut"}
NONE_YET = "Nothing is kept yet; what is asked from now on will be."

content = group("content", "What people asked and models answered, in projects that capture it.")

TraceArgument = Annotated[str, typer.Argument(help="Id of the trace, 32 hexadecimal digits.", metavar="TRACE")]
WhyFlag = Annotated[str | None, typer.Option("--why", help="The reason, for the access log.", show_default=False)]


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

    rows = client.api(home, project).rows(PATH, {"limit": min(limit, PAGE)}, limit)
    if not as_json:
        rows = [{**row, "at": waterfall.clock(row["at"])} for row in rows]
    tables.show(rows, COLUMNS, as_json=as_json, empty=NONE_YET)


@content.command()
def show(
    trace: TraceArgument,
    why: WhyFlag = None,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what was asked and answered in a trace. Needs content.read; the access log tells of it.

    \b
    Example:
      lumina content show 0af7651916cd43dd8448eb211c80319c --why 'incident 7'
    """
    from lumina_platform.cli import client, tables, waterfall

    rows = client.api(home, project).rows(f"{PATH}/{trace}", {"why": why} if why else None)
    if as_json:
        tables.show_json(rows)
        return
    for row in reversed(rows):
        tables.show_fields({**row, "at": waterfall.moment(row["at"])}, HEAD, as_json=False)
        body = row["body"]
        if isinstance(body, str):
            tables.console().print(printable(body, keep="\n\t"), markup=False, soft_wrap=True)
        else:
            tables.show_json(body)
        tables.console().print()


@content.command()
def forget(
    trace: Annotated[str | None, typer.Argument(help="Id of the trace.", metavar="TRACE", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the project has captured.")] = False,
    why: WhyFlag = None,
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
