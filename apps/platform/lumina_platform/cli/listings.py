"""Listings of telemetry: page by page, with the reason if a query was cut short. It imports httpx."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast
from urllib.parse import urlencode

import typer

from lumina_platform.cli.client import Api, Row, connected, refusal

PREFIX = "/api/telemetry"
PAGE = 500
Parameters = Mapping[str, str | int | float | Sequence[str] | None]


@dataclass(frozen=True)
class Listing:
    """`cut` says why there may be more that was not looked at, and what to do."""

    rows: list[Row]
    cut: str | None

    @classmethod
    def of(cls, page: Row) -> Self:
        """One page of it."""
        return cls(cast("list[Row]", page["items"]), cast("str | None", page.get("cut")))

    def tell_cut(self) -> None:
        """On standard error, so that a pipe gets rows alone."""
        if self.cut:
            typer.echo(f"Cut short: {self.cut}", err=True)


def listed(api: Api, path: str, parameters: Parameters, most: int) -> Listing:
    """Up to `most` rows."""
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        page = got(api, path, {**parameters, "limit": min(PAGE, most - len(rows)), "cursor": cursor})
        rows += cast("list[Row]", page["items"])
        cursor = cast("str | None", page.get("next"))
        cut = cast("str | None", page.get("cut"))
        if cursor is None or cut or len(rows) >= most:
            return Listing(rows[:most], cut)


def got(api: Api, path: str, parameters: Parameters) -> Row:
    """One answer of telemetry. Raises CallRefused or NotRunning."""
    return api.one("GET", address(path, parameters))


def text(api: Api, path: str) -> str:
    """An answer that is no JSON. Raises CallRefused or NotRunning."""
    headers = {"X-Lumina-Project": api.project} if api.project else {}
    with connected(api.target, api.target.control) as client:
        reply = client.get(address(path, {}), headers=headers)
    if reply.is_error:
        raise refusal(reply)
    return reply.text


def address(path: str, parameters: Parameters) -> str:
    """The path with those parameters that have a value; a list is repeated."""
    given = {name: value for name, value in parameters.items() if value not in (None, "", [], ())}
    return f"{PREFIX}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
