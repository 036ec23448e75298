"""What the gateway tells of itself to who may know: its state, and its metrics, over all of its processes."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from lumina_inference.gateway import exposition, merging
from lumina_inference.gateway.auth import authenticate, known_index, require
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.exposition import Family
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.replies import Reply, reply, reply_json
from lumina_inference.gateway.siblings import METRICS, REPORT, Siblings, Telling
from lumina_inference.gateway.snapshots import Snapshots
from lumina_inference.gateway.state import BackendView, ProcessReport, ProcessState, SpendView
from lumina_kit.clock import Clock


@dataclass(frozen=True)
class Watched:
    """Where this process's numbers are read when someone asks."""

    in_flight: Callable[[], int]
    connections: Callable[[], int]
    backends: Callable[[], Iterable[BackendView]]
    spend: Callable[[], Iterable[SpendView]]


@dataclass(frozen=True)
class Observing:
    """Answers /lumina/state and /metrics, and the siblings that ask for this process's part of them."""

    instance: str
    siblings: Siblings
    snapshots: Snapshots
    metrics: Metrics
    watched: Watched
    now: Clock
    began: float = field(default_factory=time.monotonic)

    async def state(self, call: Call) -> Reply:
        """Routes, backends and processes, for keys with the scope `metrics`; what whom has spent, for admins alone."""
        caller = authenticate(call, self.now)
        require(caller, "metrics")
        heard = await self.siblings.reports()
        reports = sorted((self.report(), *heard.told.values()), key=lambda report: _order(report.process.instance))
        routes = known_index(call).snapshot.routes.routes
        whole = merging.state(reports, heard.silent, routes, self.now().timestamp())
        return reply_json(call, whole if caller.is_admin else replace(whole, spend=()))

    async def measured(self, call: Call) -> Reply:
        """Prometheus text or OpenMetrics, for keys with the scope `metrics`."""
        require(authenticate(call, self.now), "metrics")
        body, media = exposition.text(await self._families(), call.request.headers.get("Accept", ""))
        return reply(call, body, media=media)

    def tells(self) -> Telling:
        """What siblings may ask for."""
        return {REPORT: self.report, METRICS: lambda: exposition.families(self.metrics.registry)}

    def report(self) -> ProcessReport:
        """This process alone."""
        index = self.snapshots.current
        process = ProcessState(
            instance=self.instance,
            pid=os.getpid(),
            uptime_seconds=time.monotonic() - self.began,
            in_flight=self.watched.in_flight(),
            connections=self.watched.connections(),
            snapshot_version=index.snapshot.version if index else None,
            snapshot_age_seconds=time.monotonic() - self.snapshots.confirmed_at,
            control_up=self.snapshots.control_up,
        )
        return ProcessReport(
            process=process, backends=tuple(self.watched.backends()), spend=tuple(self.watched.spend())
        )

    async def _families(self) -> list[Family]:
        own = exposition.families(self.metrics.registry)
        if not self.siblings.names:
            return own
        return exposition.together({self.instance: own, **await self.siblings.families()})


def _order(instance: str) -> tuple[int, str]:
    return len(instance), instance
