"""What `lumina status` prints. It imports Rich: the command imports it where it prints."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from lumina_platform.cli.tables import Row, console, show_fields
from lumina_platform.cli.tables import show as show_table

SUMMARY = {
    "Version": "versions.lumina",
    "Database": "database",
    "API and docs": "control_url",
    "Gateway": "gateway_url",
    "Readiness": "readiness",
}
PARTS = {
    "Part": "name",
    "State": "state",
    "Process": "pid",
    "Memory": "memory",
    "Restarts": "restarts",
    "For": "uptime",
}


def show(found: Row, now: datetime | None = None) -> None:
    """Print addresses and the readiness of both planes, then a row for each part and the sum of memory."""
    show_fields(found, SUMMARY, as_json=False)
    parts = cast("Sequence[Row]", found.get("parts") or [])
    at = now or datetime.now(UTC)
    show_table([_readable(part, at) for part in parts], PARTS, as_json=False)
    known = [cast("int", part["pss_bytes"]) for part in parts if part.get("pss_bytes")]
    if known:
        console().print(f"{megabytes(sum(known))} in all (proportional set size)")


def _readable(part: Row, now: datetime) -> Mapping[str, object]:
    size = cast("int | None", part.get("pss_bytes"))
    since = datetime.fromisoformat(str(part["since"]))
    return {**part, "memory": megabytes(size) if size else None, "uptime": lasting(now - since)}


def megabytes(size_bytes: int) -> str:
    """A size in MB, rounded."""
    return f"{size_bytes / 1e6:.0f} MB"


def lasting(time: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = max(0, int(time.total_seconds()))
    for size, large, small, step in ((86400, "d", "h", 3600), (3600, "h", "min", 60), (60, "min", "s", 1)):
        if seconds >= size:
            return f"{seconds // size} {large} {seconds % size // step} {small}"
    return f"{seconds} s"
