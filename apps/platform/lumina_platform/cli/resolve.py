"""`lumina resolve`."""

from typing import Annotated

import typer

from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag


def resolve(
    held_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="chatcmpl-... or other id of an answer, x-request-id, trace, span, hash of a prompt."
        ),
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Requests at most, newest first.")] = 3,
    project: ProjectFlag = None,
    home: HomeFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell what produced an answer: route, backend, model, key, project, cost, and the changes behind them.

    \b
    Examples:
      lumina resolve chatcmpl-8f4e1a...
      lumina resolve 0af7651916cd43dd8448eb211c80319c
    """
    from urllib.parse import quote

    from lumina_platform.cli import client, resolved, tables
    from lumina_platform.cli.listings import Listing, got

    page = got(client.api(home, project), f"/resolve/{quote(held_id, safe='')}", {"limit": limit})
    found = Listing.of(page)
    if as_json:
        tables.show_json(found.rows)
    else:
        resolved.show(found.rows)
    found.tell_cut()
