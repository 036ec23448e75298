"""Brings alerts to everyone who is to be told: webhooks, and real Alertmanagers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import ClientSession, DummyCookieJar

from lumina_kit.clock import Clock
from lumina_kit.settings import BadSetting
from lumina_telemetry.alerts import messages
from lumina_telemetry.alerts.grouping import Grouping
from lumina_telemetry.alerts.measures import AlertMeasures
from lumina_telemetry.alerts.notices import Notice
from lumina_telemetry.alerts.outlet import Outlet, Target
from lumina_telemetry.settings import TelemetrySettings

TICK_SECONDS = 0.25
_NANO = 1_000_000_000


class Delivery:
    """`notify` returns at once; messages go out on their own. `address` gives that of the portal, or nothing."""

    def __init__(
        self,
        webhooks: Sequence[Outlet],
        alertmanagers: Sequence[Outlet],
        grouping: Grouping,
        measures: AlertMeasures,
        address: Callable[[], str],
        now: Clock,
    ) -> None:
        self._webhooks, self._alertmanagers = webhooks, alertmanagers
        self._grouping, self._measures, self._address, self._now = grouping, measures, address, now

    def notify(self, notices: Sequence[Notice]) -> None:
        """Tell of alerts that fire, or are over."""
        if not notices:
            return
        for outlet in self._alertmanagers:
            for first in range(0, len(notices), messages.MOST_ALERTS):
                outlet.put(messages.posted(notices[first : first + messages.MOST_ALERTS], self._address()))
        if self._webhooks:
            for _ in range(self._grouping.take(notices, self._now_ns())):
                self._measures.dropped("webhooks", "too_many_alerts")

    def remember(self, notices: Sequence[Notice]) -> None:
        """Webhooks know of these, from the process before this one."""
        if self._webhooks:
            self._grouping.remember(notices, self._now_ns())

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for outlet in (*self._webhooks, *self._alertmanagers):
                tasks.create_task(outlet.run())
            if self._webhooks:
                tasks.create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            for bundle in self._grouping.due(self._now_ns()):
                body = messages.webhook(bundle, self._address())
                for outlet in self._webhooks:
                    outlet.put(body)
            await asyncio.sleep(TICK_SECONDS)

    def _now_ns(self) -> int:
        return round(self._now().timestamp() * _NANO)


@asynccontextmanager
async def open_delivery(
    settings: TelemetrySettings, measures: AlertMeasures, address: Callable[[], str], now: Clock
) -> AsyncIterator[Delivery]:
    """Delivery to the receivers of the settings. Raises BadSetting, without the URL: it can hold a secret."""
    webhooks = _targets("alert_webhooks", "webhook", settings.alert_webhooks, "")
    alertmanagers = _targets("alertmanagers", "alertmanager", settings.alertmanagers, "/api/v2/alerts")
    grouping = Grouping(settings.alert_wait_seconds, settings.alert_repeat_seconds)
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:

        def outlets(targets: Sequence[Target]) -> list[Outlet]:
            return [Outlet(target, session, measures) for target in targets]

        yield Delivery(outlets(webhooks), outlets(alertmanagers), grouping, measures, address, now)


def _targets(setting: str, kind: str, urls: Sequence[str], path: str) -> list[Target]:
    for number, url in enumerate(urls, 1):
        if not _is_http(url):
            raise BadSetting(
                f"telemetry.{setting}: number {number} is not an http or https URL.",
                next_step=f"Mend it in lumina.yaml, or in LUMINA_TELEMETRY_{setting.upper()}.",
            )
    return [Target(f"{kind}-{number}", url.rstrip("/") + path if path else url) for number, url in enumerate(urls, 1)]


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
