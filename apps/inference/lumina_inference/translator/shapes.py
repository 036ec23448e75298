"""The types of a request's fields, checked before the library reads them.

It fails on a wrong one as it does on a provider's fault, so that one caller's slip would count against the backend.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from lumina_inference.translator.refusals import Refusal

_Object = dict[str, Any]
_PLACE = re.compile(r"\$\.(\w+)")


class _Said(msgspec.Struct):
    """A message of either API."""

    role: str
    content: str | list[_Object] | None = None
    tool_calls: list[_Object] | None = None


class _Fields(msgspec.Struct):
    """A name means the same in each of the APIs. Fields that are not here are checked where they are read."""

    messages: list[_Said] | None = None
    system: str | list[_Object] | None = None
    instructions: str | list[_Object] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Object] | None = None
    tool_choice: str | _Object | None = None
    functions: list[_Object] | None = None
    response_format: _Object | None = None
    reasoning: _Object | None = None
    reasoning_effort: str | _Object | None = None
    text: _Object | None = None
    thinking: _Object | None = None
    metadata: _Object | None = None
    logit_bias: _Object | None = None
    safety_settings: list[_Object] | None = None
    user: str | None = None


def check_shapes(body: Mapping[str, Any]) -> None:
    """Raises Refusal naming the first field of a wrong type."""
    try:
        msgspec.convert(body, _Fields)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _PLACE.search(text)
        param = place[1] if place else None
        raise Refusal(f"The request has a wrong type: {text[:300]}", param=param, code="invalid_type") from None


def check_objects(items: object, param: str) -> None:
    """Raises Refusal for a list that holds anything but objects."""
    if isinstance(items, list) and not all(isinstance(item, dict) for item in items):
        raise Refusal(f"{param!r} is text, or a list of objects.", param=param, code="invalid_type")


def check_named(items: object, param: str) -> None:
    """Raises Refusal for an item such as `{"type": "function"}` that lacks what its type is called after."""
    for item in items if isinstance(items, list) else [items]:
        fields: _Object = item if isinstance(item, dict) else {}
        kind = fields.get("type")
        if kind in ("function", "json_schema") and not isinstance(fields.get(kind), dict):
            raise Refusal(f"{param!r} has the type {kind!r} and lacks {kind!r}.", param=param, code="invalid_type")
