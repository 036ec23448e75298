"""What stands behind an answer that Lumina served: names, and the entries of the ledger."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Served:
    """What a request's span says of what served it."""

    at: datetime
    project_id: str | None
    key_id: str | None
    config_sha256: str | None


@dataclass(frozen=True)
class Named:
    """An id with the name that people know it by; null where there is nothing of this id any more."""

    id: str
    name: str | None


@dataclass(frozen=True)
class LedgerMention:
    """One entry of the ledger. `who` and `why` are null for who may not read the ledger."""

    number: int
    hash: str
    what: str
    of: str
    at: datetime
    who: str | None
    why: str | None


@dataclass(frozen=True)
class Behind:
    """The owner of a request, and the changes that made what served it what it was, newest first."""

    key: Named | None
    project: Named | None
    entries: tuple[LedgerMention, ...]
