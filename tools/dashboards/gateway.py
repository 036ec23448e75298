"""The gateway: what callers get, what the gateway adds, and how it survives its backends."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from tools.dashboards.board import AnyPanel, board, choice, row
from tools.dashboards.panels import ANY, FULL, SHARE, bars, graph, number, states
from tools.dashboards.queries import (
    CALLS,
    DURATION,
    FIRST_CHUNK,
    OURS,
    OVERHEAD,
    Query,
    percentiles,
    percentiles_by,
    quantile,
    rate,
    rates,
)

ROUTE = 'lumina_route=~"$route"'
BACKEND = 'lumina_backend=~"$backend"'
CIRCUIT = {"0": ("open", "red"), "0.5": ("half open", "yellow"), "1": ("closed", "green")}
LATENCY = ((None, "green"), (0.5, "red"))
OWN = ((None, "green"), (0.2, "red"))
BURN = ((None, "green"), (1.0, "yellow"), (14.4, "red"))
LEFT = ((None, "red"), (0.0, "yellow"), (0.25, "green"))


def dashboard() -> Dashboard:
    """Requests, the gateway's own time, failover, streams, limits, objectives."""
    made = board(
        "gateway",
        "Lumina / Gateway",
        "Requests, errors, latency, what the gateway itself adds, failover, streams, budgets and objectives.",
        [
            choice("route", "Route", f"{DURATION}_count", "lumina_route"),
            choice("backend", "Backend", f"{DURATION}_count", "lumina_backend"),
            choice("model", "Model", f"{DURATION}_count", "gen_ai_request_model"),
        ],
    )
    row(made, "Now", _now())
    row(made, "Requests", _requests())
    row(made, "What the gateway itself takes", _own())
    row(made, "Failover", _failover())
    row(made, "Streams, limits and objectives", _streams_and_limits())
    row(made, "Its telemetry", _telemetry())
    return made


def _now() -> list[AnyPanel]:
    failed = f"({rate(f'{DURATION}_count', f'{CALLS},{OURS}')} or vector(0)) / {rate(f'{DURATION}_count', CALLS)}"
    return [
        number("Requests", "Requests answered in a second.", "reqps", rate(f"{DURATION}_count", CALLS)),
        number("Failed", "Share that failed for no fault of the caller.", "percentunit", failed, SHARE),
        number("p95", "Time of a whole request, streams to their end.", "s", quantile(0.95, DURATION, CALLS), LATENCY),
        number("p95 of the gateway", "Time that the gateway adds.", "s", quantile(0.95, OVERHEAD, ROUTE), OWN),
        number("In flight", "Requests being served.", "short", "sum(lumina_gateway_in_flight)"),
        number("Backends out", "Out of rotation, or on trial.", "short",
               f"count(min by (lumina_backend) (lumina_gateway_backend_available{{{BACKEND}}}) < 1) or vector(0)", ANY),
    ]  # fmt: skip


def _requests() -> list[AnyPanel]:
    errors = f'{CALLS},error_type!=""'
    return [
        graph("Requests by status", "By the HTTP status that the caller got.", "reqps",
              rates("lumina_gateway_requests_total", ROUTE, "http_response_status_code"), stacked=True),
        graph("Errors by kind", "Requests that did not succeed; the caller's own mistakes are among them.", "reqps",
              rates(f"{DURATION}_count", errors, "error_type"), stacked=True),
        graph("Latency", "Time of a whole request. The dots lead to traces. The line is the shipped alert's.", "s",
              percentiles(DURATION, CALLS), limit=LATENCY),
        graph("Requests by route", "Where the requests went.", "reqps",
              rates("lumina_gateway_requests_total", ROUTE, "lumina_route"), stacked=True, width=12),
        graph("p95 by route", "95 % of a route's requests take no longer.", "s",
              percentiles_by(DURATION, CALLS, "lumina_route"), limit=LATENCY, width=12),
    ]  # fmt: skip


