"""The report as Markdown, kept in bench/results beside its numbers."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.load import KINDS, Heard
from tools.drills import kept
from tools.tasks.projects import ROOT

_TABLE = ("kind", "asked/s", "answers", "failed", "p50 ms", "p95 ms", "p99 ms", "provider ms", "added p95 ms")


@dataclass
class Document:
    """What callers measured, what the gateway added, and how the objectives stood at the end."""

    seconds: float
    heard: dict[str, Heard]
    overhead: dict[str, dict[float, float]]
    objectives: list[dict[str, Any]]
    alerts: list[dict[str, Any]]

    def text(self) -> str:
        """Markdown."""
        lines = [f"{self.seconds:.0f} s of load at fixed rates; times of whole answers as callers measured them.", ""]
        lines += _table(_TABLE, [self._row(kind.name) for kind in KINDS])
        lines += ["", "What the gateway added, from Lumina's own telemetry (ms):", ""]
        lines += _table(("route", "p50", "p95", "p99"), [self._added(name) for name in sorted(self.overhead)])
        lines += ["", "Objectives:", ""]
        head = ("service", "objective", "aim %", "kept %, last 5 minutes", "budget burns", "state")
        lines += _table(head, [_objective(each) for each in self.objectives])
        firing = [each["name"] for each in self.alerts if each["state"] == "firing"]
        return "\n".join([*lines, "", f"Alerts that fire: {', '.join(firing) or 'none'}."])

    def keep(self) -> str:
        """Write both files; gives the path of the report."""
        numbers = {
            "seconds": self.seconds,
            "kinds": {name: _numbers(heard) for name, heard in self.heard.items()},
            "added_seconds": {
                route: {str(q): value for q, value in found.items()} for route, found in self.overhead.items()
            },
            "objectives": self.objectives,
        }
        file = ROOT / kept.keep("load-report", numbers)
        head = json.loads(file.read_text())
        report = file.with_suffix(".md")
        report.write_text(f"# Load test of {head['date']}, commit {head['commit']}\n\n{self.text()}\n")
        return str(report.relative_to(ROOT))

    def _row(self, name: str) -> tuple[str, ...]:
        kind = next(each for each in KINDS if each.name == name)
        numbers, added = _numbers(self.heard[name]), self.overhead.get(name, {}).get(0.95)
        needed = kind.first_ms + kind.gap_ms * kind.tokens
        times = (f"{numbers[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms"))
        counts = (f"{kind.per_second:g}", f"{numbers['answers']:.0f}", f"{numbers['failed']:.0f}")
        return (name, *counts, *times, str(needed), "-" if added is None else f"{1000 * added:.1f}")

    def _added(self, route: str) -> tuple[str, ...]:
        found = self.overhead[route]
        return (route or "-", *(f"{1000 * found[q]:.2f}" if q in found else "-" for q in (0.5, 0.95, 0.99)))


def _objective(slo: dict[str, Any]) -> tuple[str, ...]:
    """Against the shortest window, which the load fills."""
    last = slo["burn_rates"][0]
    ratio, rate = last["error_ratio"], last["burn_rate"]
    measured = "-" if ratio is None else f"{100 * (1 - ratio):.3f}"
    burning = "-" if rate is None else f"{rate:.2f}x"
    return (slo["service"], slo["name"], f"{100 * slo['objective']:g}", measured, burning, slo["state"])


def _numbers(heard: Heard) -> dict[str, float]:
    cuts = [1000 * cut for cut in statistics.quantiles(heard.seconds, n=100)] if len(heard.seconds) > 1 else [0.0] * 99
    return {
        "answers": len(heard.seconds),
        "failed": heard.failed,
        "p50_ms": round(cuts[49], 3),
        "p95_ms": round(cuts[94], 3),
        "p99_ms": round(cuts[98], 3),
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
