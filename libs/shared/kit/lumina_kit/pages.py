"""Cursor pagination: a page, and an opaque cursor to the next one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from lumina_kit.errors import Invalid

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=500, description="Rows on a page.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")]


class BadCursor(Invalid):
    code = "bad_cursor"
    title = "The cursor is not one of ours"


class Page(BaseModel, Generic[T]):
    """Some rows of many. `next_cursor` is null on the last page."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next_cursor: str | None


def cursor_of(*position: str) -> str:
    """The cursor behind the row at this position."""
    return urlsafe_b64encode("\x1f".join(position).encode()).decode().rstrip("=")


def position_of(cursor: str, parts: int) -> tuple[str, ...]:
    """The position that a cursor names. Raises BadCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = tuple(urlsafe_b64decode(padded.encode()).decode().split("\x1f"))
    except (Base64Error, ValueError):
        position = ()
    if len(position) != parts:
        raise BadCursor(f"{cursor[:60]!r} is not a cursor.", next_step="Use next_cursor of the page before, unchanged.")
    return position


def below(
    at: InstrumentedAttribute[datetime], row_id: InstrumentedAttribute[UUID], cursor: str | None
) -> list[ColumnElement[bool]]:
    """What rows behind the cursor have, newest first by time and id. Raises BadCursor."""
    if cursor is None:
        return []
    time, last = position_of(cursor, 2)
    try:
        passed, passed_id = datetime.fromisoformat(time), UUID(last)
    except ValueError:
        raise BadCursor(
            f"{cursor[:60]!r} is not a cursor of this listing.", next_step="Use next_cursor of the page before."
        ) from None
    return [or_(at < passed, and_(at == passed, row_id < passed_id))]


def page_after(rows: Iterable[T], position: Callable[[T], str], cursor: str | None, limit: int) -> Page[T]:
    """A page of few rows that are all at hand, ordered by a text that is unique among them. Raises BadCursor."""
    (passed,) = position_of(cursor, 1) if cursor else ("",)
    ahead = sorted((row for row in rows if position(row) > passed), key=position)[: limit + 1]
    return page_of(ahead, limit, [cursor_of(position(row)) for row in ahead])


def page_of(rows: list[T], limit: int, cursors: list[str]) -> Page[T]:
    """A page from up to `limit + 1` rows and the cursor of each."""
    more = len(rows) > limit
    return Page(items=rows[:limit], next_cursor=cursors[limit - 1] if more else None)
