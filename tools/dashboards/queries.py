"""PromQL of the dashboards: within the subset that Lumina evaluates itself."""

from dataclasses import dataclass

CALLS = 'lumina_route=~"$route",lumina_backend=~"$backend",gen_ai_request_model=~"$model"'
"""What narrows the metrics of whole requests to the choices above the dashboard."""
DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
TOKENS = "gen_ai_client_token_usage"
OVERHEAD = "lumina_gateway_overhead_seconds"
OURS = (
    'error_type=~"backend_.*|no_backend_available|not_ready|overloaded|limits_unavailable|part_unavailable'
    '|internal_error|5.."'
)
"""Failures that are not the caller's, as the shipped objective of availability counts them."""


@dataclass(frozen=True)
class Query:
    """One expression; `legend` is a template of labels. `exemplars` shows the traces behind a histogram as dots."""

    expression: str
    legend: str = ""
    exemplars: bool = False


def rate(counter: str, labels: str = "", *by: str) -> str:
    """How much a counter grows in a second, summed over all labels but `by`."""
    selected = f"{counter}{{{labels}}}" if labels else counter
    grouped = f" by ({', '.join(by)}) " if by else ""
    return f"sum{grouped}(rate({selected}[$__rate_interval]))"


def rates(counter: str, labels: str, *by: str) -> list[Query]:
    """That, a curve for each value of `by`."""
    return [Query(rate(counter, labels, *by), " ".join(f"{{{{{label}}}}}" for label in by))]


def percentiles(histogram: str, labels: str) -> list[Query]:
    """Quantiles of all series together. One curve asks for exemplars, since all three would get the same."""
    found = [Query(quantile(share, histogram, labels), f"p{share * 100:g}") for share in (0.5, 0.95)]
    return [*found, Query(quantile(0.99, histogram, labels), "p99", exemplars=True)]


def percentiles_by(histogram: str, labels: str, by: str) -> list[Query]:
    """The 95th percentile for each value of a label."""
    return [Query(quantile(0.95, histogram, labels, by), f"{{{{{by}}}}}")]


def quantile(share: float, histogram: str, labels: str, *by: str) -> str:
    """A quantile out of a histogram's buckets."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels, 'le', *by)})"
