"""Conditions as callers write them, on spans as on log records: `<attribute>`, or `<attribute><op><value>`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lumina_telemetry.errors import BadQuery

MOST = 20
MOST_TEXT = 1_000
_WHERE = re.compile(r"(?P<attribute>[^=!~<>]+)(?:(?P<op>!=|=|~|>|<)(?P<value>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Where:
    """One condition. Without `op` it asks whether there is such an attribute at all."""

    attribute: str
    op: str | None
    value: str

    @property
    def number(self) -> float:
        """The value, where it is compared as a number. Raises BadQuery."""
        return number(self.value)

    @property
    def positive(self) -> "Where":
        """The same with `=` for `!=`: what is not so is what remains."""
        return Where(self.attribute, "=" if self.op == "!=" else self.op, self.value)


def parsed(texts: Sequence[str]) -> list[Where]:
    """The conditions of a query. Raises BadQuery."""
    if len(texts) > MOST:
        raise BadQuery(f"{len(texts)} conditions are too many.", next_step=f"Give {MOST} at most.")
    return [_parsed(text) for text in texts]


def number(text: str) -> float:
    """A number that can be compared with. Raises BadQuery."""
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e12:
        raise BadQuery(
            f"{text[:60]!r} is no number that can be compared with.",
            next_step="Operators of conditions are = != ~ > <; after > and < stands a number.",
        )
    return found


def pointer(attribute: str) -> str:
    """Where the attribute stands in the JSON of all (RFC 6901)."""
    return "/" + attribute.replace("~", "~0").replace("/", "~1")


def _parsed(text: str) -> Where:
    parts = _WHERE.fullmatch(text)
    if parts is None or len(text) > MOST_TEXT:
        raise BadQuery(
            f"{text[:60]!r} is no condition.",
            next_step="Write <attribute>, or <attribute><op><value> with op one of = != ~ > <.",
        )
    return Where(parts["attribute"].strip(), parts["op"], parts["value"] or "")
