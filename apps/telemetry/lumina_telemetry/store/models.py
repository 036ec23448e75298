"""What is told of the store."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TableStatus:
    """One table; `oldest` is RFC 3339, null while it is empty."""

    name: str
    rows: int
    oldest: str | None


@dataclass(frozen=True)
class Dropped:
    """What came in and was not stored since the process started."""

    signal: str
    reason: str
    count: int


@dataclass(frozen=True)
class StoreStatus:
    """`state` is `stopped` while nothing is taken in; `reason` says why. `file_bytes` holds the write-ahead log too."""

    state: Literal["storing", "stopped"]
    reason: str | None
    queue_rows: int
    queue_bytes: int
    queue_seconds: float
    dropped: list[Dropped]
    file_bytes: int
    used_bytes: int | None
    free_bytes: int
    retention_days: float
    retention_bytes: int
    tables: list[TableStatus]
