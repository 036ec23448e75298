"""Every name that Lumina writes on spans and metrics, in one versioned table.

The `gen_ai.*` names are those that the OpenTelemetry conventions have published: a test compares them with the official
package. All names of our own begin with `lumina.`. Prompts and answers never appear among them.

The conventions' newest draft calls the client's metrics `gen_ai.client.inference.*`. No release has these names, so
there is no second set of them here, and `OTEL_SEMCONV_STABILITY_OPT_IN` is not read.
"""

from dataclasses import dataclass
from typing import Literal

TABLE_VERSION = "1"
SEMCONV_VERSION = "1.44"
SCHEMA_URL = f"https://opentelemetry.io/schemas/{SEMCONV_VERSION}.0"

UNKNOWN = "unknown"
"""What stands for a model that no route has: a caller's free text never becomes a name or a label."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of a gateway span."""

    name: str
    type: Literal["string", "strings", "int", "double", "boolean"]
    meaning: str


@dataclass(frozen=True)
class Metric:
    """One instrument. `prometheus` is its name on /metrics; a histogram has buckets, the others do not."""

    name: str
    prometheus: str
    kind: Literal["histogram", "counter", "gauge"]
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


OPERATION = Attribute("gen_ai.operation.name", "string", "chat, text_completion or embeddings.")
PROVIDER = Attribute("gen_ai.provider.name", "string", "Provider of the backend that answered.")
REQUEST_MODEL = Attribute("gen_ai.request.model", "string", "Model the caller named, if a route has it; else unknown.")
REQUEST_STREAM = Attribute("gen_ai.request.stream", "boolean", "Whether the caller asked for a stream.")
RESPONSE_ID = Attribute("gen_ai.response.id", "string", "Id that the backend gave its answer.")
RESPONSE_MODEL = Attribute("gen_ai.response.model", "string", "Model that the backend says answered.")
FINISH_REASONS = Attribute("gen_ai.response.finish_reasons", "strings", "Why each choice ended.")
FIRST_CHUNK = Attribute("gen_ai.response.time_to_first_chunk", "double", "Seconds until a stream's first event.")
INPUT_TOKENS = Attribute("gen_ai.usage.input_tokens", "int", "Tokens of the prompt, cached ones included.")
OUTPUT_TOKENS = Attribute("gen_ai.usage.output_tokens", "int", "Tokens of the answer.")
CACHED_TOKENS = Attribute("gen_ai.usage.cache_read.input_tokens", "int", "Prompt tokens that came from a cache.")
REASONING_TOKENS = Attribute("gen_ai.usage.reasoning.output_tokens", "int", "Answer tokens spent on reasoning.")
SERVER_ADDRESS = Attribute("server.address", "string", "Host, or socket name, of the backend.")
SERVER_PORT = Attribute("server.port", "int", "Port of the backend.")
ERROR_TYPE = Attribute("error.type", "string", "Code of the failure, or a backend's status; absent on success.")
HTTP_STATUS = Attribute("http.response.status_code", "int", "Status that the caller got; 499 if it hung up.")

REQUEST_ID = Attribute("lumina.request.id", "string", "The x-request-id of the answer.")
ROUTE = Attribute("lumina.route", "string", "Route that served the request.")
BACKEND = Attribute("lumina.backend", "string", "Id of the backend that answered.")
MODEL_VERSION = Attribute("lumina.model.version", "string", "Version of the served model, where known.")
MODEL_SHA256 = Attribute("lumina.model.sha256", "string", "SHA-256 of the model file, where known.")
MODEL_QUANTIZATION = Attribute("lumina.model.quantization", "string", "Quantization of the model, where known.")
PROJECT = Attribute("lumina.project.id", "string", "Project that the caller's key belongs to.")
KEY_ID = Attribute("lumina.key.id", "string", "Id of the caller's key, never the key.")
PROMPT_SHA256 = Attribute("lumina.prompt.rendered_sha256", "string", "SHA-256 of the prompt's JSON as sent.")
COST = Attribute("lumina.cost.nano_usd", "int", "Cost in nano-USD, where the prices are known.")
USAGE_ESTIMATED = Attribute(
    "lumina.usage.estimated", "boolean", "True where tokens were counted by the gateway, not told by the backend."
)
RETRIES = Attribute("lumina.attempt.retries", "int", "Attempts after the first one; absent if the first one answered.")
FALLBACKS = Attribute("lumina.attempt.fallbacks", "int", "Routes tried after the one asked for; absent if none.")
SNAPSHOT = Attribute("lumina.snapshot.version", "string", "Version of the snapshot that served the request.")
CONFIG_SHA256 = Attribute("lumina.config.sha256", "string", "SHA-256 of the configuration file behind the snapshot.")

SPAN_ATTRIBUTES: tuple[Attribute, ...] = (
    OPERATION, PROVIDER, REQUEST_MODEL, REQUEST_STREAM, RESPONSE_ID, RESPONSE_MODEL, FINISH_REASONS, FIRST_CHUNK,
    INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS, REASONING_TOKENS, SERVER_ADDRESS, SERVER_PORT, ERROR_TYPE,
    HTTP_STATUS, REQUEST_ID, ROUTE, BACKEND, MODEL_VERSION, MODEL_SHA256, MODEL_QUANTIZATION, PROJECT, KEY_ID,
    PROMPT_SHA256, COST, USAGE_ESTIMATED, RETRIES, FALLBACKS, SNAPSHOT, CONFIG_SHA256,
)  # fmt: skip

