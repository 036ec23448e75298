"""The one who talks to the store: reports what was used, and brings leases, one exchange at a time."""

import asyncio
from contextlib import suppress

from lumina_inference.gateway.limits.accounts import Account
from lumina_inference.gateway.limits.book import Book
from lumina_inference.gateway.limits.registry import Registry
from lumina_inference.gateway.limits.store import Report, Store, StoreUnavailable
from lumina_kit import logs
from lumina_kit.clock import Clock

_log = logs.get(__name__)
_GATHER_SECONDS = 0.01
_REMIND_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0


class Exchange:
    """Everybody who waits for a lease is served by the next exchange. `down`: the last one failed."""

    def __init__(self, store: Store, registry: Registry, book: Book, now: Clock, seconds: float) -> None:
        self._store = store
        self._registry = registry
        self._book = book
        self._now = now
        self._seconds = seconds
        self._owners = 1
        self._number = 0
        self._unconfirmed = False
        self._contact = float("inf")
        self._told = float("-inf")
        self._next: asyncio.Future[None] | None = None
        self._wake, self._urgent = asyncio.Event(), asyncio.Event()
        self._stopping = False
        self._due = 0.0
        self.down = False

    def soon(self) -> None:
        """Do not wait for the second to end: a lease runs low."""
        self._wake.set()

    async def once(self) -> None:
        """Wait for an exchange that begins after this call; a store that takes too long is away."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        self._wake.set()
        self._urgent.set()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.shield(self._next)
        except TimeoutError:
            self._suffer(StoreUnavailable(f"no answer in {_PATIENCE_SECONDS:g} s"))

    def lend_alone(self, account: Account) -> None:
        """What may be lent while the store is away. Money of a window that began while it was there may be spent."""
        trusted = account.counter.unit != "nano_usd" or account.counter.begins >= self._contact
        account.lend_alone(self._owners, trusted=trusted)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._urgent.set()

    async def run(self) -> None:
        """Exchange each second, and when it is needed; at the end until all is told, if the store is there."""
        try:
            while not self._stopping:
                await self._pause()
                await self._turn()
            await self._turn()
            if self._registry.touched and not self.down:  # that turn repeated an earlier report
                await self._turn()
        except BaseException:
            self.down = True
            _log.error("the exchange with the store of the limits has ended; restart the gateway", exc_info=True)
            raise
        finally:
            self._answer()

    async def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._due):
                await self._wake.wait()
        if loop.time() >= self._due:
            self._due = loop.time() + self._seconds
            self._keep_house()
            return
        with suppress(TimeoutError):  # others that run low may join, until somebody waits
            async with asyncio.timeout(_GATHER_SECONDS):
                await self._urgent.wait()

    def _keep_house(self) -> None:
        self._registry.keep_house(self._now().timestamp())
        if self._owners > 1:
            self._registry.look_over()

    async def _turn(self) -> None:
        self._wake.clear()
        self._urgent.clear()
        waiting, self._next = self._next, None
        batch, self._registry.touched = self._registry.touched, set()
        try:
            await self._report(batch)
        except StoreUnavailable as error:
            self._registry.touched |= batch
            self._suffer(error)
        finally:
            if waiting is not None:
                waiting.set_result(None)

    async def _report(self, batch: set[Account]) -> None:
        accounts = list(batch)
        if not self._unconfirmed:
            self._freeze(accounts)
        lines = tuple(account.line(self._owners) for account in accounts)
        answer = await self._store.exchange(Report(self._number, lines, self._book.frozen))
        for account, line, standing in zip(accounts, lines, answer.standings, strict=True):
            account.confirm(line, standing)
        self._registry.touched.update(account for account in accounts if account.used)  # since the report was frozen
        self._book.confirm()
        self._unconfirmed = False
        self._owners = answer.owners
        self._recover()

    def _freeze(self, accounts: list[Account]) -> None:
        for account in accounts:
            account.freeze()
        self._book.freeze()
        self._number += 1
        self._unconfirmed = True

    def _suffer(self, error: StoreUnavailable) -> None:
        moment = asyncio.get_running_loop().time()
        self.down = True
        if moment - self._told >= _REMIND_SECONDS:
            self._told = moment
            _log.error(
                "the store of the limits is away; counting in memory, within this process's share of what was left",
                error=str(error),
            )

    def _recover(self) -> None:
        self._contact = self._now().timestamp()
        if self.down:
            self.down, self._told = False, float("-inf")
            _log.warning("the store of the limits is back; what was counted meanwhile is in it")

    def _answer(self) -> None:
        if self._next is not None:
            self._next.set_result(None)
            self._next = None
