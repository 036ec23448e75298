"""Who is calling, and whether they may: one dependency for every route."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from fastapi import Depends, Request

from lumina_kit import logs
from lumina_kit.errors import LuminaError, Refused, Unauthenticated
from lumina_kit.ledger import Actor
from lumina_kit.roles import GRANTED_ONLY, INSTALLATION_WIDE, Permission, Role, Scope, permissions

COOKIE = "lumina_session"
PROJECT_HEADER = "x-lumina-project"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignOrigin(Refused):
    code = "foreign_origin"
    title = "The request came from another site"


@dataclass(frozen=True)
class Principal:
    """A signed-in person or a key, in the project that this request is about.

    `everywhere` means that it may name any project with the header `X-Lumina-Project`, and may do what is
    installation-wide. `granted` is what an admin has granted it in this project, beside its role and scopes.
    """

    kind: Literal["person", "key"]
    id: UUID
    name: str
    role: Role | None
    scopes: frozenset[Scope]
    project_id: UUID
    everywhere: bool = False
    session_id: UUID | None = None
    granted: frozenset[Permission] = frozenset()

    @property
    def permissions(self) -> frozenset[Permission]:
        given = permissions(self.role, self.scopes)
        return (given if self.everywhere else given - INSTALLATION_WIDE) | self.granted

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, str(self.id), self.name)


class Authenticator(Protocol):
    """Turns a credential into a principal, or raises Unauthenticated. Governance has one."""

    async def by_key(self, key: str, project: str | None) -> Principal: ...

    async def by_session(self, token: str, project: str | None) -> Principal: ...


async def signed_in(request: Request) -> Principal:
    """The caller, by `Authorization: Bearer` or by the session cookie. Raises Unauthenticated."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = await _authenticated(request)
        request.state.principal = known
        logs.bind(principal=f"{known.kind}:{known.id}")
    return known


def require(permission: Permission) -> Any:
    """A dependency that gives the caller if it has this permission, and raises Refused if not."""

    async def permitted(request: Request) -> Principal:
        caller = await signed_in(request)
        if permission not in caller.permissions:
            raise _refused(permission, caller)
        return caller

    permitted.permission = permission  # type: ignore[attr-defined]  # read by the test that walks every route
    return Depends(permitted)


async def still(request: Request, permission: Permission) -> Principal | None:
    """Who a request that goes on and on is of, asked anew; None where they may no longer."""
    try:
        caller = await _authenticated(request)
    except LuminaError:
        return None
    return caller if permission in caller.permissions else None


def _refused(permission: Permission, caller: Principal) -> Refused:
    if permission in GRANTED_ONLY:
        return Refused(
            f"This needs {permission}, which no role has, and nobody has granted it to {caller.name} in this project.",
            next_step="Ask an admin of Lumina to grant it: `lumina people grant`, `lumina keys grant`.",
        )
    if caller.role is Role.ADMIN:
        return Refused(
            f"This needs {permission}, and a key with the role admin has only what concerns its project.",
            next_step="Sign in as an admin, or use the key in admin.key.",
        )
    held = f"the role {caller.role}" if caller.role else f"the scopes {', '.join(sorted(caller.scopes))}"
    return Refused(f"This needs {permission}, which {held} does not have.", next_step="Ask an admin of Lumina.")


async def _authenticated(request: Request) -> Principal:
    authenticator: Authenticator = request.app.state.authenticator
    project = request.headers.get(PROJECT_HEADER)
    header = request.headers.getlist("authorization")
    if header:
        return await authenticator.by_key(_bearer(header), project)
    token = request.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated(
            "This needs a key or a session.",
            next_step="Send 'Authorization: Bearer <key>' (the first key is in $LUMINA_HOME/admin.key) or sign in.",
        )
    check_origin(request)
    return await authenticator.by_session(token, project)


def check_origin(request: Request) -> None:
    """Refuse an unsafe method that another site's page sent with our cookie."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin", "")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if origin.lower() != own.lower():
        raise ForeignOrigin(
            f"The origin {origin[:200]!r} is not this server, {own[:200]}.",
            next_step="Use a key instead of a session; if a proxy ends TLS, set LUMINA_PLATFORM_TRUSTED_PROXIES.",
        )


def _bearer(values: list[str]) -> str:
    scheme, _, key = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated(
            "The Authorization header is not one 'Bearer <key>'.", next_step="Send exactly one, with one key."
        )
    return key.strip()
