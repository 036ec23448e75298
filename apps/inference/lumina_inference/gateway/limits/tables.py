"""The statements of the local store, each within the caller's transaction."""

import sqlite3

from lumina_inference.gateway.limits.store import Counter, Line, Sale, Standing, Sum, granted
from lumina_inference.gateway.limits.windows import DAY_SECONDS, window

KEPT_SECONDS = 62 * DAY_SECONDS
LATE_SECONDS = 3600
_COUNTER = "subject = ? AND unit = ? AND begins = ? AND ends = ?"


def register(db: sqlite3.Connection, owner: str) -> None:
    db.execute("INSERT OR IGNORE INTO owners VALUES (?)", (owner,))


def owners(db: sqlite3.Connection) -> list[str]:
    return [owner for (owner,) in db.execute("SELECT owner FROM owners")]


def forget(db: sqlite3.Connection, owner: str) -> None:
    """Free what an owner has on lease; what it has reported stays."""
    db.execute("DELETE FROM leases WHERE owner = ?", (owner,))
    db.execute("DELETE FROM owners WHERE owner = ?", (owner,))


def settled(db: sqlite3.Connection, counter: Counter) -> int:
    row = db.execute(f"SELECT settled FROM counters WHERE {_COUNTER}", counter).fetchone()  # nosec B608  # a constant
    return int(row[0]) if row else 0


def sales(db: sqlite3.Connection, day: int) -> dict[Sale, Sum]:
    return {Sale(*row[:5]): Sum(*row[5:]) for row in db.execute("SELECT * FROM sales WHERE day >= ?", (day,))}


def add_sales(db: sqlite3.Connection, sold: dict[Sale, Sum]) -> None:
    """Book sales, and count their money for key and project, day and month: a budget may change its period."""
    for sale, total in sold.items():
        db.execute(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " requests = requests + excluded.requests, tokens = tokens + excluded.tokens,"
            " nano_usd = nano_usd + excluded.nano_usd",
            (*sale, *total),
        )
        if total.nano_usd:
            for counter in money_counters(sale):
                _add(db, counter, total.nano_usd)


def money_counters(sale: Sale) -> list[Counter]:
    """The counters that a sale's money belongs to."""
    return [
        Counter(subject, "nano_usd", *window(span, sale.day))
        for subject in (f"key:{sale.key_id}", f"project:{sale.project_id}")
        for span in ("day", "month")
    ]


def settle(db: sqlite3.Connection, line: Line, owner: str, processes: int) -> Standing:
    """Add what was used, and lend what may be lent."""
    counter = line.counter
    if line.used and counter.unit != "nano_usd":
        _add(db, counter, line.used)
    used = settled(db, counter)
    leased = dict(db.execute(f"SELECT owner, amount FROM leases WHERE {_COUNTER}", counter))  # nosec B608
    before = leased.pop(owner, 0)
    if line.limit is None:
        _lease(db, counter, owner, before, 0)
        return Standing(used, 0, 0)
    room = line.limit - used - sum(leased.values())
    held, more = granted(room, line, processes)
    _lease(db, counter, owner, before, held + more)
    return Standing(used, held + more, max(0, room - held - more))


def prune(db: sqlite3.Connection, now: float) -> None:
    """Drop the windows that nobody asks for any more."""
    old = int(now) - KEPT_SECONDS
    late = int(now) - LATE_SECONDS
    db.execute("DELETE FROM sales WHERE day < ?", (old,))
    db.execute("DELETE FROM counters WHERE ends < ? OR (unit != 'nano_usd' AND ends < ?)", (old, late))
    db.execute("DELETE FROM leases WHERE ends < ?", (late,))


def _add(db: sqlite3.Connection, counter: Counter, amount: int) -> None:
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET settled = settled + excluded.settled",
        (*counter, amount),
    )


def _lease(db: sqlite3.Connection, counter: Counter, owner: str, before: int, amount: int) -> None:
    if amount == before:
        return
    if amount == 0:
        db.execute(f"DELETE FROM leases WHERE {_COUNTER} AND owner = ?", (*counter, owner))  # nosec B608
    else:
        db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?)", (*counter, owner, amount))
