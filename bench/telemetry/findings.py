"""What was measured: as a table for people, and kept with date and commit."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import ClientSession

from bench.telemetry.asking import Asked
from bench.telemetry.overhead import Overhead
from bench.telemetry.sending import Sent
from tools.drills import kept
from tools.running import Running


@dataclass
class Intake:
    """One flood of one subject: what was taken, what it cost, and the memory afterwards."""

    subject: str
    what: str
    sent: Sent
    cpu_seconds: float
    pss_mib: float

    @property
    def per_cpu_second(self) -> float:
        return self.sent.taken / self.cpu_seconds if self.cpu_seconds else 0.0

    def line(self) -> str:
        statuses = " ".join(f"{status}:{count}" for status, count in sorted(self.sent.statuses.items()))
        numbers = f"{self.sent.rate:10.0f}{self.per_cpu_second:14.0f}{self.sent.taken:12}{self.pss_mib:10.0f}"
        return f"{self.subject:>10} {self.what:<8}{numbers}   {statuses}"


@dataclass
class Findings:
    """All of one run."""

    intakes: list[Intake] = field(default_factory=list)
    sent: Sent = field(default_factory=Sent)
    asked: Asked = field(default_factory=Asked)
    status: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    overhead: Overhead = field(default_factory=Overhead)

    def add(self, intake: Intake) -> None:
        self.intakes.append(intake)
        print(intake.line(), flush=True)

    async def look(self, lumina: Running) -> None:
        """Ask for the size of the store, once what was sent is on disk."""
        headers = {"Authorization": f"Bearer {lumina.admin_key}"}
        url = f"{lumina.control}/api/telemetry/status"
        async with ClientSession(headers=headers) as session, session.get(url) as answer:
            self.status = await answer.json()

    def text(self) -> str:
        """Fixed-width text."""
        head = f"{'':>19}{'per second':>10}{'per CPU-s':>14}{'taken':>12}{'PSS MiB':>10}   statuses"
        lines = [head, *(intake.line() for intake in self.intakes), ""]
        lines += [f"At {self.sent.rate:.0f} spans/s, after {self._taken('lumina'):,} spans:"]
        lines += [
            _spread("  a trace is found after", self.asked.found, "p95 aim <= 2000 ms"),
            _spread("  newest 50 traces", self.asked.lists, "p95 aim <= 200 ms"),
            _spread("  percentiles of an hour", self.asked.percentiles, "p95 aim <= 200 ms"),
            f"  failed questions: {self.asked.failed}; bytes a span on disk: {self.bytes_a_span:.0f}",
        ]
        on, off = (statistics.median(runs) if runs else 0.0 for runs in (self.overhead.on, self.overhead.off))
        told = f"{on:.0f} requests per CPU-second with telemetry, {off:.0f} without: {self.overhead.ratio:.3f}"
        lines += [f"Gateway: {told}; aim >= 0.85; failed {self.overhead.failed}."]
        lines += [f"Peers: {', '.join(f'{name} {version}' for name, version in self.versions.items()) or 'none'}."]
        return "\n".join(lines)

    @property
    def bytes_a_span(self) -> float:
        spans = self._taken("lumina")
        return float(self.status.get("used_bytes", 0)) / spans if spans else 0.0

    def keep(self) -> str:
        """Write it to bench/results."""
        asked = {name: [round(value, 4) for value in values] for name, values in self._lists().items()}
        intakes = [
            {**asdict(intake), "sent": {**asdict(intake.sent), "traces": []}, "per_second": round(intake.sent.rate)}
            for intake in self.intakes
        ]
        content = {
            "intakes": intakes,
            "asked": asked,
            "failed": self.asked.failed,
            "overhead": asdict(self.overhead),
            "status": self.status,
            "bytes_a_span": round(self.bytes_a_span, 1),
            "versions": self.versions,
        }
        return kept.keep("telemetry", content)

    def _lists(self) -> dict[str, list[float]]:
        return {"found": self.asked.found, "lists": self.asked.lists, "percentiles": self.asked.percentiles}

    def _taken(self, subject: str) -> int:
        return sum(each.sent.taken for each in self.intakes if (each.subject, each.what) == (subject, "spans"))


def _spread(what: str, seconds: Sequence[float], aim: str) -> str:
    if len(seconds) < 2:
        return f"{what:<26} not measured"
    cuts = statistics.quantiles(seconds, n=100)
    p50, p95, p99 = (1000 * cuts[place] for place in (49, 94, 98))
    return f"{what:<26} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   p99 {p99:6.0f} ms   of {len(seconds)}; {aim}"
