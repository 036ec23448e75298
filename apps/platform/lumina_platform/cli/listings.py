"""Listings of telemetry: page by page, with the reason if a query was cut short. It imports httpx."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, cast
from urllib.parse import urlencode

import typer

from lumina_platform.cli.client import Api, Row, connected, refusal
from lumina_platform.cli.waterfall import readable

PREFIX = "/api/telemetry"
PAGE = 500
Parameters = Mapping[str, str | int | float | Sequence[str] | None]


@dataclass(frozen=True)
class Listing:
    """`cut` says why there may be more that was not looked at, and what to do; `more`, that `rows` are not all."""

    rows: list[Row]
    cut: str | None
    more: bool = False
    problems: Sequence[Row] = ()

    @classmethod
    def of(cls, page: Row) -> Self:
        """One page of it."""
        rows, problems = (cast("list[Row]", page.get(name, [])) for name in ("items", "problems"))
        return cls(rows, cast("str | None", page.get("cut")), page.get("next") is not None, problems)

    def tell_rest(self, time: str | None = None) -> None:
        """That this is not all, on standard error, so that a pipe gets rows alone.

        `time` is the field with the time of a row, where rows go from the newest to the oldest.
        """
        if self.cut:
            typer.echo(f"Cut short: {self.cut}", err=True)
        elif self.more:
            on = f", --until {readable(str(self.rows[-1][time]))} goes on from here" if time and self.rows else ""
            typer.echo(f"{len(self.rows)} are shown of more; --limit N shows more{on}.", err=True)


def listed(api: Api, path: str, parameters: Parameters, most: int) -> Listing:
    """Up to `most` rows."""
    rows: list[Row] = []
    cursor: str | None = None
    while True:
        page = got(api, path, {**parameters, "limit": min(PAGE, most - len(rows)), "cursor": cursor})
        found = Listing.of(page)
        rows += found.rows
        cursor = cast("str | None", page.get("next"))
        if cursor is None or found.cut or len(rows) >= most:
            return replace(found, rows=rows[:most])


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
