"""Reading fields of a mapping: the type that is wanted, `os.environ/NAME` resolved, everything else reported."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lumina_inference.config.findings import Findings, Level
from lumina_inference.config.known import is_known
from lumina_inference.config.tree import Value

REFERENCE = "os.environ/"


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
            self.findings.error(found.line, found.path, f"must be text, and is {found.kind}; put it in quotes")
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
            self.findings.error(found.line, found.path, f"must be a number from {least:g} to {most:g}")
            return None
        return number

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
            if is_known(section, name):
                self.findings.not_yet(value.line, value.path)
            else:
                self.findings.warning(value.line, value.path, "LiteLLM has no such key; it is ignored")
