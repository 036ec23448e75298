"""The words of a streamed answer, joined from its server-sent events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

DATA = "data:"
END = "[DONE]"


def words(text: str) -> str | None:
    """What was said; None where it is no stream, or one that holds more than words, such as calls of tools."""
    if not text.startswith((DATA, "event:")):
        return None
    try:
        said = [_said(event) for event in _events(text)]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None  # of a provider that speaks otherwise, or cut
    known = [each for each in said if each is not None]
    return "".join(known) if len(known) == len(said) and any(known) else None


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        data = line.removeprefix(DATA).strip()
        if line.startswith(DATA) and data != END:
            yield json.loads(data)


def _said(event: Mapping[str, Any]) -> str | None:
    """The words of one event, maybe none; None if there is something else in it."""
    kind = str(event.get("type", ""))
    if "choices" in event:
        said = [_of_choice(choice) for choice in event["choices"]]
        return None if None in said else "".join(map(str, said))
    if kind == "content_block_delta":
        text: str | None = event["delta"].get("text")
        return text
    if kind == "response.output_text.delta":
        return str(event["delta"])
    return None if kind.endswith((".delta", "error", "failed")) or event.get("error") else ""


def _of_choice(choice: Mapping[str, Any]) -> str | None:
    """Several choices at once would be mixed up."""
    delta = choice["delta"] if "delta" in choice else {"content": choice["text"]}
    others = any(value for name, value in delta.items() if name not in ("role", "content"))
    return None if others or choice.get("index") else delta.get("content") or ""
