"""Which metrics there are, and what their labels are."""

import re
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from lumina_telemetry import visibility
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.metrics.asking import Span
from lumina_telemetry.metrics.models import MetricInfo, MetricPage
from lumina_telemetry.promql.models import NAME, Labels, key
from lumina_telemetry.promql.selection import HISTOGRAM, Selected, Selector, bound_text
from lumina_telemetry.promql.syntax import parsed, selectors
from lumina_telemetry.times import told
from lumina_telemetry.visibility import Visible

_PAGE = f"""
SELECT name, any_value(kind), any_value(unit), any_value(description), any_value(otel_name), count(DISTINCT labels),
    list(DISTINCT id) FROM series
WHERE {visibility.NAMED}
    AND contains(lower(concat_ws(' ', name, otel_name, description)), $search) AND ($kind IS NULL OR kind = $kind)
    AND name > $after
GROUP BY name ORDER BY name LIMIT $limit"""  # nosec B608
_SEEN = """
SELECT series, max(time_ns) FROM {table} WHERE time_ns BETWEEN $start AND $end AND series IN (SELECT unnest($ids))
GROUP BY series"""
_ALIVE = """
SELECT DISTINCT series FROM {table} WHERE time_ns BETWEEN $start AND $end AND series IN (SELECT unnest($ids))"""
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TABLES = ("numbers", "histograms")


@dataclass(frozen=True)
class CatalogueQuery:
    """A page of the catalogue. `search` is looked for in names and descriptions; `after`: the last name before it."""

    visible: Visible
    search: str
    kind: str | None
    after: str
    limit: int
    seen: Span


def page(connection: DuckDBPyConnection, query: CatalogueQuery) -> MetricPage:
    """The metrics by name, with when each was last seen within the time asked for."""
    asked = {
        "visible": query.visible,
        "search": query.search.lower(),
        "kind": query.kind,
        "after": query.after,
        "limit": query.limit + 1,
    }
    rows = connection.execute(_PAGE, asked).fetchall()
    more, rows = len(rows) > query.limit, rows[: query.limit]
    seen = _seen(connection, [id_ for row in rows for id_ in row[6]], query.seen)
    items = [
        MetricInfo(name, kind, unit, text, otel_name, series, _last([seen[each] for each in ids if each in seen]))
        for name, kind, unit, text, otel_name, series, ids in rows
    ]
    return MetricPage(items, items[-1].name if more else None, None)


def kind_of(connection: DuckDBPyConnection, metric: str, visible: Visible) -> str:
    """The kind of a metric. Raises BadQuery where there is none of this name."""
    sql = f"SELECT kind FROM series WHERE name = $name AND {visibility.NAMED} LIMIT 1"  # nosec B608
    rows = connection.execute(sql, {"name": metric, "visible": visible}).fetchall()
    if not rows:
        raise BadQuery(f"There is no metric {metric[:100]!r}.", next_step="Take a name from /metrics?search=.")
    return str(rows[0][0])


@dataclass(frozen=True)
class Discovery:
    """Looks for series by selectors, within a time if one is given."""

    connection: DuckDBPyConnection
    visible: Visible
    most: int
    seen: Span | None = None

    def series(self, expressions: list[str]) -> list[Labels]:
        """The labels of all series that one of the selectors means."""
        found = {key(labels): labels for expression in expressions for labels in self._one(expression)}
        return [found[each] for each in sorted(found)]

    def labels(self, expressions: list[str]) -> list[str]:
        """The names of their labels; without a selector, all there are."""
        if expressions:
            return sorted({name for labels in self.series(expressions) for name in labels})
        rows = self._rows("SELECT DISTINCT unnest(json_keys(labels)), kind = 'histogram' FROM series WHERE {scope}")
        names = {name for name, _ in rows}
        return sorted(names | ({NAME} if names else set()) | ({"le"} if any(each for _, each in rows) else set()))

    def values(self, label: str, expressions: list[str]) -> list[str]:
        """The values of one label. Raises BadQuery for what is no name of a label."""
        if not _LABEL.fullmatch(label):
            raise BadQuery(f"{label[:60]!r} is no name of a label.", next_step="Take one from labels.")
        if expressions:
            return sorted({labels[label] for labels in self.series(expressions) if label in labels})
        if label == NAME:
            rows = self._rows("SELECT DISTINCT name, kind FROM series WHERE {scope}")
            return sorted({name for each, kind in rows for name in _names(each, kind)})
        if label == "le":
            rows = self._rows("SELECT DISTINCT unnest(bounds), 0 FROM series WHERE kind = 'histogram' AND {scope}")
            return sorted({bound_text(float(bound)) for bound, _ in rows} | ({"+Inf"} if rows else set()))
        rows = self._rows(
            "SELECT DISTINCT json_extract_string(labels, [$label])[1], 0 FROM series WHERE {scope}", label
        )
        return sorted({value for value, _ in rows if value})

    def _one(self, expression: str) -> list[Labels]:
        tree = parsed(expression)
        found = selectors(tree)
        if len(found) != 1:
            raise BadQuery(f"{expression[:100]!r} is no selector.", next_step='Give such as up{job="web"}.')
        selected = Selector(self.connection, self.visible, self.most).select(found[0])
        return list(selected.labels) if self.seen is None else self._alive(selected, self.seen)

    def _alive(self, selected: Selected, seen: Span) -> list[Labels]:
        ids = list({origin.series for origins in selected.origins for origin in origins})
        asked = {"ids": ids, "start": seen.start_ns, "end": seen.end_ns}
        alive = {
            row[0] for table in _TABLES for row in self.connection.execute(_ALIVE.format(table=table), asked).fetchall()
        }
        return [
            labels
            for labels, origins in zip(selected.labels, selected.origins, strict=True)
            if any(origin.series in alive for origin in origins)
        ]

    def _rows(self, sql: str, label: str | None = None) -> list[tuple[str, str]]:
        asked = {"visible": self.visible} | ({} if label is None else {"label": f'$."{label}"'})
        scoped = sql.format(scope=visibility.NAMED)
        return self.connection.execute(scoped, asked).fetchall()


def _names(name: str, kind: str) -> list[str]:
    return [f"{name}{suffix}" for suffix in ("_bucket", "_count", "_sum")] if kind == HISTOGRAM else [name]


def _seen(connection: DuckDBPyConnection, ids: list[int], span: Span) -> dict[int, int]:
    asked = {"ids": ids, "start": span.start_ns, "end": span.end_ns}
    return {
        series: time
        for table in _TABLES
        for series, time in connection.execute(_SEEN.format(table=table), asked).fetchall()
    }


def _last(times: list[int]) -> str | None:
    return told(max(times)) if times else None
