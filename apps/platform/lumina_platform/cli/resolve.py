"""`lumina resolve`."""

from typing import Annotated

import typer

from lumina_platform.cli.errors import NoSuchName
from lumina_platform.cli.flags import HomeFlag, JsonFlag, ProjectFlag

KNOWN = "Known are ids of answers (chatcmpl-...), requests, traces and spans, and hashes of prompts."


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

    held_id = held_id.strip()
    if not held_id:
        raise NoSuchName("An empty id leads to nothing.", next_step=KNOWN)
    from lumina_platform.cli import client, resolved, tables
    from lumina_platform.cli.listings import Listing, got

    page = got(client.api(home, project), f"/resolve/{quote(held_id, safe='')}", {"limit": limit})
    found = Listing.of(page)
    if as_json:
        tables.show_json(found.rows)
    else:
        resolved.show(found.rows)
    if found.cut:
        found.tell_rest()
