"""The addresses in a request: what is neither sent inside it nor on the web is nothing that a caller may name."""

from collections.abc import Iterator
from typing import Any

from lumina_inference.translator.refusals import Refusal

_SCHEMES = ("data:", "https://", "http://", "gs://")
_NAMES = ("url", "image_url", "file_url")
_DEEPEST = 8


def check_addresses(messages: object) -> None:
    """Raises Refusal for an image or file at an address of another kind, as file: is."""
    for address in _addresses(messages, _DEEPEST):
        if not address.lower().startswith(_SCHEMES):
            raise Refusal(
                f"{address[:100]!r} is no address of an image: send a data: or an https: URL.", param="messages"
            )


def _addresses(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, list) and depth:
        for item in value:
            yield from _addresses(item, depth - 1)
    elif isinstance(value, dict) and depth:
        yield from _addresses_of(value, depth)


def _addresses_of(part: dict[str, Any], depth: int) -> Iterator[str]:
    for name, value in part.items():
        if name in _NAMES and isinstance(value, str):
            yield value
        elif name not in ("input", "arguments"):  # what a tool is given
            yield from _addresses(value, depth - 1)
