"""The change ledger: every change that can alter behaviour, hash-chained, in the change's own transaction.

An entry is stored as the canonical JSON that was hashed, so the chain survives a move from SQLite to Postgres.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Union
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Integer, String, Text, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from lumina_kit.database import Model

GENESIS = "0" * 64
UNREADABLE = (ValueError, TypeError, AttributeError)  # SQLite lets an editor write what a column's type cannot hold
HEAD = 1

Scalar = None | bool | int | float | str
Json = Union[Scalar, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007  # `|` does not take a forward name


@dataclass(frozen=True)
class Actor:
    """Who changed something: a person, a key, or Lumina itself."""

    kind: Literal["person", "key", "system"]
    id: str
    name: str


SYSTEM = Actor("system", "lumina", "Lumina")


@dataclass(frozen=True)
class Change:
    """What changed: from, to, by whom, and why. Never put a secret into `before` or `after`."""

    action: str
    subject_kind: str
    subject_id: str
    subject_name: str
    actor: Actor
    project_id: UUID | None
    before: Json = None
    after: Json = None
    why: str | None = None
    verdict: str | None = None
    git_sha: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True)
class Head:
    """The end of the chain: how many entries there are, and the newest one's hash."""

    number: int
    hash: str


@dataclass(frozen=True)
class Verdict:
    """What verifying found. `broken_at` is the number of the first entry that is not what was written."""

    checked: int
    head: Head
    broken_at: int | None
    reason: str | None

    @property
    def intact(self) -> bool:
        return self.broken_at is None


class LedgerEntry(Model):
    """One change as written. The columns beside `body` only serve searching; verifying compares them with it."""

    __tablename__ = "ledger_entries"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(index=True)
    project_id: Mapped[UUID | None] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(100), index=True)
    subject_kind: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[str] = mapped_column(String(200), index=True)
    actor_id: Mapped[str] = mapped_column(String(200), index=True)
    body: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class LedgerHead(Model):
    """The one row that is locked to append."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


FIRST_HEAD = text("INSERT INTO ledger_head (id, number, hash) VALUES (:id, 0, :hash) ON CONFLICT (id) DO NOTHING")


async def append(session: AsyncSession, change: Change, now: datetime) -> LedgerEntry:
    """Write one entry behind the newest, in the transaction of the change that it tells of."""
    head = await _locked_head(session)
    number, entry_id = head.number + 1, uuid4()
    body = _canonical(_content(change, number, entry_id, now))
    entry = LedgerEntry(
        number=number, id=entry_id, at=now, project_id=change.project_id, action=change.action,
        subject_kind=change.subject_kind, subject_id=change.subject_id, actor_id=change.actor.id,
        body=body, previous_hash=head.hash, hash=_hash(head.hash, body),
    )  # fmt: skip
    session.add(entry)
    head.number, head.hash = number, entry.hash
    await session.flush()
    return entry


async def head(session: AsyncSession) -> Head:
    """The end of the chain as it stands."""
    row = await session.get(LedgerHead, HEAD)
    return Head(row.number, row.hash) if row else Head(0, GENESIS)


async def verify(session: AsyncSession) -> Verdict:
    """Walk the chain from its first entry, and stop at the first that is not what was written."""
    end = await head(session)
    walk = _Walk(session, end)
    reason = await walk.fault()
    if reason is None and (end.number, end.hash) != (walk.checked, walk.previous):
        reason = f"the head speaks of {end.number} entries, the chain ends at {walk.checked}"
    if reason:
        return Verdict(walk.checked, end, walk.checked + 1, reason)
    stray = await _stray(session, end)
    return Verdict(walk.checked, end, stray, "it stands behind the head" if stray else None)


@dataclass
class _Walk:
    """How far along the chain everything was as written."""

    session: AsyncSession
    end: Head
    checked: int = 0
    previous: str = GENESIS

    async def fault(self) -> str | None:
        """What is wrong with the entry behind the last good one; None if there is no such entry."""
        try:
            return await self._fault(rows_at_once=500)
        except UNREADABLE:
            self.session.expunge_all()
        try:
            return await self._fault(rows_at_once=1)
        except UNREADABLE:
            return "a column beside its text holds no value of its type"

    async def _fault(self, rows_at_once: int) -> str | None:
        ahead = (LedgerEntry.number > self.checked) & (LedgerEntry.number <= self.end.number)
        query = select(LedgerEntry).where(ahead).order_by(LedgerEntry.number)
        async for entry in await self.session.stream_scalars(query.execution_options(yield_per=rows_at_once)):
            reason = _fault(entry, self.checked + 1, self.previous)
            if reason:
                return reason
            self.checked, self.previous = self.checked + 1, entry.hash
        return None


async def _stray(session: AsyncSession, end: Head) -> int | None:
    """The number of an entry that no head ever counted; one appended meanwhile is not."""
    last = await session.scalar(select(func.max(LedgerEntry.number)).where(LedgerEntry.number > end.number))
    counted = await session.scalar(select(LedgerHead.number).where(LedgerHead.id == HEAD))
    return last if last and last > (counted or 0) else None


def _fault(entry: LedgerEntry, number: int, previous: str) -> str | None:
    if entry.number != number:
        return f"entry {number} is missing; the next one there is {entry.number}"
    if entry.previous_hash != previous:
        return "it does not follow the entry before it"
    if entry.hash != _hash(previous, entry.body):
        return "its text is not what was hashed"
    return None if _columns_agree(entry) else "a column beside its text was changed"


def _columns_agree(entry: LedgerEntry) -> bool:
    body = json.loads(entry.body)
    project = str(entry.project_id) if entry.project_id else None
    return bool(
        body["id"] == str(entry.id)
        and body["at"] == entry.at.isoformat()
        and body["project_id"] == project
        and body["action"] == entry.action
        and (body["subject"]["kind"], body["subject"]["id"]) == (entry.subject_kind, entry.subject_id)
        and body["actor"]["id"] == entry.actor_id
    )


async def _locked_head(session: AsyncSession) -> LedgerHead:
    locked = select(LedgerHead).where(LedgerHead.id == HEAD).with_for_update().execution_options(populate_existing=True)
    row = await session.scalar(locked)
    if row is None:
        await session.execute(FIRST_HEAD, {"id": HEAD, "hash": GENESIS})
        row = (await session.scalars(locked)).one()
    return row


def _content(change: Change, number: int, entry_id: UUID, now: datetime) -> Mapping[str, Json]:
    return {
        "number": number,
        "id": str(entry_id),
        "at": now.isoformat(),
        "project_id": str(change.project_id) if change.project_id else None,
        "action": change.action,
        "subject": {"kind": change.subject_kind, "id": change.subject_id, "name": change.subject_name},
        "actor": {"kind": change.actor.kind, "id": change.actor.id, "name": change.actor.name},
        "before": change.before,
        "after": change.after,
        "why": change.why,
        "verdict": change.verdict,
        "git_sha": change.git_sha,
        "trace_id": change.trace_id,
    }


def _canonical(content: Mapping[str, Json]) -> str:
    """JSON with sorted keys, no spaces, and no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _hash(previous: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()
