"""Follows `logs/lumina.log` and queues what it says. The file waits: what the queue refuses is read again later."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lumina_telemetry.errors import DiskFull, IntakeFull
from lumina_telemetry.journal import reader
from lumina_telemetry.journal.reader import Position, Reader
from lumina_telemetry.journal.records import ACCESS, Records
from lumina_telemetry.measures import Measures
from lumina_telemetry.rows import Batch, LogRow
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.pending import Pending

POLL_SECONDS = 0.5
RECORDS_A_SECOND = 1000
BURST = 10_000


@dataclass
class Allowance:
    """How many records may be taken: so many a second, and a burst after a quiet time."""

    left: float = BURST
    _at: float = field(default_factory=time.monotonic)

    def take(self, wanted: int) -> int:
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self._at) * RECORDS_A_SECOND)
        self._at = now
        taken = min(wanted, int(self.left))
        self.left -= taken
        return taken


class Follower:
    """Keeps in `kept` how far the log is stored: a restart loses nothing and repeats one flush at most."""

    def __init__(
        self,
        log: Path,
        kept: Path,
        pending: Pending,
        settings: TelemetrySettings,
        measures: Measures,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._reader = Reader(log, reader.load(kept))
        self._kept = kept
        self._pending = pending
        self._records = Records(settings)
        self._measures = measures
        self._now_ns = now_ns
        self._allowance = Allowance()
        self._unstored: deque[tuple[LogRow, Position]] = deque(maxlen=BURST)
        self._reached: Position | None = None
        self._ended = False
        pending.listen(self._stored)

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            while True:
                if not await self.step():
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self.close()

    def close(self) -> None:
        """Read no more. What is flushed from now on is still noted as stored."""
        self._ended = True
        self._keep()
        self._reader.close()

    async def step(self) -> bool:
        """Take what is new, up to some 256 KiB. Whether there was anything."""
        rows, lines = await asyncio.to_thread(self._read)
        position = self._reader.position
        while rows and not self._offered(rows):  # noqa: ASYNC110 - no event tells that the queue has room
            await asyncio.sleep(POLL_SECONDS)
        if rows and position:
            self._unstored.append((rows[-1], position))
        elif lines and not self._unstored:
            self._reached = position
        await asyncio.to_thread(self._keep)
        return lines > 0

    def _read(self) -> tuple[list[LogRow], int]:
        lines = self._reader.read()
        told = [line for line in lines if line and ACCESS not in line]
        taken = self._allowance.take(len(told))
        if lost := len(told) - taken:
            self._measures.dropped("logs", "journal_rate", lost)
        now_ns = self._now_ns()
        return [self._records.of(line, now_ns) for line in told[:taken]], len(lines)

    def _offered(self, rows: list[LogRow]) -> bool:
        try:
            self._pending.offer(Batch(logs=rows))
        except (IntakeFull, DiskFull):
            return False
        self._measures.received("logs", len(rows))
        return True

    def _stored(self, batch: Batch) -> None:
        """A flush is done: the position goes on to the last of our rows in it."""
        stored = {id(row) for row in batch.logs} if self._unstored else set()
        done = [number for number, (row, _) in enumerate(self._unstored) if id(row) in stored]
        for _ in range(done[-1] + 1 if done else 0):
            _, self._reached = self._unstored.popleft()
        if self._ended:
            self._keep()

    def _keep(self) -> None:
        reached, self._reached = self._reached, None
        if reached:
            reader.keep(self._kept, reached)
