"""What every start makes sure of, on both databases."""

import asyncio
import stat
from pathlib import Path

import pytest
from sqlalchemy import func, select

from apps.governance.tests.conftest import Clock
from lumina_governance.errors import UnknownKey
from lumina_governance.founding import found
from lumina_governance.keys.store import KeyRow
from lumina_governance.people.store import PersonRow
from lumina_governance.projects.store import ProjectRow
from lumina_governance.wiring import Governance
from lumina_kit import ledger
from lumina_kit.database import Database
from lumina_kit.roles import Role


def key_in(file: Path) -> str:
    text, end, rest = file.read_text().partition("\n")
    assert (end, rest) == ("\n", "")  # one line
    return text


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def loosen(file: Path) -> None:
    file.chmod(0o644)


def put(file: Path, content: str | None) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_text(content)


async def test_first_start_writes_a_private_admin_key_that_works(governance: Governance, admin_key_file: Path) -> None:
    caller = await governance.credentials.by_key(key_in(admin_key_file), None)

    assert caller.role is Role.ADMIN
    assert mode_of(admin_key_file) == 0o600


async def test_next_start_changes_nothing(governance: Governance, admin_key_file: Path, now: Clock) -> None:
    before = key_in(admin_key_file), await counts(governance.database)

    await found(governance.database, admin_key_file, now)

    assert (key_in(admin_key_file), await counts(governance.database)) == before


@pytest.mark.parametrize("content", [None, "lum_wrong\n", "", "\x00"])
async def test_missing_or_wrong_admin_key_is_made_anew_and_the_old_one_revoked(
    governance: Governance, admin_key_file: Path, now: Clock, content: str | None
) -> None:
    old = key_in(admin_key_file)
    put(admin_key_file, content)

    await found(governance.database, admin_key_file, now)

    assert (await governance.credentials.by_key(key_in(admin_key_file), None)).role is Role.ADMIN
    with pytest.raises(UnknownKey):
        await governance.credentials.by_key(old, None)


async def test_key_that_others_may_read_is_made_private_again(
    governance: Governance, admin_key_file: Path, now: Clock
) -> None:
    loosen(admin_key_file)

    await found(governance.database, admin_key_file, now)

    assert mode_of(admin_key_file) == 0o600


async def test_key_that_cannot_be_written_leaves_nothing_behind(database: Database, tmp_path: Path, now: Clock) -> None:
    with pytest.raises(FileNotFoundError):
        await found(database, tmp_path / "no folder" / "admin.key", now)

    assert await counts(database) == (0, 0, 0)


async def test_two_first_starts_at_once_found_one_lumina(database: Database, tmp_path: Path, now: Clock) -> None:
    async with database.session() as session:
        session.add(ledger.LedgerHead(id=1, number=0, hash=ledger.GENESIS))

    await asyncio.gather(*(found(database, tmp_path / "admin.key", now) for _ in range(3)))

    assert await counts(database) == (1, 1, 1)
    async with database.session() as session:
        assert (await ledger.verify(session)).intact


async def counts(database: Database) -> tuple[int, ...]:
    async with database.session() as session:
        tables = (ProjectRow.id, PersonRow.id, KeyRow.id)
        return tuple([await session.scalar(select(func.count(column))) or 0 for column in tables])
