"""What tests of captured content send and ask."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from apps.platform.tests.control.conftest import bearer

Headers = dict[str, str]
TRACE, OTHER_TRACE, SPAN = "a" * 32, "b" * 32, "c" * 16
SECRET = "what ana told the model"
PROJECTS, CONTENT, GRANTS = "/api/governance/projects", "/api/telemetry/content", "/api/governance/grants"
ON = {"enabled": True, "retention_days": 30}
BOTH = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)


class Clock:
    """A time that a test moves; it is never the same twice."""

    def __init__(self) -> None:
        self.at = datetime(2126, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


async def granted(client: httpx.AsyncClient, admin: Headers, hours: int = 24) -> Headers:
    key = (await client.post("/api/governance/keys", headers=admin, json={"name": "reader"})).json()
    path = f"/api/governance/keys/{key['id']}/grants/content.read"
    answer = await client.put(path, headers=admin, json={"hours": hours, "why": "incident 7"})
    assert answer.status_code == 200, answer.text
    return bearer(key["secret"])


def record(project: str, trace: str = TRACE, **more: Any) -> dict[str, Any]:
    return {
        "project": project,
        "trace_id": trace,
        "span_id": SPAN,
        "at_ns": 10**18,
        "source": "gateway",
        "kind": "request",
        "body": SECRET,
    } | more


async def kept(internal: httpx.AsyncClient, *records: dict[str, Any]) -> int:
    answer = await internal.post("/content", json={"records": records})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["kept"])
