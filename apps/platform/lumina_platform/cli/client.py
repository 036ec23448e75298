"""Calls of the API and the gateway. It imports httpx: commands import it where they call."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx
import typer

from lumina_platform.cli.errors import AmbiguousName, CallRefused, NoSuchName, NotRunning
from lumina_platform.cli.target import Target, find_target
from lumina_platform.supervisor.trust import trust_in

Row = Mapping[str, object]
Query = Mapping[str, str | int]
MOST_ROWS = 10_000
SECONDS = 30.0
SHORTEST_PREFIX = 4
TELEMETRY_HEADER = "x-lumina-telemetry"


@dataclass(frozen=True)
class Api:
    """The control plane, as the caller of a key, in a project if one is named."""

    target: Target
    project: str | None = None
    _told: set[str] = field(default_factory=set, init=False)

    def one(self, method: str, path: str, body: Row | None = None) -> Row:
        """Call and give back the object that came. Raises CallRefused or NotRunning."""
        return cast("Row", self._call(method, path, body, None))

    def rows(self, path: str, query: Query | None = None, most: int = MOST_ROWS) -> list[Row]:
        """What a listing holds, page by page, up to `most` rows."""
        rows: list[Row] = []
        cursor: dict[str, str | int] = {}
        while len(rows) < most:
            found = self._call("GET", path, None, {**(query or {}), **cursor})
            if not isinstance(found, dict):
                return cast("list[Row]", found)
            rows += cast("list[Row]", found["items"])
            if found["next_cursor"] is None:
                break
            cursor = {"cursor": found["next_cursor"]}
        return rows[:most]

    def named(self, path: str, name: str, fields: tuple[str, ...], command: str | None = None) -> Row:
        """The one row of a listing with this id, beginning of an id, or name; of several, the one not yet revoked.

        Raises NoSuchName or AmbiguousName.
        """
        rows = self.rows(path)
        exact = [row for row in rows if name in (row["id"], *(row[field] for field in fields))]
        begun = [row for row in rows if len(name) >= SHORTEST_PREFIX and str(row["id"]).startswith(name)]
        found = exact or begun
        if not found:
            listing = command or f"lumina {path.rpartition('/')[2]} ls"
            raise NoSuchName(f"There is no {name!r}.", next_step=f"`{listing}` lists what there is.")
        found = [row for row in found if not row.get("revoked_at")] or found
        if len(found) > 1:
            ids = ", ".join(str(row["id"]) for row in found[:5])
            raise AmbiguousName(f"{name!r} names {len(found)}: {ids}.", next_step="Give the id of one.")
        return found[0]

    def _call(self, method: str, path: str, body: Row | None, query: Query | None) -> object:
        headers = {"X-Lumina-Project": self.project} if self.project else {}
        with connected(self.target, self.target.control) as client:
            reply = client.request(method, path, json=body, params=query, headers=headers)
        if reply.is_error:
            raise refusal(reply)
        self._tell(reply.headers.get(TELEMETRY_HEADER))
        return reply.json() if reply.content else {}

    def _tell(self, state: str | None) -> None:
        """On standard error, and once: what is shown may be old."""
        if state == "not storing" and state not in self._told:
            self._told.add(state)
            typer.echo("Telemetry is not stored now, so the newest is missing. The log tells why.", err=True)


def api(home: Path | None, project: str | None = None) -> Api:
    """The API of the Lumina that the flags and the environment name."""
    return Api(find_target(home), project)


def gateway_of(target: Target) -> str:
    """The gateway's address; of a Lumina elsewhere its control plane tells it."""
    return target.gateway or str(Api(target).one("GET", "/api/platform/status")["gateway_url"])


def readiness(target: Target, gateway: str) -> dict[str, str]:
    """What each plane says of itself: starting, ready, degraded; or that it does not answer."""
    return {"control": _ready(target, target.control), "gateway": _ready(target, target.gateway or gateway)}


def _ready(target: Target, address: str) -> str:
    try:
        with connected(target, address) as client:
            return str(client.get("/readyz").json()["status"])
    except (NotRunning, ValueError, KeyError, TypeError):
        return "no answer"


@contextmanager
def connected(target: Target, address: str) -> Iterator[httpx.Client]:
    """A client for one of the planes. What the network does becomes NotRunning."""
    headers = {"Authorization": f"Bearer {target.key}"}
    # Reading the system's certificates takes as long as a call: clear text does without.
    trust = trust_in(target.certificate) or address.startswith("https:")
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=SECONDS, trust_env=False, verify=trust) as client:
            yield client
    except httpx.TimeoutException:
        raise NotRunning(
            f"{address} did not answer within {SECONDS:.0f} s.", next_step="See `lumina status`."
        ) from None
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise NotRunning(f"{address} does not answer: {error}.", next_step="Start Lumina with `lumina up`.") from None


def refusal(reply: httpx.Response) -> CallRefused:
    """The error that an answer carries: a problem of the API, or an OpenAI-shaped one of the gateway."""
    try:
        told = reply.json()
        detail = told["error"]["message"] if "error" in told else told["detail"]
        return CallRefused(str(detail), next_step=told.get("next_step"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return CallRefused(
            f"{reply.request.url} answered {reply.status_code}.", next_step="See the log for the reason."
        )
