"""The lines of processes: each a JSON object in the file, and on a terminal what people read easily."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

Format = Literal["console", "json"]
Fields = Mapping[str, Any]

_SHOWN_FIRST = frozenset({"timestamp", "level", "event", "exception", "part"})
_REQUESTS = "gateway.access"


def parsed(line: bytes) -> Fields | None:
    """What a line says, if it is a JSON object."""
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return None
    try:
        fields: dict[str, Any] = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return fields


def said(part: str, event: str, level: str = "info") -> Fields:
    """What is told without being a structured event: a traceback, a library's print, the supervisor's own words."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"timestamp": now, "level": level, "part": part, "event": event}


def as_json(fields: Fields) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def as_text(part: str, fields: Fields) -> bytes:
    """One event for people; a traceback follows on lines of its own."""
    told = _request(fields) if fields.get("module") == _REQUESTS else _event(fields)
    head = f"{fields.get('timestamp', '-')} [{fields.get('level', 'info')!s:<9}] {told}"
    exception = fields.get("exception")
    return prefixed(part, [_plain(head), *(map(_plain, str(exception).splitlines()) if exception else ())])


def prefixed(part: str, lines: Iterable[str]) -> bytes:
    """Lines with the name of their part in front."""
    return "".join(f"{part:<10} | {line}\n" for line in lines).encode(errors="backslashreplace")


def _event(fields: Fields) -> str:
    rest = " ".join(f"{name}={_value(fields[name])}" for name in sorted(fields.keys() - _SHOWN_FIRST))
    return f"{fields.get('event', '')} {rest}".rstrip()


def _request(fields: Fields) -> str:
    """A request of the gateway, shorter than its fields are."""
    names = ("method", "path", "status")
    told = [fields.get("event"), *map(fields.get, names), f"{fields.get('ms')} ms", fields.get("model")]
    told += [fields.get("backend") or "-", fields.get("error") or ""]
    if fields.get("error") and fields.get("server"):
        told.append(f"server={fields['server']}")
    return " ".join(map(str, [*told, f"request_id={fields.get('request_id')}"]))


def _value(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value and "=" not in value else repr(value)


def _plain(text: str) -> str:
    """Without control characters: what a caller wrote must not steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text)
