"""A line of Lumina's log as a log record."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from lumina_telemetry.rows import LogRow
from lumina_telemetry.settings import TelemetrySettings

ACCESS = b'"module":"gateway.access"'
"""In the line of a gateway's request. Its span says the same."""

SEVERITY = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
_LIFTED = frozenset({"timestamp", "level", "part", "module", "event", "trace_id", "span_id", "exception"})
_IDS = {"trace_id": re.compile("[0-9a-f]{32}"), "span_id": re.compile("[0-9a-f]{16}")}
_SECOND = 10**9


@dataclass(frozen=True)
class Records:
    """Makes records of lines, each text cut to the lengths of the settings."""

    settings: TelemetrySettings

    def of(self, line: bytes, now_ns: int) -> LogRow:
        """What a line says; one that is no JSON object is the record's text."""
        fields = _fields(line)
        level = str(fields.get("level", "info"))
        return LogRow(
            time_ns=_time(fields.get("timestamp"), now_ns),
            observed_ns=now_ns,
            severity=SEVERITY.get(level, 0),
            severity_text=level[:32],
            body=_text(fields.get("event", ""))[: self.settings.log_chars],
            trace_id=_id(fields, "trace_id"),
            span_id=_id(fields, "span_id"),
            service=f"lumina-{fields.get('part', 'unknown')}"[:200],
            scope=str(fields.get("module", ""))[:200],
            ours=True,
            attributes=msgspec.json.encode(self._attributes(fields)).decode(),
        )

    def _attributes(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in fields.items() if name not in _LIFTED}
        if "exception" in fields:
            rest["exception.stacktrace"] = fields["exception"]
        kept = list(rest.items())[: self.settings.attributes]
        return {name[:200]: self._bounded(value) for name, value in kept}

    def _bounded(self, value: object) -> object:
        if isinstance(value, bool | int | float) or value is None:
            return value
        text = _text(value)
        return value if isinstance(value, list) and len(text) <= 1000 else text[: self.settings.attribute_chars]


def _fields(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"event": line.decode(errors="replace")}


def _time(given: object, now_ns: int) -> int:
    """When it was said, but never later than now."""
    try:
        at = datetime.fromisoformat(str(given))
        told = int(at.replace(tzinfo=at.tzinfo or UTC, microsecond=0).timestamp()) * _SECOND + at.microsecond * 1000
    except (ValueError, OverflowError):
        return now_ns
    return min(max(told, 0), now_ns)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _id(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and _IDS[name].fullmatch(value) else ""
