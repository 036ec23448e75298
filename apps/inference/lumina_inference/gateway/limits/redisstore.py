"""The store of several machines: Redis, with one script for a whole report."""

from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from msgspec import json

from lumina_inference.gateway.limits.store import (
    Answer,
    Counter,
    Line,
    Report,
    Sale,
    Standing,
    StoreUnavailable,
    Sum,
)
from lumina_inference.gateway.limits.tables import KEPT_SECONDS, LATE_SECONDS, money_counters
from lumina_inference.gateway.limits.windows import DAY_SECONDS
from lumina_kit.clock import Clock, utc_now

if TYPE_CHECKING:
    from redis.asyncio import Redis

_PREFIX = "{lumina}:limits:"  # the braces keep all keys in one slot of a cluster
_TIMEOUT_SECONDS = 1.0
_WHATS = ("requests", "tokens", "nano_usd")


class RedisStore:
    """Shared by every gateway that names the same Redis.

    A process that has not reported for `dead_seconds` is taken for dead, and its leases are free again. If it comes
    back it keeps of them what is still left.
    """

    def __init__(self, url: str, now: Clock = utc_now, dead_seconds: int = 15) -> None:
        self._url = url
        self._now = now
        self._dead_seconds = dead_seconds
        self._owner = uuid4().hex
        self._script = (files(__package__) / "exchange.lua").read_text()
        self._client: Redis | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._client is None:
            return
        from redis.exceptions import RedisError

        with suppress(StoreUnavailable):  # the leases are then freed as those of the dead are
            await self._ask("ZREM", f"{_PREFIX}owners", self._owner)
        with suppress(RedisError, OSError):  # a connection that hangs may not close in time
            await self._client.aclose()

    async def exchange(self, report: Report) -> Answer:
        keys, arguments = self._call(report)
        answer = await self._ask("EVAL", self._script, len(keys), *keys, *arguments)
        numbers = [int(value) for value in answer]
        rows = zip(numbers[1::3], numbers[2::3], numbers[3::3], strict=True)
        return Answer(tuple(Standing(*row) for row in rows), numbers[0])

    async def settled(self, counter: Counter) -> int:
        return int(await self._ask("HGET", _key(counter), "settled") or 0)

    async def sales(self, day: int) -> dict[Sale, Sum]:
        sold: dict[Sale, Sum] = {}
        for begins in range(day - day % DAY_SECONDS, int(self._now().timestamp()) + 1, DAY_SECONDS):
            if begins > self._now().timestamp() - KEPT_SECONDS:
                _read_book(begins, await self._ask("HGETALL", _book(begins)), sold)
        return sold

    def _call(self, report: Report) -> tuple[list[str], list[str | int]]:
        keys = [f"{_PREFIX}owners", f"{_PREFIX}reported:{self._owner}", *(_key(line.counter) for line in report.lines)]
        now = int(self._now().timestamp())
        arguments: list[str | int] = [self._owner, report.number, self._dead_seconds, KEPT_SECONDS, len(report.lines)]
        for line in report.lines:
            arguments += _line(line, now)
        for sale, total in report.sales.items():
            keys += [_book(sale.day), *(_key(counter) for counter in money_counters(sale))]
            arguments += [*(_field(sale, what) for what in _WHATS), *total, KEPT_SECONDS]
        return keys, arguments

    async def _ask(self, *command: str | int) -> Any:
        from redis.exceptions import RedisError  # only its users pay for the import

        try:
            self._client = self._client or self._connect()
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # it has no types
        except (RedisError, OSError, ValueError) as error:  # a ValueError is a bad address
            raise StoreUnavailable(f"Redis: {error}") from error

    def _connect(self) -> "Redis":
        from redis.asyncio import Redis

        return Redis.from_url(
            self._url,
            decode_responses=True,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )


def _key(counter: Counter) -> str:
    return f"{_PREFIX}counter:{counter.unit}:{counter.begins}:{counter.ends}:{counter.subject}"


def _book(day: int) -> str:
    return f"{_PREFIX}sales:{day}"


def _field(sale: Sale, what: str) -> str:
    return json.encode([*sale[1:], what]).decode()


def _line(line: Line, now: int) -> list[str | int]:
    money = line.counter.unit == "nano_usd"
    kept = KEPT_SECONDS if money else LATE_SECONDS
    limit = "" if line.limit is None else line.limit
    return [limit, 0 if money else line.used, line.held, line.wanted, max(0, line.counter.ends - now) + kept]


def _read_book(day: int, fields: dict[str, Any], sold: dict[Sale, Sum]) -> None:
    for field, amount in fields.items():
        *names, what = json.decode(field, type=list[str])
        sale = Sale(day, *names)
        sold[sale] = sold.get(sale, Sum(0, 0, 0))._replace(**{what: int(amount)})
