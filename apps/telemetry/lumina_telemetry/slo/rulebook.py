"""All rules in service: those of rule files, and those that objectives are compiled to."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from lumina_telemetry import rules, slo
from lumina_telemetry.rules.definitions import RuleFile
from lumina_telemetry.rules.library import Library, Problem
from lumina_telemetry.rules.reading import Check, read_rules
from lumina_telemetry.slo.compiling import compiled
from lumina_telemetry.slo.objectives import Objective, ObjectiveFile
from lumina_telemetry.slo.reading import read_objectives


class Rulebook:
    """Reads shipped files, and an operator's own in `rules` and `slos` of the home."""

    def __init__(self, home: Path, check: Check) -> None:
        self._rules: Library[RuleFile] = Library(_shipped(rules), home / "rules", partial(read_rules, check=check))
        self._slos: Library[ObjectiveFile] = Library(
            _shipped(slo), home / "slos", partial(read_objectives, check=check)
        )

    def refresh(self) -> bool:
        """Read what has changed; whether something has."""
        return any([self._rules.refresh(), self._slos.refresh()])

    def files(self) -> Iterable[RuleFile]:
        return [*(entry.content for entry in self._rules.entries.values()), *self.generated()]

    def generated(self) -> list[RuleFile]:
        """The rules of objectives."""
        return [compiled(entry.content) for entry in self._slos.entries.values()]

    @property
    def objectives(self) -> list[Objective]:
        return [each for entry in self._slos.entries.values() for each in entry.content.objectives]

    @property
    def problems(self) -> list[Problem]:
        return [*self._rules.problems, *self._slos.problems]


def _shipped(package: object) -> Path:
    (folder,) = package.__path__  # type: ignore[attr-defined]  # a module's, which its type does not show
    return Path(folder) / "shipped"
