"""What a check of a configuration file says, each line with its place in the file."""

from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """An error keeps the file from being used; `not yet` is a key of LiteLLM's that this version does not act on."""

    ERROR = "error"
    WARNING = "warning"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Finding:
    """One line of a report. `line` counts from 1; `path` names the key, as `model_list[0].litellm_params.model`."""

    level: Level
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"line {self.line}: {self.level}: {where}{self.message}"


@dataclass(frozen=True)
class Report:
    """Everything that was found, in the order of the file."""

    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is Level.ERROR)

    @property
    def ok(self) -> bool:
        """Whether the file can be used."""
        return not self.errors


@dataclass
class Findings:
    """A report while it grows."""

    found: list[Finding] = field(default_factory=list)

    def add(self, level: Level, line: int, path: str, message: str) -> None:
        self.found.append(Finding(level, line, path, message))

    def error(self, line: int, path: str, message: str) -> None:
        self.add(Level.ERROR, line, path, message)

    def warning(self, line: int, path: str, message: str) -> None:
        self.add(Level.WARNING, line, path, message)

    def not_yet(self, line: int, path: str, message: str = "accepted, and not acted on yet") -> None:
        self.add(Level.NOT_YET, line, path, message)

    def report(self) -> Report:
        """What was found, each once, in the order of the file."""
        return Report(tuple(sorted(dict.fromkeys(self.found), key=lambda finding: finding.line)))