ATTEMPT_FAILED = "lumina.attempt.failed"
"""The span event of an attempt that brought nothing, with the backend and the kind of failure."""

PROCESS = "lumina.process"
"""The label that tells the gateway's processes apart on /metrics, where there are several."""

TOKEN_TYPE = "gen_ai.token.type"  # nosec B105
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_OVERHEAD_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_TOKENS = tuple(float(4**power) for power in range(14))
_CALL = (OPERATION.name, PROVIDER.name, REQUEST_MODEL.name, ROUTE.name, BACKEND.name)

OPERATION_DURATION = Metric(
    "gen_ai.client.operation.duration",
    "gen_ai_client_operation_duration_seconds",
    "histogram",
    "s",
    "Time of a whole request.",
    (*_CALL, ERROR_TYPE.name),
    _SECONDS,
)
FIRST_CHUNK_TIME = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "histogram",
    "s",
    "Time until a stream's first event.",
    _CALL,
    _SECONDS,
)
TOKEN_USAGE = Metric(
    "gen_ai.client.token.usage",
    "gen_ai_client_token_usage",
    "histogram",
    "{token}",
    "Tokens of one request.",
    (*_CALL, TOKEN_TYPE),
    _TOKENS,
)
OVERHEAD = Metric(
    "lumina.gateway.overhead",
    "lumina_gateway_overhead_seconds",
    "histogram",
    "s",
    "Time that the gateway itself took until the answer began: without waits for backends and for the caller's body.",
    (ROUTE.name,),
    _OVERHEAD_SECONDS,
)
REQUESTS = Metric(
    "lumina.gateway.requests",
    "lumina_gateway_requests_total",
    "counter",
    "{request}",
    "Requests answered, by route and status.",
    (ROUTE.name, HTTP_STATUS.name),
)
FAILED_ATTEMPTS = Metric(
    "lumina.gateway.attempts.failed",
    "lumina_gateway_attempts_failed_total",
    "counter",
    "{attempt}",
    "Attempts at a backend that brought nothing, whether or not another one answered the request.",
    (BACKEND.name, ERROR_TYPE.name),
)
SPEND = Metric(
    "lumina.gateway.spend",
    "lumina_gateway_spend_usd_total",
    "counter",
    "USD",
    "What was spent, where the prices are known.",
    (ROUTE.name, BACKEND.name),
)
BUDGET_USED = Metric(
    "lumina.gateway.budget.used",
    "lumina_gateway_budget_used_ratio",
    "gauge",
    "1",
    "Share of its budget that a key, or a project (without a key's id), has spent in the current window.",
    (KEY_ID.name, PROJECT.name),
)
BACKEND_AVAILABLE = Metric(
    "lumina.gateway.backend.available",
    "lumina_gateway_backend_available",
    "gauge",
    "1",
    "1 while a backend gets requests, 0.5 while it gets one on trial, 0 while it is out of rotation.",
    (ROUTE.name, BACKEND.name),
)
IN_FLIGHT = Metric(
    "lumina.gateway.in_flight", "lumina_gateway_in_flight", "gauge", "{request}", "Inference requests being served."
)
CONNECTIONS = Metric(
    "lumina.gateway.connections", "lumina_gateway_connections", "gauge", "{connection}", "Open client connections."
)
RESERVATIONS = Metric(
    "lumina.gateway.reservations",
    "lumina_gateway_reservations",
    "gauge",
    "{reservation}",
    "Reservations against limits that are neither settled nor released.",
)
TASKS = Metric("lumina.gateway.tasks", "lumina_gateway_tasks", "gauge", "{task}", "Tasks of the event loop.")
SPANS_DROPPED = Metric(
    "lumina.gateway.spans.dropped",
    "lumina_gateway_spans_dropped_total",
    "counter",
    "{span}",
    "Spans lost: the queue was full, or the export failed for good.",
    ("reason",),
)
SPANS_EXPORTED = Metric(
    "lumina.gateway.spans.exported",
    "lumina_gateway_spans_exported_total",
    "counter",
    "{span}",
    "Spans that their receiver has taken.",
)
SPAN_QUEUE_AGE = Metric(
    "lumina.gateway.span_queue.age",
    "lumina_gateway_span_queue_age_seconds",
    "gauge",
    "s",
    "Time that the oldest span has waited for its export.",
)
CONTENT_DROPPED = Metric(
    "lumina.gateway.content.dropped",
    "lumina_gateway_content_dropped_total",
    "counter",
    "{record}",
    "Captured requests and answers lost: no room was left, or control did not take them.",
    ("reason",),
)
SNAPSHOT_AGE = Metric(
    "lumina.gateway.snapshot.age",
    "lumina_gateway_snapshot_age_seconds",
    "gauge",
    "s",
    "Time since control last confirmed the snapshot.",
)

METRICS: tuple[Metric, ...] = (
    OPERATION_DURATION, FIRST_CHUNK_TIME, TOKEN_USAGE, OVERHEAD, REQUESTS, FAILED_ATTEMPTS, SPEND, BUDGET_USED,
    BACKEND_AVAILABLE, IN_FLIGHT, CONNECTIONS, RESERVATIONS, TASKS, SPANS_DROPPED, SPANS_EXPORTED, SPAN_QUEUE_AGE,
    SNAPSHOT_AGE, CONTENT_DROPPED,
)  # fmt: skip
