"""Cursors: where a list goes on, as opaque text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from lumina_telemetry.errors import BadQuery


def cursor_of(*position: int) -> str:
    """The cursor of a position."""
    return urlsafe_b64encode(".".join(f"{part:x}" for part in position).encode()).decode().rstrip("=")


def position_of(cursor: str, parts: int) -> tuple[int, ...]:
    """The position that a cursor names. Raises BadQuery."""
    try:
        text = urlsafe_b64decode((cursor + "=" * (-len(cursor) % 4)).encode()).decode()
        position = tuple(int(part, 16) for part in text.split("."))
    except (Base64Error, ValueError):
        position = ()
    if len(position) != parts or any(abs(part) >= 2**64 for part in position):
        raise BadQuery(f"{cursor[:60]!r} is not a cursor.", next_step="Use `next` of the page before, unchanged.")
    return position
