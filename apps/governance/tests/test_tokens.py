from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from lumina_governance.errors import SignedOut
from lumina_governance.sessions.tokens import Ticket, Tokens

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = b"k" * 32


def ticket() -> Ticket:
    return Ticket(uuid4(), uuid4(), NOON, NOON + timedelta(hours=12))


def test_token_names_its_session() -> None:
    made = ticket()

    assert Tokens(KEY).session_of(Tokens(KEY).sign(made)) == made.session_id


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x.y.z",
        Tokens(b"another key of 32 bytes length..").sign(ticket()),
        jwt.encode({"jti": str(uuid4())}, KEY, "HS256"),
        jwt.encode(
            {"jti": str(uuid4()), "sub": "a", "iss": "lumina", "iat": NOON, "exp": NOON}, key="", algorithm="none"
        ),
        jwt.encode({"jti": "no id", "sub": "a", "iss": "lumina", "iat": NOON, "exp": NOON}, KEY, "HS256"),
        jwt.encode({"jti": str(uuid4()), "sub": "a", "iss": "other", "iat": NOON, "exp": NOON}, KEY, "HS256"),
    ],
    ids=["empty", "garbage", "other key", "claims missing", "unsigned", "bad id", "other issuer"],
)
def test_token_that_is_not_ours_opens_nothing(token: str) -> None:
    with pytest.raises(SignedOut):
        Tokens(KEY).session_of(token)
