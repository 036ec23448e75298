"""What a caller may say about its own request: time limits, retries, tags and fallbacks, by LiteLLM's names."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import DecodeError, Raw, json
from multidict import istr

from lumina_inference.gateway.errors import BadRequest

_LEAST_SECONDS, _MOST_SECONDS = 1e-3, 86_400.0
_MOST_RETRIES = 10
_MOST_NAMES = 20
_MOST_TAGS = 50
_SHOWN = 40
_PREFIX = "x-litellm-"
IN_BODY = ("timeout", "stream_timeout", "num_retries", "max_retries", "fallbacks", "disable_fallbacks", "tags")
"""Fields of a body that are for the gateway, and do not go on."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """None where the caller says nothing. Times are in seconds, for one attempt."""

    timeout: float | None = None
    stream_timeout: float | None = None
    num_retries: int | None = None
    tags: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] | None = None


NONE = Wishes()


def read(headers: Mapping[str, str], fields: Mapping[str, Raw]) -> Wishes:
    """The caller's wishes; a header goes before a field of the body. Raises BadRequest that names what is wrong."""
    if _WISHED.isdisjoint(fields) and not any(name in headers for name in _HEADERS):
        return NONE
    return Wishes(
        timeout=_seconds("timeout", headers, fields),
        stream_timeout=_seconds("stream_timeout", headers, fields),
        num_retries=_retries(headers, fields),
        tags=_tags(headers, fields),
        fallbacks=_fallbacks(fields),
    )


_HEADERS = tuple(istr(f"{_PREFIX}{name}") for name in ("timeout", "stream-timeout", "num-retries", "tags"))
_WISHED = frozenset({*IN_BODY, "metadata"})


def _seconds(name: str, headers: Mapping[str, str], fields: Mapping[str, Raw]) -> float | None:
    number, text = _number(name, headers, fields)
    if number is not None and not _LEAST_SECONDS <= number <= _MOST_SECONDS:
        raise BadRequest(f"{name!r} must be seconds above 0, at most {_MOST_SECONDS:g}, and is {text!r}.", param=name)
    return number


def _retries(headers: Mapping[str, str], fields: Mapping[str, Raw]) -> int | None:
    for name in ("num_retries", "max_retries"):
        number, text = _number(name, headers, fields)
        if number is None:
            continue
        if not (0 <= number <= _MOST_RETRIES and number.is_integer()):
            raise BadRequest(f"{name!r} must be a whole number up to {_MOST_RETRIES}, and is {text!r}.", param=name)
        return int(number)
    return None


def _number(name: str, headers: Mapping[str, str], fields: Mapping[str, Raw]) -> tuple[float | None, str]:
    """The number and how it was given; not a number (NaN) for what is none."""
    text = headers.get(_PREFIX + name.replace("_", "-"))
    if text is None:
        text = bytes(fields.get(name, b"null")).decode("utf-8", "replace").strip('"')
    try:
        return None if text == "null" else float(text), text[:_SHOWN]
    except ValueError:
        return math.nan, text[:_SHOWN]


def _tags(headers: Mapping[str, str], fields: Mapping[str, Raw]) -> tuple[str, ...]:
    text = headers.get(f"{_PREFIX}tags")
    if text is not None:
        return tuple(tag for part in text.split(",")[:_MOST_TAGS] if (tag := part.strip()))
    given = fields.get("tags")
    if given is not None and bytes(given) != b"null":
        tags = _texts(given)
        if tags is None:
            raise BadRequest("'tags' must be a list of strings.", param="tags")
    else:  # what `metadata` holds is the caller's own affair, so nothing in it is an error
        inside = _inside(fields.get("metadata"), "tags")
        tags = _texts(inside) if inside is not None else None
    return (tags or ())[:_MOST_TAGS]


def _inside(raw: Raw | None, name: str) -> Raw | None:
    if raw is None:
        return None
    try:
        return json.decode(raw, type=dict[str, Raw]).get(name)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _fallbacks(fields: Mapping[str, Raw]) -> tuple[str, ...] | None:
    """Models to try after the one that was asked for; none at all with `disable_fallbacks`."""
    disabled = bytes(fields.get("disable_fallbacks", b"false"))
    if disabled not in (b"true", b"false", b"null"):
        raise BadRequest("'disable_fallbacks' must be true or false.", param="disable_fallbacks")
    if disabled == b"true":
        return ()
    given = fields.get("fallbacks")
    if given is None or bytes(given) == b"null":
        return None
    models = _texts(given)
    if models is None or len(models) > _MOST_NAMES:
        raise BadRequest(f"'fallbacks' must be a list of at most {_MOST_NAMES} model names.", param="fallbacks")
    return models


def _texts(raw: Raw) -> tuple[str, ...] | None:
    try:
        return json.decode(raw, type=tuple[str, ...])
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
