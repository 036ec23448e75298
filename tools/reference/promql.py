"""The PromQL that Lumina evaluates, as one page of Markdown."""

from collections.abc import Iterable

from lumina_telemetry.promql import syntax
from tools.reference.tables import page, table


def promql() -> str:
    intro = (
        "Rules, objectives, `/api/telemetry/metrics` and `/api/telemetry/prometheus` evaluate this part of PromQL "
        "with the meaning that Prometheus 2 gives it: a look-back of five minutes, extrapolated rates, counter resets, "
        "both edges of a window. What Lumina itself counts has a zero before the first point of a new series, so that "
        "first failures are an increase; the series of other senders begin as they come. A test compares some ninety "
        "expressions with a real Prometheus. What is not listed is "
        "refused by name."
    )
    rows = [
        ("selectors", "`=`, `!=`, `=~`, `!~`; a range such as `[5m]`; `offset`"),
        ("over a window", _listed(syntax.WINDOW_FUNCTIONS)),
        ("of each value", _listed(syntax.POINTWISE | syntax.CLAMPS)),
        ("other functions", _listed(syntax.OTHER_FUNCTIONS)),
        ("aggregations", _listed(syntax.AGGREGATIONS) + ", with `by` or `without`"),
        ("operators", _listed(syntax.OPERATORS) + "; `bool`, `on`, `ignoring`, `group_left`, `group_right`"),
    ]
    refused = (
        f"Refused are subqueries, `@`, other functions and aggregations, expressions of more than {syntax.LONGEST:,} "
        f"characters or {syntax.MOST_OPERATORS} operators and brackets, and range queries of more than 11,000 points a "
        "series. The settings `query_seconds`, `query_series` and `query_samples` bound the rest."
    )
    return page("PromQL", intro, table(["what", "names"], rows), refused)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
