"""The session cookie's content: a JWT that names a row, so that signing out is final."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import jwt

from lumina_governance.errors import SignedOut

PURPOSE = "session tokens"
ALGORITHM = "HS256"
ISSUER = "lumina"
CLAIMS = ["iss", "sub", "jti", "iat", "exp"]


@dataclass(frozen=True)
class Ticket:
    """Who, by which session row, until when."""

    session_id: UUID
    person_id: UUID
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Tokens:
    """Signs tickets and reads them back, under a key that the master key derives for this alone."""

    key: bytes = field(repr=False)

    def sign(self, ticket: Ticket) -> str:
        """The cookie's value."""
        claims = {
            "iss": ISSUER,
            "sub": str(ticket.person_id),
            "jti": str(ticket.session_id),
            "iat": ticket.issued_at,
            "exp": ticket.expires_at,
        }
        return jwt.encode(claims, self.key, ALGORITHM)

    def session_of(self, token: str) -> UUID:
        """The session that a genuine token names; whether it has ended is the row's to say. Raises SignedOut."""
        try:
            # The row's own end is checked against the clock that was handed in; a token that outlives it opens nothing.
            options = {"require": CLAIMS, "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self.key, [ALGORITHM], issuer=ISSUER, options=options)  # type: ignore[arg-type]  # a plain dict is what jwt takes
            return UUID(claims["jti"])
        except (jwt.InvalidTokenError, ValueError):
            raise SignedOut("The session cookie is not one of ours.", next_step="Sign in again.") from None
