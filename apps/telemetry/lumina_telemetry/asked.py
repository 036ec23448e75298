"""Parameters that many queries share. An unknown one is refused: a misspelt filter would silently find too much."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

LONGEST_TEXT = 1000
LONGEST_CURSOR = 400
MOST_ROWS = 500

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Moment = Annotated[str, Field(min_length=1, max_length=40)]
Where = Annotated[list[Text], Field(max_length=20)]

_TIME = "RFC 3339 or seconds since 1970"


TraceId = Annotated[str, Path(min_length=1, max_length=64, description="32 hexadecimal digits.")]


class Window(BaseModel):
    """From when to when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Moment | None = Field(None, description=f"From this time on, {_TIME}; default an hour before the end.")
    end: Moment | None = Field(None, description=f"Before this time, {_TIME}; default now.")


class Listed(BaseModel):
    """Page by page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(None, ge=1, le=MOST_ROWS, description="Rows on a page.")
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR, description="`next` of the page before.")


class Paged(Listed, Window):
    """Page by page, from when to when."""
