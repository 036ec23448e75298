"""The shipped rules and objectives beside a real Prometheus, and their alerts at a real Alertmanager."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession
from prometheus_client import CollectorRegistry

from apps.telemetry.tests.alerts_world import (
    EVERY,
    INSTANCE,
    JOB,
    PATIENCE,
    SECOND,
    Gateway,
    Mailbox,
    Side,
    free_port,
    label_text,
    longest_gap,
    program,
    scraped,
    till,
)
from apps.telemetry.tests.rules_world import Book, hastened, shipped
from apps.telemetry.tests.store_world import open_world
from lumina_telemetry.alerts.delivery import open_delivery
from lumina_telemetry.alerts.measures import AlertMeasures
from lumina_telemetry.promql import Engine
from lumina_telemetry.rules.definitions import Group, RuleFile
from lumina_telemetry.rules.evaluator import Evaluator
from lumina_telemetry.rules.measures import RuleMeasures
from lumina_telemetry.rules.memory import AlertMemory
from lumina_telemetry.rules.reading import read_rules
from lumina_telemetry.rules.writing import as_yaml
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.slo.compiling import compiled
from lumina_telemetry.slo.reading import read_objectives


def anything(_expression: str) -> None:
    """The real check is made when the file is taken into service."""


def rules() -> str:
    """All that Lumina brings, with short times."""
    plain = [read_rules(name, text.encode(), anything) for name, text in shipped("lumina_telemetry.rules").items()]
    objectives = shipped("lumina_telemetry.slo").items()
    made = [in_one_group(compiled(read_objectives(name, text.encode(), anything))) for name, text in objectives]
    return hastened(as_yaml([*plain, *made]), "2s", "3s", "2s")


def in_one_group(file: RuleFile) -> RuleFile:
    """Prometheus evaluates each group at a time of its own; what follows from one another is to be compared at once."""
    return RuleFile(file.name, (Group(file.name, tuple(rule for group in file.groups for rule in group.rules)),))


def scrape_config(port: int) -> str:
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": INSTANCE}}
    jobs = [{"job_name": JOB, "scrape_interval": "500ms", "scrape_timeout": "500ms", "static_configs": [target]}]
    config = {"global": {"evaluation_interval": "2s"}, "rule_files": ["rules.yml"], "scrape_configs": jobs}
    return yaml.safe_dump(config)


def alertmanager_config(port: int) -> str:
    quick = {"group_by": ["alertname", "severity"], "group_wait": "200ms", "group_interval": "500ms"}
    hook = {"url": f"http://127.0.0.1:{port}/theirs", "send_resolved": True}
    return yaml.safe_dump(
        {"route": {"receiver": "lumina", **quick}, "receivers": [{"name": "lumina", "webhook_configs": [hook]}]}
    )


@dataclass
class Scene:
    side: Side
    mailbox: Mailbox
    session: ClientSession
    prometheus: str
    alertmanager: str

    async def get(self, url: str, **parameters: str) -> Any:
        async with self.session.get(url, params=parameters) as answer:
            return await answer.json()

    async def prometheus_firing(self) -> set[str]:
        found = await self.get(f"{self.prometheus}/api/v1/alerts")
        return {label_text(each["labels"]) for each in found["data"]["alerts"] if each["state"] == "firing"}

    async def prometheus_spans(self) -> dict[str, tuple[float, float]]:
        """When each alert fired first and last, as Prometheus recorded it."""
        query = 'ALERTS{alertstate="firing"}[5m]'
        found = await self.get(f"{self.prometheus}/api/v1/query", query=query)
        spans = {}
        for series in found["data"]["result"]:
            left_out = ("__name__", "alertstate")
            labels = {name: text for name, text in series["metric"].items() if name not in left_out}
            spans[label_text(labels)] = (series["values"][0][0], series["values"][-1][0])
        return spans

    async def scrapes(self) -> list[float]:
        """When Prometheus got our numbers."""
        found = await self.get(f"{self.prometheus}/api/v1/query", query="lumina_part_up[5m]")
        return [at for series in found["data"]["result"] for at, _ in series["values"]]

    async def begun(self) -> None:
        """Both evaluate what they were told: Prometheus begins to scrape, and each group, at a time of its own."""
        async with asyncio.timeout(PATIENCE):
            await till(self._evaluated)

    async def _evaluated(self) -> bool:
        groups = (await self.get(f"{self.prometheus}/api/v1/rules"))["data"]["groups"]
        theirs = all(rule["lastEvaluation"][:4] != "0001" for group in groups for rule in group["rules"])
        ours = all(group.at_ns for group in self.side.evaluator.groups)
        return bool(groups) and theirs and ours and len(await self.scrapes()) > 1

    async def until(self, both: Callable[[set[str], set[str]], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            await till(lambda: self.compared(both))

    async def compared(self, both: Callable[[set[str], set[str]], bool]) -> bool:
        return both(self.side.firing(), await self.prometheus_firing())

    async def heard(self, alert: str, status: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What our webhook and Alertmanager's told of an alert."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [one_of(box, alert, status) for box in (self.mailbox.ours, self.mailbox.theirs)]
                if found[0] and found[1]:
                    return found[0], found[1]
                await asyncio.sleep(0.1)


def one_of(box: list[dict[str, Any]], alert: str, status: str) -> dict[str, Any] | None:
    wanted = [each for each in box if each["groupLabels"]["alertname"] == alert and each["status"] == status]
    return wanted[0] if wanted else None


@asynccontextmanager
async def open_scene(folder: Path) -> AsyncIterator[Scene]:
    gateway = Gateway()
    mailbox = Mailbox()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(mailbox.serving())
        (folder / "rules.yml").write_text(rules())
        (folder / "prometheus.yml").write_text(scrape_config(stack.enter_context(scraped(gateway.registry))))
        (folder / "alertmanager.yml").write_text(alertmanager_config(port))
        ours, theirs = (f"127.0.0.1:{free_port()}" for _ in range(2))
        await stack.enter_async_context(
            program(
                folder, "prometheus", "--config.file=prometheus.yml", f"--web.listen-address={ours}",
                "--storage.tsdb.path=tsdb", ready=f"http://{ours}/-/ready",
            )
        )  # fmt: skip
        await stack.enter_async_context(
            program(
                folder, "prometheus-alertmanager", "--config.file=alertmanager.yml", "--cluster.listen-address=",
                f"--web.listen-address={theirs}", "--storage.path=alertmanager", ready=f"http://{theirs}/-/ready",
            )
        )  # fmt: skip
        side = await stack.enter_async_context(open_side(folder, gateway, port, f"http://{theirs}"))
        session = await stack.enter_async_context(ClientSession())
        yield Scene(side, mailbox, session, f"http://{ours}", f"http://{theirs}")


@asynccontextmanager
async def open_side(folder: Path, gateway: Gateway, port: int, alertmanager: str) -> AsyncIterator[Side]:
    settings = TelemetrySettings(
        evaluation_seconds=EVERY,
        alert_webhooks=(f"http://127.0.0.1:{port}/ours",),
        alertmanagers=(alertmanager,),
        alert_wait_seconds=0.2,
    )
    registry = CollectorRegistry()
    async with open_world(folder) as store, AsyncExitStack() as stack:
        delivery = await stack.enter_async_context(
            open_delivery(settings, AlertMeasures(registry), lambda: "", lambda: datetime.now(UTC))
        )
        engine = Engine(store.store, settings)
        evaluator = Evaluator(
            engine, store.pending, AlertMemory(store.store, 14), Book((folder / "rules.yml").read_text(), engine),
            delivery, EVERY, RuleMeasures(registry), lambda: datetime.now(UTC),
        )  # fmt: skip
        side = Side(gateway, store, evaluator)
        tasks = [asyncio.create_task(work) for work in (side.push(), delivery.run(), evaluator.run())]
        try:
            yield side
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def comparable(message: dict[str, Any]) -> dict[str, Any]:
    """Times as numbers, as Go leaves out zeros at their end; the sender's own address is its own."""
    told = json.loads(json.dumps(message), object_hook=lambda found: {k: moment(k, v) for k, v in found.items()})
    return {**told, "externalURL": ""}


