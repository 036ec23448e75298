"""Which resources and series are stored already: each is written once."""

from collections import Counter
from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from lumina_telemetry.rows import Batch, ResourceRow, SeriesRow, owner

MOST_SERIES = 100_000
"""Of all projects together, and as many of Lumina itself: each costs memory here and in every query."""
MOST_OF_A_PROJECT = 50_000
"""Of one project: more than are alive at a time, as those that ended stay until their points go."""


class Known:
    """The ids of what is stored, loaded whenever the file is opened."""

    def __init__(self, most: int = MOST_SERIES, most_of_a_project: int = MOST_OF_A_PROJECT) -> None:
        self._most, self._most_of_a_project = most, most_of_a_project
        self.resources: set[int] = set()
        self.series: set[int] = set()
        self._counts: Counter[str | None] = Counter()

    def load(self, connection: DuckDBPyConnection) -> None:
        """Read all ids anew."""
        self.resources = {row[0] for row in connection.execute("SELECT id FROM resources").fetchall()}
        found = connection.execute("SELECT id, name, project FROM series").fetchall()
        self.series = {row[0] for row in found}
        self._counts = Counter(owner(name, project) for _, name, project in found)

    def fresh(self, batch: Batch) -> Batch:
        """The batch without the resources and series that are stored, and without points beyond the most series."""
        resources = {row.id: row for row in batch.resources if row.id not in self.resources}
        series = self._fresh_series(batch.series)
        return Batch(
            spans=batch.spans,
            logs=batch.logs,
            resources=list[ResourceRow](resources.values()),
            series=list[SeriesRow](series.values()),
            numbers=[row for row in batch.numbers if row.series in self.series or row.series in series],
            histograms=[row for row in batch.histograms if row.series in self.series or row.series in series],
        )

    def crowded(self, batch: Batch, fresh: Batch) -> Counter[str | None]:
        """How many points of a batch are not in what was written of it, by project; None: Lumina's own."""
        owners = {row.id: owner(row.name, row.project) for row in batch.series}
        return _by(owners, batch) - _by(owners, fresh)

    def _fresh_series(self, rows: list[SeriesRow]) -> dict[int, SeriesRow]:
        counts = self._counts.copy()
        fresh: dict[int, SeriesRow] = {}
        for row in rows:
            whose = owner(row.name, row.project)
            if row.id in self.series or row.id in fresh or self._full(whose, counts):
                continue
            counts[whose] += 1
            fresh[row.id] = row
        return fresh

    def _full(self, whose: str | None, counts: Counter[str | None]) -> bool:
        if whose is None:
            return counts[None] >= self._most
        return counts[whose] >= self._most_of_a_project or counts.total() - counts[None] >= self._most

    def add(self, written: Batch) -> None:
        """What was written is known from now on."""
        self.resources.update(row.id for row in written.resources)
        self.series.update(row.id for row in written.series)
        self._counts.update(owner(row.name, row.project) for row in written.series)


def _by(owners: Mapping[int, str | None], batch: Batch) -> Counter[str | None]:
    series = [*(row.series for row in batch.numbers), *(row.series for row in batch.histograms)]
    return Counter(owners.get(each) for each in series)
