"""A load test of a whole Lumina, and its report: p50, p95 and p99 against the objectives that Lumina itself watches.

    make bench REPORT=1           a minute of load
    FULL=1 make bench REPORT=1    ten minutes

Callers ask at fixed rates through the gateway of a provider that is known to need so long for each answer. Their times
are what they measured; what the gateway added, and the objectives, are read from Lumina's telemetry of the same minute.
"""

import asyncio
import os
import time
from typing import Any
from urllib.parse import quote

from bench.report.document import Document
from bench.report.load import KINDS, load
from tools.drills.world import Configured, api, configured, provider

SECONDS = 600.0 if os.environ.get("FULL") else 60.0
SETTLE_SECONDS = 20.0
"""Metrics leave every ten seconds, and rules are evaluated every fifteen."""
QUANTILES = (0.5, 0.95, 0.99)


def main() -> None:
    """Load, wait until telemetry has it, write the report."""
    with provider() as backend:
        routes = {kind.name: [backend.url(**kind.options)] for kind in KINDS}
        with configured(routes) as lumina:
            heard = asyncio.run(load(lumina.gateway, lumina.admin_key, SECONDS))
            time.sleep(SETTLE_SECONDS)
            document = Document(SECONDS, heard, _overhead(lumina), _objectives(lumina), _alerts(lumina))
    print(document.text())
    print(f"Kept in {document.keep()}.")


def _overhead(lumina: Configured) -> dict[str, dict[float, float]]:
    """Seconds that the gateway added, by route and quantile."""
    found: dict[str, dict[float, float]] = {}
    window = f"{int(SECONDS + SETTLE_SECONDS)}s"
    for quantile in QUANTILES:
        rate = f"sum by (le, lumina_route) (rate(lumina_gateway_overhead_seconds_bucket[{window}]))"
        for sample in _query(lumina, f"histogram_quantile({quantile}, {rate})"):
            route = sample["metric"].get("lumina_route", "")
            found.setdefault(route, {})[quantile] = float(sample["value"][1])
    return found


def _query(lumina: Configured, expression: str) -> list[dict[str, Any]]:
    path = f"/api/telemetry/prometheus/api/v1/query?query={quote(expression)}"
    return list(api(lumina, "GET", path)["data"]["result"])


def _objectives(lumina: Configured) -> list[dict[str, Any]]:
    return list(api(lumina, "GET", "/api/telemetry/slos")["items"])


def _alerts(lumina: Configured) -> list[dict[str, Any]]:
    return list(api(lumina, "GET", "/api/telemetry/alerts")["items"])


if __name__ == "__main__":
    main()
