"""Which resources and series are stored already: each is written once."""

from duckdb import DuckDBPyConnection

from lumina_telemetry.rows import Batch, ResourceRow, SeriesRow

MOST_SERIES = 100_000
"""More series than this are refused: each costs memory here and in every query."""


class Known:
    """The ids of what is stored, loaded whenever the file is opened."""

    def __init__(self) -> None:
        self.resources: set[int] = set()
        self.series: set[int] = set()

    def load(self, connection: DuckDBPyConnection) -> None:
        """Read all ids anew."""
        self.resources = {row[0] for row in connection.execute("SELECT id FROM resources").fetchall()}
        self.series = {row[0] for row in connection.execute("SELECT id FROM series").fetchall()}

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

    def _fresh_series(self, rows: list[SeriesRow]) -> dict[int, SeriesRow]:
        room = MOST_SERIES - len(self.series)
        fresh: dict[int, SeriesRow] = {}
        for row in rows:
            if row.id not in self.series and (row.id in fresh or len(fresh) < room):
                fresh[row.id] = row
        return fresh

    def add(self, written: Batch) -> None:
        """What was written is known from now on."""
        self.resources.update(row.id for row in written.resources)
        self.series.update(row.id for row in written.series)
