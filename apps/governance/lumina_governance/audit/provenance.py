"""What stands behind a request: the names of key and project, and the entries of the ledger that were in force."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.provenance import Behind, LedgerMention, Named, Served
from lumina_governance.audit.models import Entry
from lumina_governance.keys.store import KeyRow
from lumina_governance.projects.store import ProjectRow
from lumina_kit.database import Database
from lumina_kit.ledger import LedgerEntry

CONFIG_CHANGED = "gateway_config.changed"
MOST_OF_A_SUBJECT = 5
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class LedgerProvenance:
    """A Provenance of the platform's records."""

    database: Database

    async def behind(self, served: Sequence[Served]) -> list[Behind]:
        """For each the newest changes, up to its time, of its configuration, key and project."""
        async with self.database.session() as session:
            return [await _behind(session, each) for each in served]


async def _behind(session: AsyncSession, served: Served) -> Behind:
    key, project = _uuid(served.key_id), _uuid(served.project_id)
    key_name = await session.scalar(select(KeyRow.name).where(KeyRow.id == key)) if key else None
    project_name = await session.scalar(select(ProjectRow.name).where(ProjectRow.id == project)) if project else None
    entries = [
        *await _of_config(session, served),
        *await _of_subject(session, "key", key, served.at),
        *await _of_subject(session, "project", project, served.at),
    ]
    return Behind(
        key=Named(served.key_id, key_name) if served.key_id else None,
        project=Named(served.project_id, project_name) if served.project_id else None,
        entries=tuple(sorted(map(_mention, entries), key=lambda entry: -entry.number)),
    )


async def _of_config(session: AsyncSession, served: Served) -> list[LedgerEntry]:
    """The change that brought the file with this hash; of several, the last one before the request."""
    digest = served.config_sha256 or ""
    if not _SHA256.fullmatch(digest):
        return []
    brought = (LedgerEntry.action == CONFIG_CHANGED) & LedgerEntry.body.contains(f'"after":{{"sha256":"{digest}"}}')
    return await _newest(session, brought & (LedgerEntry.at <= served.at), 1)


async def _of_subject(session: AsyncSession, kind: str, subject: UUID | None, until: datetime) -> list[LedgerEntry]:
    if subject is None:
        return []
    about = (LedgerEntry.subject_kind == kind) & (LedgerEntry.subject_id == str(subject)) & (LedgerEntry.at <= until)
    return await _newest(session, about, MOST_OF_A_SUBJECT)


async def _newest(session: AsyncSession, wanted: ColumnElement[bool], most: int) -> list[LedgerEntry]:
    query = select(LedgerEntry).where(wanted).order_by(LedgerEntry.number.desc()).limit(most)
    return list(await session.scalars(query))


def _mention(row: LedgerEntry) -> LedgerMention:
    entry = Entry.read(row.body, row.previous_hash, row.hash)
    return LedgerMention(
        number=entry.number,
        hash=entry.hash,
        what=entry.action,
        of=entry.subject.name,
        at=entry.at,
        who=entry.actor.name,
        why=entry.why,
    )


def _uuid(text: str | None) -> UUID | None:
    """None for what is no id of ours: the key of a LiteLLM configuration has none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
