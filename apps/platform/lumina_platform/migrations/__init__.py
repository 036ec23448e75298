"""The Alembic histories: one of all apps' tables, and one of captured content, which has a file of its own."""

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class History:
    """Where its revisions are, the newest of them, and the table in which a database says how far it is.

    `head` is known without importing Alembic; a test holds the two together.
    """

    revisions: Path
    head: str
    table: str


SCRIPTS = _HERE
PLATFORM = History(_HERE / "versions", "0003", "alembic_version")
CONTENT = History(_HERE / "content", "0001", "content_version")
