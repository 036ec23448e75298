"""The session cookie: not for scripts, not for other sites, and under TLS not in clear."""

from starlette.responses import Response

from lumina_governance.sessions.service import Started
from lumina_kit.auth import COOKIE


def put(answer: Response, started: Started, secure: bool) -> None:
    """Hand the browser its session."""
    answer.set_cookie(
        COOKIE, started.token, expires=started.expires_at, path="/", httponly=True, samesite="strict", secure=secure
    )


def take(answer: Response, secure: bool) -> None:
    """Have the browser forget it."""
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=secure)
