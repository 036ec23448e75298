"""What governance is made of, built once by the composition root, and the dependencies that open it for a request."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from lumina_governance.access.store import AccessBook
from lumina_governance.capture.service import Captures
from lumina_governance.capture.store import RetentionsInForce
from lumina_governance.credentials import Credentials
from lumina_governance.grants.service import Grants
from lumina_governance.keys.part import KeysInForce
from lumina_governance.keys.service import Keys
from lumina_governance.people.passwords import Passwords
from lumina_governance.people.service import People
from lumina_governance.projects.service import Projects
from lumina_governance.sessions.service import Sessions
from lumina_governance.sessions.throttle import Throttle
from lumina_governance.sessions.tokens import PURPOSE, Tokens
from lumina_governance.settings import GovernanceSettings
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.masterkey import MasterKey


@dataclass(frozen=True)
class Governance:
    """The app's parts; the root keeps it as `app.state.governance`."""

    database: Database
    passwords: Passwords
    sessions: Sessions
    credentials: Credentials
    keys_in_force: KeysInForce
    retentions: RetentionsInForce
    access_log: AccessBook
    now: Clock
    public_url: str
    secure_cookie: bool

    @classmethod
    def of(
        cls,
        database: Database,
        master_key: MasterKey,
        settings: GovernanceSettings,
        passwords: Passwords,
        now: Clock,
        public_url: str,
    ) -> "Governance":
        """`public_url` is where browsers reach the control plane; under https the cookie is `Secure`."""
        tokens = Tokens(master_key.derive(PURPOSE))
        sessions = Sessions(
            database=database,
            passwords=passwords,
            tokens=tokens,
            settings=settings,
            by_login=Throttle(settings.sign_ins_per_login, now),
            by_address=Throttle(settings.sign_ins_per_address, now),
            now=now,
        )
        return cls(
            database=database,
            passwords=passwords,
            sessions=sessions,
            credentials=Credentials(database, tokens, now),
            keys_in_force=KeysInForce(database, now),
            retentions=RetentionsInForce(database),
            access_log=AccessBook(database, now),
            now=now,
            public_url=public_url.rstrip("/"),
            secure_cookie=public_url.startswith("https:"),
        )


def governance(request: Request) -> Governance:
    found: Governance = request.app.state.governance
    return found


GovernanceDep = Annotated[Governance, Depends(governance)]


async def open_session(governance: GovernanceDep) -> AsyncIterator[AsyncSession]:
    """The request's transaction: committed before the answer leaves."""
    async with governance.database.session() as session:
        yield session


Transaction = Annotated[AsyncSession, Depends(open_session, scope="function")]


def open_keys(session: Transaction, governance: GovernanceDep) -> Keys:
    return Keys(session, governance.now)


def open_people(session: Transaction, governance: GovernanceDep) -> People:
    return People(session, governance.passwords, governance.now)


def open_projects(session: Transaction, governance: GovernanceDep) -> Projects:
    return Projects(session, governance.now)


def open_captures(session: Transaction, governance: GovernanceDep) -> Captures:
    return Captures(session, governance.now)


def open_grants(session: Transaction, governance: GovernanceDep) -> Grants:
    return Grants(session, governance.now)


def open_sessions(governance: GovernanceDep) -> Sessions:
    return governance.sessions


KeysDep = Annotated[Keys, Depends(open_keys)]
PeopleDep = Annotated[People, Depends(open_people)]
ProjectsDep = Annotated[Projects, Depends(open_projects)]
CapturesDep = Annotated[Captures, Depends(open_captures)]
GrantsDep = Annotated[Grants, Depends(open_grants)]
SessionsDep = Annotated[Sessions, Depends(open_sessions)]
