"""Cells of histograms: each stored point is summed up once, and only what is left is split into buckets.

The buckets of a long window would otherwise be as many rows as points times buckets, to be sorted for counter resets.
"""

from lumina_telemetry.promql.selection import COUNT, SUM, Selected

MANY_PARTS = 4
"""Below so many buckets of a histogram, reading just these is quicker."""


def applies(selected: Selected, extra: str | None) -> bool:
    """Whether it is worth while, and exact: with each part of one stored series, no reset lies between two of them."""
    if extra not in (None, "drops") or any(len(origins) != 1 or origins[0].part == 0 for origins in selected.origins):
        return False
    series = {origins[0].series for origins in selected.origins}
    return len(selected.origins) > MANY_PARTS * len(series) > 0


def cells_sql(cell: str, extra: str | None, most: int) -> str:
    """The query for cells; `cell` is the number of the cell that `time` is in, in SQL."""
    return f"""
    WITH {_raw(cell)}, summed AS (
        SELECT series, cell, count(*) AS points, min(time) AS first_time, max(time) AS last_time,
            arg_min(point, time) AS early, arg_max(point, time) AS late
        FROM raw GROUP BY series, cell)
    {_dropped() if extra == "drops" else ""}
    SELECT w.place, s.cell, s.points, s.first_time, s.last_time, {_part("s.early")} AS first, {_part("s.late")} AS last,
        {"coalesce(d.lost, 0.0)" if extra == "drops" else "0.0"} AS extra
    FROM summed s JOIN wanted_histograms w USING (series)
    {"LEFT JOIN drops d ON d.place = w.place AND d.cell = s.cell" if extra == "drops" else ""}
    ORDER BY w.place, s.cell LIMIT {most + 1}"""  # nosec B608


def _raw(cell: str) -> str:
    return f"""raw AS (
        SELECT series, time, point, {cell} AS cell FROM (
            SELECT series, time_ns AS time, {{'buckets': buckets, 'sum': sum, 'count': count}} AS point FROM histograms
            WHERE time_ns > $after AND time_ns <= $until AND len(buckets) > 0
                AND series IN (SELECT series FROM wanted_histograms)))"""  # nosec B608


def _dropped() -> str:
    """Pairs of neighbours in a cell in which anything became less; of these few, what each part lost."""
    fell = "len(list_filter(list_zip(before.buckets, point.buckets), lambda pair: pair[1] > pair[2])) > 0"
    now, then = _part("p.point"), _part("p.before")
    return f""", pairs AS (
        SELECT series, cell, point, before FROM (
            SELECT *, lag(point) OVER (PARTITION BY series, cell ORDER BY time) AS before FROM raw)
        WHERE before IS NOT NULL AND ({fell} OR point.sum < before.sum OR point.count < before.count)),
    drops AS (
        SELECT w.place, p.cell, sum(CASE WHEN {now} < {then} AND NOT isnan({then}) THEN {then} ELSE 0 END) AS lost
        FROM pairs p JOIN wanted_histograms w USING (series) GROUP BY w.place, p.cell)"""  # nosec B608


def _part(point: str) -> str:
    """What series `w` is of a point."""
    buckets = f"list_sum({point}.buckets[1:w.part])"
    return f"(CASE w.part WHEN {SUM} THEN {point}.sum WHEN {COUNT} THEN {point}.count ELSE {buckets} END)::DOUBLE"
