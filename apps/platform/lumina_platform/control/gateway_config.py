"""The gateway's configuration file in the ledger: every change of it, also one made while Lumina was down."""

import json
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import GatewayConfigChanged
from lumina_inference.config.watching import ConfigChange
from lumina_inference.service import Inference
from lumina_kit import ledger, outbox
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.ledger import SYSTEM, Change, LedgerEntry

ACTION = "gateway_config.changed"


async def follow(inference: Inference, database: Database, now: Clock) -> None:
    """Record each change of the file, until cancelled; the snapshot is compiled anew at the event."""

    async def record(change: ConfigChange) -> None:
        async with database.session() as session:
            await _append(session, change.path, change.before_sha256, change.after_sha256, now)

    await inference.watch_config(record)


async def record_start(inference: Inference, database: Database, now: Clock) -> None:
    """Record the file as it is now, if the ledger last knew another."""
    async with database.session() as session:
        known, found = await _last_known(session), inference.config.running_sha256
        if known != found:
            await _append(session, inference.config.path, known, found, now)


async def _last_known(session: AsyncSession) -> str | None:
    query = select(LedgerEntry.body).where(LedgerEntry.action == ACTION).order_by(LedgerEntry.number.desc()).limit(1)
    body = await session.scalar(query)
    found: str | None = json.loads(body)["after"]["sha256"] if body else None
    return found


async def _append(session: AsyncSession, path: Path, before: str | None, after: str | None, now: Clock) -> None:
    at = now()
    change = Change(
        action=ACTION,
        subject_kind="gateway_config",
        subject_id="gateway",
        subject_name=str(path),
        actor=SYSTEM,
        project_id=None,
        before={"sha256": before},
        after={"sha256": after},
        why="The file was edited.",
    )
    await ledger.append(session, change, at)
    await outbox.publish(session, GatewayConfigChanged(occurred_at=at, sha256_before=before, sha256_after=after))
