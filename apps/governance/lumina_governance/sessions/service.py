"""Signing in and out. Each step is a transaction of its own, and none is open while argon2 works."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from pydantic import SecretStr

from lumina_governance.changes import announce
from lumina_governance.errors import LinkSpent, PersonDisabled, WrongCredentials
from lumina_governance.people.models import BUILTIN_LOGIN, LOGIN_PATTERN, Person
from lumina_governance.people.passwords import Passwords
from lumina_governance.people.store import PersonStore
from lumina_governance.sessions.store import LinkRow, SessionStore
from lumina_governance.sessions.throttle import Throttle
from lumina_governance.sessions.tokens import Ticket, Tokens
from lumina_governance.settings import GovernanceSettings
from lumina_kit.auth import Principal
from lumina_kit.clock import Clock
from lumina_kit.database import Database
from lumina_kit.ledger import Actor, Change

LOGIN = re.compile(LOGIN_PATTERN)


@dataclass(frozen=True)
class Started:
    """A new session: the cookie's value, and whose it is."""

    token: str
    person: Person
    expires_at: datetime


@dataclass(frozen=True)
class Link:
    """A one-time way in; its token is in no table and no log."""

    token: str
    person: Person
    expires_at: datetime


@dataclass(frozen=True)
class Sessions:
    """Signs people in and out."""

    database: Database
    passwords: Passwords
    tokens: Tokens
    settings: GovernanceSettings
    by_login: Throttle
    by_address: Throttle
    now: Clock

    async def begin_with_password(self, login: str, password: SecretStr, address: str) -> Started:
        """Sign in. Raises WrongCredentials, whatever is wrong, and TooManySignIns."""
        person = await self.confirmed(login, password, address)
        return await self._begin(person, "password")

    async def begin_with_link(self, token: str) -> Started:
        """Sign in with a one-time link. Raises LinkSpent."""
        async with self.database.session() as session:
            person_id = await SessionStore(session).spend_link(_digest(token), self.now())
            person = await PersonStore(session).get(person_id) if person_id else None
        if person is None or not person.is_active:
            raise LinkSpent("The link was used, or is too old.", next_step="`lumina people link` makes another.")
        return await self._begin(person, "link")

    async def confirm_own(self, person_id: UUID, password: SecretStr | None, address: str) -> None:
        """Check a person's current password, if there is one, before it is changed. Raises as `confirmed` does."""
        async with self.database.session() as session:
            person = await PersonStore(session).get(person_id)
        if person.has_password:
            try:
                await self.confirmed(person.login, password or SecretStr(""), address)
            except WrongCredentials:
                raise WrongCredentials(
                    "The current password is missing or wrong.",
                    next_step="Send it as `current`, or ask an admin to set another.",
                ) from None

    async def confirmed(self, login: str, password: SecretStr, address: str) -> Person:
        """The active person with this login and password. Raises WrongCredentials, TooManySignIns."""
        name = login.lower() if LOGIN.fullmatch(login) else ""
        self.by_address.take(address)
        self.by_login.take(name)
        async with self.database.session() as session:
            found = await PersonStore(session).password_of(name)
        stored = found[1] if found and found[0].is_active else None
        if not await self.passwords.matches(stored, password.get_secret_value()) or found is None:
            raise WrongCredentials(
                "Login or password is wrong.", next_step="`lumina people link` makes a sign-in link."
            )
        self.by_login.forget(name)
        return found[0]

    async def make_link(self, person_id: UUID | None, who: Actor) -> Link:
        """A one-time link for a person, else for the built-in admin. Raises PersonNotFound, PersonDisabled."""
        token, now = secrets.token_urlsafe(32), self.now()
        expires_at = now + self.settings.link_time
        async with self.database.session() as session:
            people = PersonStore(session)
            person = await people.get(person_id) if person_id else await people.by_login(BUILTIN_LOGIN)
            _check_active(person)
            row = LinkRow(id=uuid4(), sha256=_digest(token), person_id=person.id, created_at=now, expires_at=expires_at)
            await SessionStore(session).add_link(row)
            await announce(session, _change("link.created", person, who), now)
        return Link(token, person, expires_at)

    async def end(self, who: Principal) -> None:
        """Sign the caller out of the session that this request came with."""
        async with self.database.session() as session:
            person = await PersonStore(session).get(who.id)
            if who.session_id is not None:
                await SessionStore(session).end(who.session_id)
            await announce(session, _change("session.ended", person, who.actor), self.now())

    async def end_all(self, person_id: UUID, who: Actor) -> None:
        """Sign a person out everywhere. Raises PersonNotFound."""
        async with self.database.session() as session:
            person = await PersonStore(session).get(person_id)
            await SessionStore(session).end_all(person_id)
            await announce(session, _change("session.ended_everywhere", person, who), self.now())

    async def _begin(self, person: Person, way: str) -> Started:
        now = self.now()
        ticket = Ticket(uuid4(), person.id, now, now + self.settings.session_time)
        async with self.database.session() as session:
            await SessionStore(session).begin(ticket)
            who = Actor("person", str(person.id), person.login)
            await announce(session, _change("session.started", person, who, way), now)
        return Started(self.tokens.sign(ticket), person, ticket.expires_at)


def _check_active(person: Person) -> None:
    if not person.is_active:
        raise PersonDisabled(
            f"{person.login} is disabled, and a link would not let them in.",
            next_step=f"`lumina people enable {person.login}` first, or make a link for someone else.",
        )


def _change(action: str, person: Person, who: Actor, way: str | None = None) -> Change:
    return Change(
        action=action,
        subject_kind="person",
        subject_id=str(person.id),
        subject_name=person.login,
        actor=who,
        project_id=None,
        after={"way": way} if way else None,
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