def _own() -> list[AnyPanel]:
    return [
        graph("Added time", "What the gateway adds, waits for backends and bodies left out. The line is the objective.",
              "s", percentiles(OVERHEAD, ROUTE), limit=OWN),
        graph("Added time by route, p95", "Which route costs the gateway most.", "s",
              percentiles_by(OVERHEAD, ROUTE, "lumina_route"), limit=OWN),
        graph("At work", "Requests, connections, tasks of the event loop, and reservations against limits.", "short", [
            Query("sum(lumina_gateway_in_flight)", "in flight"),
            Query("sum(lumina_gateway_connections)", "connections"),
            Query("sum(lumina_gateway_tasks)", "tasks"),
            Query("sum(lumina_gateway_reservations)", "reservations"),
        ]),
    ]  # fmt: skip


def _failover() -> list[AnyPanel]:
    failed = rate("lumina_gateway_attempts_failed_total", BACKEND, "lumina_backend")
    answered = rate(f"{DURATION}_count", f'{BACKEND},error_type=""', "lumina_backend")
    all_failed = f"({failed} or 0 * {answered})"
    attempts = f"({all_failed} + ({answered} or 0 * {failed}))"
    return [
        states("Circuits", "Whether a backend gets requests.",
               Query(f"min by (lumina_route, lumina_backend) (lumina_gateway_backend_available{{{BACKEND}}})",
                     "{{lumina_route}} {{lumina_backend}}"),
               CIRCUIT),
        graph("Failed attempts", "Attempts that brought nothing, whether or not another backend answered.", "ops",
              rates("lumina_gateway_attempts_failed_total", BACKEND, "lumina_backend", "error_type"), stacked=True),
        graph("Share of attempts that failed", "Of each backend's attempts.", "percentunit",
              [Query(f"{all_failed} / {attempts}", "{{lumina_backend}}")], most=1),
    ]  # fmt: skip


def _streams_and_limits() -> list[AnyPanel]:
    return [
        graph("Time to the first chunk", "Of streams. The dots lead to traces.", "s", percentiles(FIRST_CHUNK, CALLS)),
        bars("Budgets", "Share of its budget that a key, or a project, has used in this window.", "percentunit",
             Query("max by (lumina_project_id, lumina_key_id) (lumina_gateway_budget_used_ratio)",
                   "{{lumina_project_id}} {{lumina_key_id}}"), FULL),
        graph("Spend", "US dollars in an hour, where the prices are known.", "currencyUSD", [
            Query(f"3600 * {rate('lumina_gateway_spend_usd_total', f'{ROUTE},{BACKEND}', 'lumina_route')}",
                  "{{lumina_route}}"),
        ], stacked=True),
        graph("Burn rate of objectives", "1 uses the budget up in exactly its period; 14.4 pages somebody.", "short",
              [Query("max by (sloth_id) (slo:current_burn_rate:ratio)", "{{sloth_id}}")], limit=BURN, width=12),
        number("Budget of objectives left", "The least of all, over their period.", "percentunit",
               "min(slo:period_error_budget_remaining:ratio)", LEFT, width=6),
        number("Alerts", "Alerts that fire.", "short",
               'count(ALERTS{alertstate="firing"}) or vector(0)', ANY, width=6),
    ]  # fmt: skip


def _telemetry() -> list[AnyPanel]:
    return [
        graph("Spans", "Taken by their receiver, and lost.", "ops", [
            Query(rate("lumina_gateway_spans_exported_total"), "exported"),
            *rates("lumina_gateway_spans_dropped_total", "", "reason"),
        ]),
        graph("Oldest span", "Time that it has waited; seconds are normal.", "s",
              [Query("max(lumina_gateway_span_queue_age_seconds)", "waits")], limit=((None, "green"), (30, "red"))),
        graph("Snapshot", "Time since control last confirmed routes and keys.", "s",
              [Query("max(lumina_gateway_snapshot_age_seconds)", "age")], width=4),
        graph("Captured content lost", "Where a project captures content.", "ops",
              rates("lumina_gateway_content_dropped_total", "", "reason"), width=4),
    ]  # fmt: skip
