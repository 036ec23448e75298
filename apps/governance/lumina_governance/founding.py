"""What every start makes sure of: the default project, the built-in admin, and a key in `admin.key` that works."""

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_contracts.events import PersonChanged
from lumina_governance.changes import announce, changed
from lumina_governance.keys.models import Key, Secret
from lumina_governance.keys.service import Keys
from lumina_governance.keys.store import KeyStore
from lumina_governance.limits.models import UNLIMITED
from lumina_governance.people.models import BUILTIN_LOGIN, Person
from lumina_governance.people.store import PersonStore
from lumina_governance.projects.models import DEFAULT_SLUG, NewProject, Project
from lumina_governance.projects.service import Projects
from lumina_governance.projects.store import ProjectStore
from lumina_kit import logs
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.ledger import SYSTEM, LedgerHead
from lumina_kit.roles import Role

log = logs.get(__name__)


@dataclass(frozen=True)
class Founding:
    """Works in one transaction, which holds the ledger's head from its start: of two processes one waits."""

    session: AsyncSession
    admin_key_file: Path
    now: Clock

    async def run(self) -> None:
        """Make what is missing; what is there stays."""
        await self.session.execute(select(LedgerHead).with_for_update())
        project = await ProjectStore(self.session).default() or await self._found_project()
        if await PersonStore(self.session).password_of(BUILTIN_LOGIN) is None:
            await self._add_admin(project)
        if not await self._has_working_key():
            await self._replace_key(project)

    async def _found_project(self) -> Project:
        return await Projects(self.session, self.now).create(NewProject(slug=DEFAULT_SLUG, name="Default"), SYSTEM)

    async def _add_admin(self, project: Project) -> None:
        admin = Person(
            id=uuid4(),
            login=BUILTIN_LOGIN,
            display_name="Admin",
            role=Role.ADMIN,
            project_ids=(project.id,),
            has_password=False,
            created_at=self.now(),
            disabled_at=None,
        )
        await PersonStore(self.session).add(admin, None)
        event = PersonChanged(occurred_at=admin.created_at, person_id=admin.id)
        await announce(
            self.session, changed("person.created", admin.login, SYSTEM, None, admin), admin.created_at, event
        )

    async def _has_working_key(self) -> bool:
        secret = _read(self.admin_key_file)
        if secret is None:
            return False
        key = await KeyStore(self.session).accepted_by_digest(secret.sha256, self.now())
        return key is not None and key.is_builtin

    async def _replace_key(self, project: Project) -> None:
        """Revoke the old built-in key, make a new one, and write it down last: a failed write undoes both."""
        store, secret = KeyStore(self.session), Secret.new()
        keys = Keys(self.session, self.now)
        for old in await store.builtin():
            await keys.end(old, SYSTEM)
        await keys.add(_admin_key(project, secret, self.now()), secret, SYSTEM)
        _write(self.admin_key_file, secret)
        log.info("admin key written", file=str(self.admin_key_file))


async def found(database: Database, admin_key_file: Path, now: Clock) -> None:
    """Make sure of all three."""
    async with database.session() as session:
        await Founding(session, admin_key_file, now).run()


def _admin_key(project: Project, secret: Secret, now: datetime) -> Key:
    return Key(
        id=uuid4(),
        project_id=project.id,
        name="admin.key",
        role=Role.ADMIN,
        scopes=(),
        last_four=secret.last_four,
        maker_id=None,
        is_builtin=True,
        created_at=now,
        expires_at=None,
        revoked_at=None,
        limits=UNLIMITED,
        metadata={},
    )


def _read(file: Path) -> Secret | None:
    """The key in the file, which is made private again if it was not."""
    try:
        file.chmod(0o600)
        return Secret(file.read_text().strip())
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write(file: Path, secret: Secret) -> None:
    """Put the key there whole and 0600: a reader finds the old content or the new."""
    descriptor, draft = tempfile.mkstemp(dir=file.parent)  # mkstemp makes it 0600
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret.text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    Path(draft).replace(file)
