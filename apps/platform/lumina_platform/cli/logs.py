"""`lumina logs`."""

import contextlib
from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag, WhereFlag
from lumina_platform.cli.moments import SinceFlag, UntilFlag, window

PATH = "/logs"
NO_REQUESTS = ["scope!=lumina.access"]  # the module of lumina-control that tells of them
NOTHING_FITS = "No record fits. `--since 7d` looks further back, `--requests` shows requests to the API."


def logs(
    text: Annotated[
        str | None,
        typer.Argument(help='Words that a record must have; those in "..." belong together.', show_default=False),
    ] = None,
    severity: Annotated[
        str | None,
        typer.Option(
            "--severity", "-p", help="The least: trace, debug, info, warning, error or fatal.", show_default=False
        ),
    ] = None,
    service: Annotated[
        str | None, typer.Option(help="Who said it, such as lumina-gateway.", show_default=False)
    ] = None,
    trace: Annotated[str | None, typer.Option(help="Id of a trace.", show_default=False)] = None,
    where: WhereFlag = None,
    requests: Annotated[
        bool, typer.Option("--requests", help="With a line for each request that the API answered; else without.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print what comes in, until Ctrl-C.")] = False,
    histogram: Annotated[bool, typer.Option("--histogram", help="How many there are over time instead.")] = False,
    since: SinceFlag = "1h",
    until: UntilFlag = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="The newest so many.")] = 100,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Show log records, the newest last.

    Without those of requests to the API, as each command of `lumina` and each scrape makes one: --requests shows them.

    \b
    Examples:
      lumina logs --severity warning --since 1d
      lumina logs "took too long" --service lumina-gateway
      lumina logs --follow
    """
    from lumina_platform.cli import client, loglines, tables
    from lumina_platform.cli.listings import Listing, got, listed

    api = client.api(home, project)
    conditions = [*(where or ()), *([] if requests else NO_REQUESTS)]
    asked = {"q": text, "severity": severity, "service": service, "trace_id": trace, "where": conditions}
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            loglines.follow(api.target, project, asked, as_json=as_json)
        return
    if histogram:
        found = Listing.of(got(api, f"{PATH}/histogram", {**asked, **window(since, until)}))
    else:
        found = listed(api, PATH, {**asked, **window(since, until)}, limit)
    if as_json:
        tables.show_json(found.rows)
    elif not found.rows:
        tables.console().print(NOTHING_FITS, markup=False)
    else:
        (loglines.show_histogram if histogram else loglines.show)(found.rows)
    found.tell_rest("time")
