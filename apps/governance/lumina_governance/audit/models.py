"""An entry of the ledger as it is shown, and what to look for."""

import json
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, StringConstraints

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Party(BaseModel):
    """Who, or what."""

    model_config = ConfigDict(frozen=True)

    kind: str
    id: str
    name: str


class Entry(BaseModel):
    """One change: what, from, to, by whom, when and why; `hash` covers it and the entry before it."""

    model_config = ConfigDict(frozen=True)

    number: int
    id: UUID
    at: datetime
    project_id: UUID | None
    action: str
    subject: Party
    actor: Party
    before: JsonValue
    after: JsonValue
    why: str | None
    verdict: str | None
    git_sha: str | None
    trace_id: str | None
    previous_hash: str
    hash: str

    @classmethod
    def read(cls, body: str, previous_hash: str, own_hash: str) -> "Entry":
        """The entry as it was written."""
        return cls(**json.loads(body), previous_hash=previous_hash, hash=own_hash)


class Search(BaseModel):
    """What an entry must have: `actor` and `subject` by id, `action` whole or with a trailing `*`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Word | None = None
    actor: Word | None = None
    action: Word | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class LedgerVerdict(BaseModel):
    """Whether the chain is what was written; if not, the number of the first entry that is not, and why."""

    model_config = ConfigDict(frozen=True)

    intact: bool
    checked: int
    head_number: int
    head_hash: str
    broken_at: int | None
    reason: str | None
