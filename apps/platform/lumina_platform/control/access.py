"""One log line, one count and one trace for each request; and a 500 that says nothing of the inside."""

import re
import secrets
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lumina_kit import logs, problems
from lumina_kit.errors import LuminaError
from lumina_platform.control.metrics import Metrics

TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
CLIENT_CLOSED = 499  # as in the gateway: the caller went before it was answered
# Of telemetry that comes in nothing is told, only counted: it would make more of itself.
QUIET = frozenset({"/healthz", "/health", "/readyz", "/otlp/v1/traces", "/otlp/v1/logs", "/otlp/v1/metrics"})
requests = logs.get("lumina.access")
log = logs.get("lumina.bugs")  # apart: who leaves out requests still sees them


class Crash(LuminaError):
    """What a caller is told of a bug."""


class Access:
    """The path is logged as its route's template, of `templates` by endpoint: a sign-in link's token is in the path."""

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: Mapping[Any, str]) -> None:
        self.app = app
        self.metrics = metrics
        self.templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        logs.bind(trace_id=_trace_id(scope))
        begun, status, waited = perf_counter(), 0, 0.0

        async def send_watched(message: Message) -> None:
            nonlocal status, waited
            if message["type"] == "http.response.start":
                status, waited = message["status"], perf_counter() - begun
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except ClientDisconnect:
            status = CLIENT_CLOSED
        except Exception as error:  # a bug: it is logged whole here, and told to the caller as nothing but that
            log.error("unhandled error", route=self._route(scope), exc_info=error)
            if not status:
                await problems.response(_CRASH)(scope, receive, send_watched)
        finally:
            taken = perf_counter() - begun
            self._record(scope, status, waited or taken, taken)

    def _record(self, scope: Scope, status: int, waited: float, taken: float) -> None:
        """What is followed for hours is no slow answer: the metric is of the time until it began."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = self._route(scope)
        self.metrics.answered(method, route, status, waited)
        write = requests.debug if route in QUIET else requests.info
        who = scope.get("state", {}).get("principal")
        write(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(taken * 1000, 1),
            client=scope["client"][0] if scope.get("client") else None,
            principal=f"{who.kind}:{who.id}" if who else None,
        )

    def _route(self, scope: Scope) -> str:
        return self.templates.get(scope.get("endpoint"), UNMATCHED)


_CRASH = Crash(
    "Lumina failed to answer; the log holds the reason.", next_step="Look for this time in the log, and report it."
)


def _trace_id(scope: Scope) -> str:
    """The caller's trace, else a new one."""
    for name, value in scope["headers"]:
        if name == b"traceparent" and (match := TRACEPARENT.fullmatch(value)):
            return match[1].decode()
    return secrets.token_hex(16)
