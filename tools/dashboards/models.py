"""Models: what they are asked, what they answer, how fast and at what price."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from tools.dashboards.board import AnyPanel, board, choice, row
from tools.dashboards.panels import SHARE, graph, number, rows
from tools.dashboards.queries import (
    CALLS,
    DURATION,
    FIRST_CHUNK,
    OURS,
    TOKENS,
    Query,
    percentiles,
    percentiles_by,
    quantile,
    rate,
    rates,
)

MODEL = "gen_ai_request_model"
INPUT = f'{CALLS},gen_ai_token_type="input"'
OUTPUT = f'{CALLS},gen_ai_token_type="output"'
ANSWERED = f'{CALLS},error_type=""'
SPENT = 'lumina_route=~"$route",lumina_backend=~"$backend"'
SPEND = "lumina_gateway_spend_usd_total"


def dashboard() -> Dashboard:
    """Traffic, tokens, cost, speed, for each route, model and backend."""
    made = board(
        "models",
        "Lumina / Models",
        "Tokens, cost, latency and throughput of each route, model and backend.",
        [
            choice("route", "Route", f"{DURATION}_count", "lumina_route"),
            choice("backend", "Backend", f"{DURATION}_count", "lumina_backend"),
            choice("model", "Model", f"{DURATION}_count", MODEL),
        ],
    )
    row(made, "Now", _now())
    row(made, "Over the time shown", [_summary()])
    row(made, "Traffic", _traffic())
    row(made, "Tokens and cost", _tokens())
    row(made, "Speed", _speed())
    return made


def _now() -> list[AnyPanel]:
    return [
        number("Requests", "Requests answered in a second.", "reqps", rate(f"{DURATION}_count", CALLS)),
        number("Tokens in", "Tokens of prompts in a second.", "short", rate(f"{TOKENS}_sum", INPUT)),
        number("Tokens out", "Tokens of answers in a second.", "short", rate(f"{TOKENS}_sum", OUTPUT)),
        number("Cost", "US dollars in an hour at this pace.", "currencyUSD", f"3600 * {rate(SPEND, SPENT)}"),
        number("p95", "Time of a whole request, streams to their end.", "s", quantile(0.95, DURATION, CALLS)),
        number("First chunk, p95", "Time until a stream's first event.", "s", quantile(0.95, FIRST_CHUNK, CALLS)),
    ]


def _summary() -> AnyPanel:
    def total(counter: str, labels: str) -> str:
        return f"sum by (lumina_route, lumina_backend) (increase({counter}{{{labels}}}[$__range]))"

    p95 = f"sum by (le, lumina_route, lumina_backend) (rate({DURATION}_bucket{{{CALLS}}}[$__range]))"
    return rows(
        "Routes and backends",
        "Sums over the time shown. What failed before a backend was found has none.",
        [
            Query(total(f"{DURATION}_count", CALLS)),
            Query(total(f"{DURATION}_count", f"{CALLS},{OURS}")),
            Query(total(f"{TOKENS}_sum", INPUT)),
            Query(total(f"{TOKENS}_sum", OUTPUT)),
            Query(total(SPEND, SPENT)),
            Query(f"histogram_quantile(0.95, {p95})"),
        ],
        {
            "lumina_route": "Route", "lumina_backend": "Backend", "Value #A": "Requests", "Value #B": "Failed",
            "Value #C": "Tokens in", "Value #D": "Tokens out", "Value #E": "Cost", "Value #F": "p95",
        },
        {"Requests": "short", "Failed": "short", "Tokens in": "short", "Tokens out": "short", "Cost": "currencyUSD",
         "p95": "s"},
    )  # fmt: skip


def _traffic() -> list[AnyPanel]:
    by_model = rate(f"{DURATION}_count", CALLS, MODEL)
    failed = rate(f"{DURATION}_count", f"{CALLS},{OURS}", MODEL)
    return [
        graph("Requests by model", "Requests answered in a second.", "reqps",
              rates(f"{DURATION}_count", CALLS, MODEL), stacked=True),
        graph("Requests by backend", "Which backend answered.", "reqps",
              rates(f"{DURATION}_count", CALLS, "lumina_backend"), stacked=True),
        graph("Failed share by model", "For no fault of the caller.", "percentunit",
              [Query(f"({failed} or 0 * {by_model}) / {by_model}", f"{{{{{MODEL}}}}}")], most=1, limit=SHARE),
    ]  # fmt: skip


def _tokens() -> list[AnyPanel]:
    return [
        graph("Tokens in by model", "Tokens of prompts in a second.", "short", rates(f"{TOKENS}_sum", INPUT, MODEL),
              stacked=True),
        graph("Tokens out by model", "Tokens of answers in a second.", "short", rates(f"{TOKENS}_sum", OUTPUT, MODEL),
              stacked=True),
        graph("Cost by backend", "US dollars in an hour, where the prices are known.", "currencyUSD",
              [Query(f"3600 * {rate(SPEND, SPENT, 'lumina_route', 'lumina_backend')}",
                     "{{lumina_route}} {{lumina_backend}}")], stacked=True),
        graph("Prompt size", "Tokens of one prompt.", "short", percentiles(TOKENS, INPUT), width=12),
        graph("Answer size", "Tokens of one answer.", "short", percentiles(TOKENS, OUTPUT), width=12),
    ]  # fmt: skip


def _speed() -> list[AnyPanel]:
    seconds = rate(f"{DURATION}_sum", ANSWERED, "lumina_backend")
    return [
        graph("Latency", "Time of a whole request. The dots lead to traces.", "s", percentiles(DURATION, ANSWERED)),
        graph("p95 by model", "95 % of the model's requests take no longer.", "s",
              percentiles_by(DURATION, ANSWERED, MODEL)),
        graph("p95 by backend", "95 % of the backend's requests take no longer.", "s",
              percentiles_by(DURATION, ANSWERED, "lumina_backend")),
        graph("First chunk by model, p95", "Time until a stream's first event.", "s",
              percentiles_by(FIRST_CHUNK, CALLS, MODEL)),
        graph("First chunk by backend, p95", "Time until a stream's first event.", "s",
              percentiles_by(FIRST_CHUNK, CALLS, "lumina_backend")),
        graph("Tokens in a second of work", "Tokens of answers by the time of the requests: what one caller sees.",
              "short", [Query(f"{rate(f'{TOKENS}_sum', OUTPUT, 'lumina_backend')} / {seconds}", "{{lumina_backend}}")]),
    ]  # fmt: skip
