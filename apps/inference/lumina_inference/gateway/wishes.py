"""What a caller may say about its own request: time limits, retries, tags and fallbacks, by LiteLLM's names."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import DecodeError, Raw, json

from lumina_inference.gateway.errors import BadRequest

_MOST_SECONDS = 86_400.0
_MOST_RETRIES = 10
_MOST_NAMES = 20
_MOST_TAGS = 50
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
    given = [name for name in IN_BODY if name in fields]
    said = any(name in headers for name in _HEADERS)
    tagged = b"tags" in bytes(fields["metadata"]) if "metadata" in fields else False
    if not (given or said or tagged):
        return NONE
    return Wishes(
        timeout=_seconds("timeout", headers, fields),
        stream_timeout=_seconds("stream-timeout", headers, fields),
        num_retries=_retries(headers, fields),
        tags=_tags(headers, fields),
        fallbacks=_fallbacks(fields),
    )


_HEADERS = tuple(f"{_PREFIX}{name}" for name in ("timeout", "stream-timeout", "num-retries", "tags"))


def _seconds(name: str, headers: Mapping[str, str], fields: Mapping[str, Raw]) -> float | None:
    return _number(name, headers, fields, _MOST_SECONDS, "seconds above 0")


def _retries(headers: Mapping[str, str], fields: Mapping[str, Raw]) -> int | None:
    number = _number("num-retries", headers, fields, _MOST_RETRIES, f"a whole number up to {_MOST_RETRIES}", least=0)
    number = _number("max-retries", {}, fields, _MOST_RETRIES, "", least=0) if number is None else number
    return None if number is None else int(number)


def _number(
    name: str, headers: Mapping[str, str], fields: Mapping[str, Raw], most: float, what: str, least: float = 1e-3
) -> float | None:
    text = headers.get(_PREFIX + name)
    field = fields.get(name.replace("-", "_"))
    if text is None and field is not None:
        text = bytes(field).decode("utf-8", "replace").strip('"')
    if text is None or text == "null":
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise BadRequest(f"{name!r} must be {what}, at most {most:g}, and is {text[:40]!r}.", param=name)
    return number


def _tags(headers: Mapping[str, str], fields: Mapping[str, Raw]) -> tuple[str, ...]:
    text = headers.get(f"{_PREFIX}tags")
    if text is not None:
        return tuple(tag for part in text.split(",")[:_MOST_TAGS] if (tag := part.strip()))
    for place in (fields.get("tags"), _inside(fields.get("metadata"), "tags")):
        if place is not None and (tags := _texts(place)) is not None:
            return tags[:_MOST_TAGS]
    return ()


def _inside(raw: Raw | None, name: str) -> Raw | None:
    if raw is None:
        return None
    try:
        return json.decode(raw, type=dict[str, Raw]).get(name)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _fallbacks(fields: Mapping[str, Raw]) -> tuple[str, ...] | None:
    """Models to try after the one that was asked for; none at all with `disable_fallbacks`."""
    if bytes(fields.get("disable_fallbacks", b"false")) == b"true":
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
