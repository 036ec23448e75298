"""What is answered about rules, alerts and objectives, with all that Lumina brings in service."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from apps.telemetry.tests.rules_world import gauges_at
from apps.telemetry.tests.store_world import NOON, SECOND, World, open_world
from lumina_kit.home import Home
from lumina_telemetry.answering.answers import problems
from lumina_telemetry.process.watching import Watching, open_watching
from lumina_telemetry.promql import Engine, Sample
from lumina_telemetry.visibility import Visible

OUTBOX, QUEUE = "lumina_outbox_oldest_seconds", "lumina_telemetry_queue_age_seconds"
SLO = """version: prometheus/v1
service: shop
slos:
- name: answers
  objective: 90
  sli:
    events:
      error_query: sum(max_over_time(failed[{{.window}}]))
      total_query: sum(max_over_time(tried[{{.window}}]))
  alerting:
    name: ShopFails
"""


@dataclass
class StagedEngine:
    """Finds one series, of 60, where an expression names a metric that is bad: quicker than to store and query."""

    bad: frozenset[str] = frozenset()

    def check(self, expression: str) -> None:
        """All are fine."""

    async def instant(self, expression: str, at_ns: int, scope: Visible = None) -> list[Sample]:
        return [Sample({}, 60.0)] if any(name in expression for name in self.bad) else []


@dataclass
class Desk:
    store: World
    home: Path
    watching: Watching
    client: TestClient[web.Request, web.Application]
    now: datetime
    staged: StagedEngine = field(default_factory=StagedEngine)

    async def after(self, seconds: float, *bad: str, **gauges: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.staged.bad = frozenset(bad)
        if gauges:
            await self.store.stored(gauges_at(self.now, gauges))
        await self.watching.evaluator.step()

    async def get(self, path: str, project: str | None = None, status: int = 200) -> Any:
        headers = {} if project is None else {"x-lumina-project": project}
        answer = await self.client.get(path, headers=headers)
        assert answer.status == status, await answer.text()
        return json.loads(await answer.text())


@asynccontextmanager
async def open_desk(home: Path, staged: StagedEngine | None = None) -> AsyncIterator[Desk]:
    (home / "slos").mkdir()
    (home / "slos" / "shop.yml").write_text(SLO)
    made: list[Desk] = []
    async with open_world(home) as store:
        opening = open_watching(
            Home(home), store.settings, store.store, store.pending, staged or Engine(store.store, store.settings),
            CollectorRegistry(), lambda: made[0].now,
        )  # fmt: skip
        async with opening as watching:
            app = web.Application(middlewares=[problems])
            app.add_routes(watching.routes)
            async with TestClient(TestServer(app)) as client:
                begun = datetime.fromtimestamp(NOON // SECOND, UTC)
                made.append(Desk(store, home, watching, client, begun, staged or StagedEngine()))
                yield made[0]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as desk:
        yield desk


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path, StagedEngine()) as desk:
        yield desk


async def test_shipped_rules_are_all_well(desk: Desk) -> None:
    await desk.after(0)

    answer = await desk.get("/rules?limit=500")

    assert answer["problems"] == []
    assert {rule["health"] for rule in answer["items"]} == {"ok"}
    assert {"BackendDown", "KeyBudgetNearlyUsed", "GatewayAvailability"} <= {rule["name"] for rule in answer["items"]}


async def test_rules_come_page_by_page_and_filtered(stage: Desk) -> None:
    await stage.after(0)

    first = await stage.get("/rules?kind=alerting&limit=3")
    second = await stage.get(f"/rules?kind=alerting&limit=3&cursor={first['next']}")

    found = {(rule["name"], rule["expression"]) for rule in (*first["items"], *second["items"])}
    assert len(found) == 6


async def test_broken_file_is_told_with_line_and_what_serves_instead(stage: Desk) -> None:
    (stage.home / "rules").mkdir()
    (stage.home / "rules" / "gateway.yml").write_text("groups:\n- name: g\n  rulez: []\n")
    await stage.after(0)

    (problem,) = (await stage.get("/rules"))["problems"]

    assert problem["line"] == 3
    assert problem["serving"] == "the file that Lumina brings"


async def test_firing_alert_is_listed_and_stays_when_it_is_over(stage: Desk) -> None:
    for _ in range(2):
        await stage.after(60, OUTBOX)
    during = await stage.get("/alerts?state=firing")
    await stage.after(15)
    after = await stage.get("/alerts?name=OutboxOld")

    (alert,) = during["items"]
    assert (alert["name"], alert["severity"], alert["value"]) == ("OutboxOld", "warning", 60.0)
    assert [(each["state"], each["fingerprint"]) for each in after["items"]] == [("resolved", alert["fingerprint"])]


async def test_alerts_come_page_by_page(stage: Desk) -> None:
    for _ in range(2):
        await stage.after(60, OUTBOX, QUEUE)

    first = await stage.get("/alerts?limit=1")
    second = await stage.get(f"/alerts?limit=1&cursor={first['next']}")

    assert {page["items"][0]["name"] for page in (first, second)} == {"OutboxOld", "TelemetryQueueOld"}
    assert second["next"] is None


async def test_who_is_bound_to_a_project_sees_nothing_of_the_rest(stage: Desk) -> None:
    for _ in range(2):
        await stage.after(60, OUTBOX)

    assert (await stage.get("/alerts", project="p"))["items"] == []
    assert (await stage.get("/slos", project="p"))["items"] == []
    assert (await stage.get("/prometheus/api/v1/alerts", project="p"))["data"]["alerts"] == []
    assert all(not rule["firing"] for rule in (await stage.get("/rules?limit=500", project="p"))["items"])


async def test_grafana_gets_rules_and_alerts_as_of_a_prometheus(stage: Desk) -> None:
    for _ in range(2):
        await stage.after(60, OUTBOX)

    groups = (await stage.get("/prometheus/api/v1/rules?type=alert"))["data"]["groups"]
    (alert,) = (await stage.get("/prometheus/api/v1/alerts"))["data"]["alerts"]

    (rule,) = [rule for group in groups for rule in group["rules"] if rule["name"] == "OutboxOld"]
    assert (rule["type"], rule["state"], rule["duration"]) == ("alerting", "firing", 60)
    assert rule["alerts"] == [alert]
    assert (alert["state"], alert["value"]) == ("firing", "60")


async def test_objective_tells_its_budget_and_how_fast_it_burns(desk: Desk) -> None:
    await desk.after(0, failed=5, tried=100)
    await desk.after(300, failed=5, tried=100)

    (slo,) = (await desk.get("/slos?service=shop"))["items"]

    burns = {rate["window"]: rate["burn_rate"] for rate in slo["burn_rates"]}
    assert slo["state"] == "ok"
    assert slo["objective"] == pytest.approx(0.9)
    assert slo["good_ratio"] == pytest.approx(0.95)
    assert slo["budget_left"] == pytest.approx(0.5)
    assert burns["5m"] == pytest.approx(0.5)
    assert len(burns) == 8


async def test_objective_that_fails_pages_and_its_budget_is_overdrawn(desk: Desk) -> None:
    await desk.after(0, failed=100, tried=50)
    await desk.after(300, failed=100, tried=50)

    (slo,) = (await desk.get("/slos?service=shop"))["items"]

    assert slo["state"] == "page"
    assert slo["budget_left"] < 0


async def test_objective_without_requests_has_no_data(desk: Desk) -> None:
    await desk.after(0)

    states = {slo["name"]: slo["state"] for slo in (await desk.get("/slos?service=lumina-gateway"))["items"]}

    assert states == {"availability": "no_data", "latency": "no_data"}


@pytest.mark.parametrize(
    "path", ["/rules?nme=x", "/alerts?state=odd", "/alerts?limit=0", "/alerts?cursor=x", "/slos?x=1"]
)
async def test_parameter_that_is_wrong_is_refused(stage: Desk, path: str) -> None:
    problem = await stage.get(path, status=422)

    assert problem["code"] == "bad_query"
