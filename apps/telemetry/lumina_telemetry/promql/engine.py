"""The door to PromQL: expressions in, series out, bounded in time, samples and points."""

import time

import numpy as np
from duckdb import DuckDBPyConnection

from lumina_telemetry.errors import BadQuery
from lumina_telemetry.promql.evaluation import Evaluation, Limits
from lumina_telemetry.promql.models import Curve, Grid, Node, Sample, Value, Vector
from lumina_telemetry.promql.reading import Reader
from lumina_telemetry.promql.selection import Selector
from lumina_telemetry.promql.syntax import parsed
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.store.store import Store
from lumina_telemetry.visibility import Visible

MOST_POINTS = 11_000
LATEST_NS = 2**62
STEP_OF_ONE = 10**9
FINEST_STEP_NS = 10**6


class Engine:
    """Evaluates PromQL over the stored metrics. `scope`: only the series that may be seen."""

    def __init__(self, store: Store, settings: TelemetrySettings) -> None:
        self._store = store
        self._settings = settings

    def check(self, expression: str) -> None:
        """Raises UnsupportedPromql for what cannot be evaluated, and names it."""
        parsed(expression)

    async def instant(self, expression: str, at_ns: int, scope: Visible = None) -> list[Sample]:
        """The series at one time; a scalar comes as one series without labels."""
        vector = await self.evaluate(expression, Grid(at_ns, STEP_OF_ONE, 1), scope)
        present = vector.there[:, 0]
        rows = zip(vector.labels, vector.values[:, 0], present, strict=True)
        return [Sample(labels, float(value)) for labels, value, there in rows if there]

    async def range(
        self, expression: str, start_ns: int, end_ns: int, step_ns: int, scope: Visible = None
    ) -> list[Curve]:
        """The series from `start_ns` to `end_ns`, both included, sorted by labels; absent values are left out."""
        grid = _grid(start_ns, end_ns, step_ns)
        vector = await self.evaluate(expression, grid, scope)
        times = grid.times
        curves = [
            Curve(labels, times[there].tolist(), values[there].tolist())
            for labels, values, there in zip(vector.labels, vector.values, vector.there, strict=True)
            if there.any()
        ]
        return sorted(curves, key=lambda curve: sorted(curve.labels.items()))

    async def evaluate(self, expression: str, grid: Grid, scope: Visible) -> Vector:
        """The series over a grid, as arrays."""
        tree = parsed(expression)
        if abs(grid.start_ns) > LATEST_NS:
            raise BadQuery("The time is out of range.", next_step="Give unix seconds, or RFC 3339.")
        return await self._store.read(lambda connection: self._evaluated(connection, tree, grid, scope))

    def _evaluated(self, connection: DuckDBPyConnection, tree: Node, grid: Grid, scope: Visible) -> Vector:
        settings = self._settings
        limits = Limits(settings.query_samples, time.monotonic() + settings.query_seconds)
        selector = Selector(connection, scope, settings.query_series)
        value = Evaluation(selector, Reader(connection, limits.samples), grid, limits).value(tree)
        return _vector(value, grid)


def _vector(value: Value, grid: Grid) -> Vector:
    if isinstance(value, Vector):
        return value
    if isinstance(value, str):
        raise BadQuery("The expression is a text, not a number.", next_step="Ask for a metric or a number.")
    return Vector([{}], value[None, :], np.ones((1, grid.count), dtype=bool))


def _grid(start_ns: int, end_ns: int, step_ns: int) -> Grid:
    if step_ns < FINEST_STEP_NS or end_ns < start_ns:
        raise BadQuery(
            f"The step is {step_ns / 10**9:g} s, from {start_ns} ns to {end_ns} ns.",
            next_step="Give a step of at least a millisecond, and an end that is not before the start.",
        )
    count = (end_ns - start_ns) // step_ns + 1
    if count > MOST_POINTS:
        raise BadQuery(
            f"{count} points for each series are more than {MOST_POINTS}.", next_step="Ask for a longer step."
        )
    return Grid(start_ns, step_ns, count)