def moment(name: str, value: Any) -> Any:
    return (
        datetime.fromisoformat(value).timestamp() if name in ("startsAt", "endsAt") and value[:4] != "0001" else value
    )


@pytest.mark.system("prometheus", "prometheus-alertmanager")
async def test_every_shipped_alert_fires_and_ends_as_in_prometheus_and_arrives_at_alertmanager(tmp_path: Path) -> None:
    every_alert = alert_names(rules())
    async with open_scene(tmp_path) as scene:
        await scene.begun()
        assert not scene.side.firing()

        scene.side.gateway.bad = True
        await scene.until(lambda ours, theirs: ours == theirs and named(ours) == every_alert)
        held = await scene.get(f"{scene.alertmanager}/api/v2/alerts")
        firing = await scene.heard("PartDown", "firing")
        scene.side.gateway.bad = False
        await scene.until(lambda ours, theirs: not ours and not theirs)
        ended = await scene.heard("PartDown", "resolved")
        spans, alerts, scrapes = await scene.prometheus_spans(), scene.side.alerts(), await scene.scrapes()

    assert named({label_text(each["labels"]) for each in held}) == every_alert
    assert [comparable(firing[0])] == [comparable(firing[1])]
    assert [comparable(ended[0])] == [comparable(ended[1])]
    # each side learns of a change when it is told, and looks when its turn comes
    late = EVERY + longest_gap(scene.side.pushed) + longest_gap(scrapes)
    for alert in alerts:
        first, last = spans[label_text(alert.labels)]
        assert abs(nanoseconds(alert.fired_ns) - first) <= late, alert
        assert abs(nanoseconds(alert.resolved_ns) - (last + EVERY)) <= late, alert


def alert_names(text: str) -> set[str]:
    every_rule = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return {rule["alert"] for rule in every_rule if "alert" in rule}


def named(alerts: set[str]) -> set[str]:
    return {json.loads(alert)["alertname"] for alert in alerts}


def nanoseconds(at_ns: int | None) -> float:
    assert at_ns is not None
    return at_ns / SECOND


@pytest.mark.system("promtool")
async def test_shipped_and_generated_rules_pass_promtool(tmp_path: Path) -> None:
    read = [read_rules(name, text.encode(), anything) for name, text in shipped("lumina_telemetry.rules").items()]
    slos = shipped("lumina_telemetry.slo").items()
    made = [compiled(read_objectives(name, text.encode(), anything)) for name, text in slos]
    (tmp_path / "rules.yml").write_text(as_yaml([*read, *made]))

    check = ("promtool", "check", "rules", "--lint=all", "--lint-fatal")
    process = await asyncio.create_subprocess_exec(*check, "rules.yml", cwd=tmp_path)

    assert await process.wait() == 0
