"""Reading fields of a mapping: the type that is wanted, `os.environ/NAME` resolved, everything else reported."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from lumina_inference.config.findings import Findings, Level
from lumina_inference.config.guards import guard
from lumina_inference.config.known import is_known
from lumina_inference.config.tree import Value, walk

REFERENCE = "os.environ/"


_MOST_SHOWN = 60


def shown(value: Value) -> str:
    """A value as a message can show it; not for what may be a secret."""
    if value.mapping is not None or value.items is not None or value.data is None:
        return value.kind
    return repr(value.data)[:_MOST_SHOWN]


def not_text(value: Value) -> str:
    """What is wrong with a value that should be text, and how to mend it where that is plain."""
    quotes = "" if value.items is not None or value.mapping is not None else "; put it in quotes"
    return f"must be text, and is {value.kind}{quotes}"


class LeftOut(Exception):
    """A backend that cannot serve; the file is fine, and the others serve."""

    def __init__(self, at: Value, message: str, level: Level = Level.WARNING) -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.level = level


@dataclass(frozen=True)
class Fields:
    """One mapping of the file, read field by field. A wrong type is reported as an error, and reads as absent."""

    at: Value
    environ: Mapping[str, str]
    findings: Findings

    @property
    def values(self) -> Mapping[str, Value]:
        return self.at.mapping or {}

    def get(self, name: str) -> Value | None:
        """The field, unless it is absent or empty."""
        found = self.values.get(name)
        return found if found is not None and found.data is not None else None

    def text(self, name: str) -> str | None:
        """A text, as it is or from the environment. Raises LeftOut when the variable is not set."""
        found = self.get(name)
        if found is None:
            return None
        if found.text is None:
            self.findings.error(found.line, found.path, not_text(found))
            return None
        return self.resolved(found)

    def resolved(self, value: Value) -> str:
        """The text, or what the variable that it names holds. Raises LeftOut when the variable is not set."""
        text = value.text or ""
        if not text.startswith(REFERENCE):
            return text
        name = text.removeprefix(REFERENCE)
        if not self.environ.get(name):
            raise LeftOut(value, f"the environment variable {name} is not set")
        return self.environ[name]

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A finite number from `least` to `most`, also as text or from the environment."""
        found = self.get(name)
        if found is None:
            return None
        raw = self.resolved(found) if found.text is not None else found.data
        try:
            number = math.nan if isinstance(raw, bool | dict | tuple) or raw is None else float(raw)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            self.findings.error(
                found.line, found.path, f"must be a number from {least:g} to {most:g}, and is {shown(found)}"
            )
            return None
        return number

    def whole(self, name: str, *, least: int, most: int) -> int | None:
        """A whole number from `least` to `most`, also as text or from the environment."""
        number = self.number(name, least=least, most=most)
        if number is None or number.is_integer():
            return None if number is None else int(number)
        found = self.values[name]
        self.findings.error(found.line, found.path, f"must be a whole number, and is {shown(found)}")
        return None

    def flag(self, name: str) -> bool | None:
        """True or false, also as text or from the environment."""
        found = self.get(name)
        if found is None or isinstance(found.data, bool):
            return None if found is None else bool(found.data)
        text = self.resolved(found).casefold() if found.text is not None else ""
        if text in {"true", "false"}:
            return text == "true"
        self.findings.error(found.line, found.path, f"must be true or false, and is {shown(found)}")
        return None

    def texts(self, name: str, what: str) -> tuple[Value, ...]:
        """A list of texts with their places, empty if absent. `what` says in a message what they are."""
        found = self.get(name)
        if found is None:
            return ()
        if found.items is None or any(not item.text for item in found.items):
            wrong = next((item for item in found.items or () if not item.text), found)
            self.findings.error(wrong.line, wrong.path, f"must be a list of {what}, and is {shown(wrong)}")
            return ()
        return found.items

    def one_of(self, name: str, choices: Collection[str]) -> str | None:
        """One of a few words."""
        found, text = self.get(name), self.text(name)
        if found is None or text is None or text in choices:
            return text
        self.findings.error(found.line, found.path, f"must be one of {', '.join(choices)}, and is {shown(found)}")
        return None

    def settled(self, but: Collection[str] = ()) -> "Fields":
        """The same without what refers to a variable that is not set, each with a warning, and without `but`."""
        kept = {name: value for name, value in self.values.items() if name not in but and self._is_set(value)}
        return replace(self, at=replace(self.at, data=kept))

    def _is_set(self, value: Value) -> bool:
        try:
            for each in walk(value):
                self.resolved(each)
        except LeftOut as left_out:
            self.findings.warning(left_out.at.line, left_out.at.path, f"{left_out.message}; the setting is left out")
            return False
        return True

    def section(self, name: str) -> "Fields":
        """A mapping below, empty if absent."""
        found = self.get(name)
        if found is not None and found.mapping is None:
            self.findings.error(found.line, found.path, f"must be a mapping, and is {found.kind}")
            found = None
        return Fields(found or Value({}, self.at.line, f"{self.at.path}.{name}", 0, 0), self.environ, self.findings)

    def report_rest(self, section: str, used: frozenset[str]) -> None:
        """A line for every key that was not used: not yet, or unknown."""
        for name, value in self.values.items():
            if name in used:
                continue
            if instead := guard(section, name):
                self.findings.warning(value.line, value.path, instead)
            elif is_known(section, name):
                self.findings.not_yet(value.line, value.path)
            else:
                self.findings.warning(value.line, value.path, "LiteLLM has no such key; it is ignored")
