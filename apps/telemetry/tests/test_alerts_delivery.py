"""Messages with alerts on their way: grouped, tried again, bounded, and silent about secrets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from apps.telemetry.tests.alerts_world import free_port
from lumina_kit.settings import BadSetting
from lumina_telemetry.alerts.delivery import Delivery, open_delivery
from lumina_telemetry.alerts.fingerprints import fingerprint
from lumina_telemetry.alerts.grouping import Grouping
from lumina_telemetry.alerts.measures import AlertMeasures
from lumina_telemetry.alerts.messages import MOST_ALERTS, Bundle, webhook
from lumina_telemetry.alerts.notices import Notice
from lumina_telemetry.alerts.outlet import MOST_QUEUED
from lumina_telemetry.settings import TelemetrySettings

SECOND = 10**9
NOON = 1_780_000_000 * SECOND


def notice(name: str = "A", *, firing: bool = True, **labels: str) -> Notice:
    return Notice(
        {"alertname": name, "severity": "warning", **labels}, {"summary": name}, firing, NOON, NOON + 60 * SECOND
    )


class Receiver:
    """Answers with these statuses, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[Any] = []
        self.paths: list[str] = []

    async def post(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.bodies.append(await request.json())
        return web.Response(status=status)


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/{path:.*}", receiver.post)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def delivering(registry: CollectorRegistry, **settings: Any) -> AsyncIterator[Delivery]:
    told = TelemetrySettings(alert_wait_seconds=0.01, **settings)
    async with open_delivery(
        told, AlertMeasures(registry), lambda: "http://portal", lambda: datetime.now(UTC)
    ) as delivery:
        task = asyncio.create_task(delivery.run())
        try:
            yield delivery
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def till(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if true():
                return
            await asyncio.sleep(0.02)


async def test_webhook_that_fails_at_first_gets_the_message_later() -> None:
    receiver, registry = Receiver(500, 429), CollectorRegistry()
    async with serving(receiver) as url, delivering(registry, alert_webhooks=(f"{url}/hook",)) as delivery:
        delivery.notify([notice()])
        await till(lambda: bool(receiver.bodies))

    assert receiver.paths == ["/hook"] * 3
    assert receiver.bodies[0]["alerts"][0]["generatorURL"] == "http://portal/api/telemetry/rules?name=A"


async def test_message_that_is_refused_is_counted_and_the_next_one_goes_out() -> None:
    receiver, registry = Receiver(400), CollectorRegistry()
    async with serving(receiver) as url, delivering(registry, alertmanagers=(url,)) as delivery:
        delivery.notify([notice("A")])
        delivery.notify([notice("B")])
        await till(lambda: bool(receiver.bodies))

    assert [each["labels"]["alertname"] for body in receiver.bodies for each in body] == ["B"]
    assert receiver.paths == ["/api/v2/alerts"] * 2
    dropped = registry.get_sample_value(
        "lumina_telemetry_alert_messages_dropped_total", {"receiver": "alertmanager-1", "reason": "refused"}
    )
    assert dropped == 1


async def test_full_queue_loses_the_oldest_and_never_waits() -> None:
    registry = CollectorRegistry()
    async with delivering(registry, alertmanagers=(f"http://127.0.0.1:{free_port()}",)) as delivery:
        for number in range(MOST_QUEUED + 5):
            delivery.notify([notice(str(number))])

    dropped = registry.get_sample_value(
        "lumina_telemetry_alert_messages_dropped_total", {"receiver": "alertmanager-1", "reason": "queue_full"}
    )
    assert dropped == 5


async def test_secret_in_a_url_is_neither_logged_nor_counted(capsys: pytest.CaptureFixture[str]) -> None:
    receiver, registry = Receiver(404), CollectorRegistry()
    async with serving(receiver) as url:
        hooks = (f"{url}/s3cret?token=s3cret", f"http://u:s3cret@127.0.0.1:{free_port()}/s3cret")
        async with delivering(registry, alert_webhooks=hooks) as delivery:
            delivery.notify([notice()])
            await till(lambda: bool(receiver.paths) and "unreachable" in str(list(registry.collect())))

    said = capsys.readouterr()
    assert "webhook-1" in said.out + said.err
    assert "s3cret" not in said.out + said.err
    assert "s3cret" not in str(list(registry.collect()))


async def test_receiver_that_is_no_url_is_refused_without_showing_it() -> None:
    with pytest.raises(BadSetting) as refused:
        async with delivering(CollectorRegistry(), alert_webhooks=("ftp://s3cret",)):
            pass

    assert "number 1" in refused.value.message
    assert "s3cret" not in refused.value.message


def test_alerts_of_one_name_and_severity_go_out_together_once_they_have_waited() -> None:
    grouping = Grouping(5, 3600)
    grouping.take([notice(a="1"), notice("B")], NOON)
    grouping.take([notice(a="2")], NOON + 3 * SECOND)

    early, told = grouping.due(NOON + 4 * SECOND), grouping.due(NOON + 5 * SECOND)

    assert early == []
    assert sorted((each.labels["alertname"], len(each.notices)) for each in told) == [("A", 2), ("B", 1)]


def test_group_is_told_again_only_after_the_repeat_time_or_when_it_changes() -> None:
    grouping = Grouping(5, 3600)
    grouping.take([notice(a="1")], NOON)
    grouping.due(NOON + 5 * SECOND)

    grouping.take([notice(a="1")], NOON + 60 * SECOND)
    quiet = grouping.due(NOON + 70 * SECOND)
    grouping.take([notice(a="1", firing=False)], NOON + 80 * SECOND)
    ended = grouping.due(NOON + 85 * SECOND)

    assert quiet == []
    assert [[each.firing for each in bundle.notices] for bundle in ended] == [[False]]
    assert grouping.due(NOON + 9999 * SECOND) == []


def test_what_still_fires_is_repeated() -> None:
    grouping = Grouping(5, 3600)
    grouping.take([notice()], NOON)
    grouping.due(NOON + 5 * SECOND)

    assert len(grouping.due(NOON + 3605 * SECOND)) == 1


def test_end_of_what_nobody_was_told_of_is_not_told() -> None:
    grouping = Grouping(5, 3600)
    grouping.take([notice()], NOON)
    grouping.take([notice(firing=False)], NOON + SECOND)

    assert grouping.due(NOON + 5 * SECOND) == []


def test_end_is_told_of_what_the_process_before_had_told() -> None:
    grouping = Grouping(5, 3600)
    grouping.remember([notice()], NOON)
    grouping.take([notice()], NOON + SECOND)
    quiet = grouping.due(NOON + 10 * SECOND)
    grouping.take([notice(firing=False)], NOON + 20 * SECOND)

    assert quiet == []
    assert len(grouping.due(NOON + 25 * SECOND)) == 1


def test_long_message_is_cut_and_says_by_how_many() -> None:
    bundle = Bundle({"alertname": "A"}, [notice(a=str(number)) for number in range(MOST_ALERTS + 7)])

    message = json.loads(webhook(bundle, ""))

    assert len(message["alerts"]) == MOST_ALERTS
    assert message["truncatedAlerts"] == 7


def test_fingerprint_is_the_one_that_alertmanager_gives() -> None:
    assert fingerprint({}) == "cbf29ce484222325"
