"""What is answered about rules, alerts and objectives, with all that Lumina brings in service."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
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
from lumina_telemetry.promql import Engine

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
class Desk:
    store: World
    home: Path
    watching: Watching
    client: TestClient[web.Request, web.Application]
    now: datetime

    async def after(self, seconds: float, **gauges: float) -> None:
        self.now += timedelta(seconds=seconds)
        await self.store.stored(gauges_at(self.now, gauges))
        await self.watching.evaluator.step()

    async def get(self, path: str, project: str | None = None, status: int = 200) -> Any:
        headers = {} if project is None else {"x-lumina-project": project}
        answer = await self.client.get(path, headers=headers)
        assert answer.status == status, await answer.text()
        return json.loads(await answer.text())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "slos").mkdir()
    (tmp_path / "slos" / "shop.yml").write_text(SLO)
    made: list[Desk] = []
    async with open_world(tmp_path) as store:
        engine = Engine(store.store, store.settings)
        opening = open_watching(
            Home(tmp_path), store.settings, store.store, store.pending, engine, CollectorRegistry(), lambda: made[0].now
        )
        async with opening as watching:
            app = web.Application(middlewares=[problems])
            app.add_routes(watching.routes)
            async with TestClient(TestServer(app)) as client:
                made.append(Desk(store, tmp_path, watching, client, datetime.fromtimestamp(NOON // SECOND, UTC)))
                yield made[0]


async def test_shipped_rules_are_all_well(desk: Desk) -> None:
    await desk.after(0)

    answer = await desk.get("/rules?limit=500")

    assert answer["problems"] == []
    assert {rule["health"] for rule in answer["items"]} == {"ok"}
    assert {"BackendDown", "BudgetNearlyUsed", "GatewayAvailability"} <= {rule["name"] for rule in answer["items"]}


async def test_rules_come_page_by_page_and_filtered(desk: Desk) -> None:
    await desk.after(0)

    first = await desk.get("/rules?kind=alerting&limit=3")
    second = await desk.get(f"/rules?kind=alerting&limit=3&cursor={first['next']}")

    found = {(rule["name"], rule["expression"]) for rule in (*first["items"], *second["items"])}
    assert len(found) == 6


async def test_broken_file_is_told_with_line_and_what_serves_instead(desk: Desk) -> None:
    (desk.home / "rules").mkdir()
    (desk.home / "rules" / "gateway.yml").write_text("groups:\n- name: g\n  rulez: []\n")
    await desk.after(0)

    (problem,) = (await desk.get("/rules"))["problems"]

    assert problem["line"] == 3
    assert problem["serving"] == "the file that Lumina brings"


async def test_firing_alert_is_listed_and_stays_when_it_is_over(desk: Desk) -> None:
    for _ in range(2):
        await desk.after(60, lumina_outbox_oldest_seconds=60)
    during = await desk.get("/alerts?state=firing")
    await desk.after(15, lumina_outbox_oldest_seconds=1)
    after = await desk.get("/alerts?name=OutboxOld")

    (alert,) = during["items"]
    assert (alert["name"], alert["severity"], alert["value"]) == ("OutboxOld", "warning", 60.0)
    assert [(each["state"], each["fingerprint"]) for each in after["items"]] == [("resolved", alert["fingerprint"])]


async def test_alerts_come_page_by_page(desk: Desk) -> None:
    for _ in range(2):
        await desk.after(60, lumina_outbox_oldest_seconds=60, lumina_telemetry_queue_age_seconds=60)

    first = await desk.get("/alerts?limit=1")
    second = await desk.get(f"/alerts?limit=1&cursor={first['next']}")

    assert {page["items"][0]["name"] for page in (first, second)} == {"OutboxOld", "TelemetryQueueOld"}
    assert second["next"] is None


async def test_who_is_bound_to_a_project_sees_nothing_of_the_rest(desk: Desk) -> None:
    for _ in range(2):
        await desk.after(60, lumina_outbox_oldest_seconds=60)

    assert (await desk.get("/alerts", project="p"))["items"] == []
    assert (await desk.get("/slos", project="p"))["items"] == []
    assert (await desk.get("/prometheus/api/v1/alerts", project="p"))["data"]["alerts"] == []
    assert all(not rule["firing"] for rule in (await desk.get("/rules?limit=500", project="p"))["items"])


async def test_grafana_gets_rules_and_alerts_as_of_a_prometheus(desk: Desk) -> None:
    for _ in range(2):
        await desk.after(60, lumina_outbox_oldest_seconds=60)

    groups = (await desk.get("/prometheus/api/v1/rules?type=alert"))["data"]["groups"]
    (alert,) = (await desk.get("/prometheus/api/v1/alerts"))["data"]["alerts"]

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
async def test_parameter_that_is_wrong_is_refused(desk: Desk, path: str) -> None:
    problem = await desk.get(path, status=422)

    assert problem["code"] == "bad_query"
