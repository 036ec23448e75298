"""What an id leads to: all that produced an answer."""

from dataclasses import dataclass

from lumina_contracts.provenance import LedgerMention, Named
from lumina_telemetry.traces.models import MatchedBy, Status


@dataclass(frozen=True)
class Resolved:
    """One request that Lumina served. What is not known of it is null; money is in nano-USD, 10^-9 dollars.

    `ledger`: the changes of configuration, key and project that were in force, newest first.
    """

    matched: MatchedBy
    at: str
    trace_id: str
    span_id: str
    request_id: str | None
    response_id: str | None
    status: Status
    http_status: int | None
    error_type: str | None
    error: str | None
    duration_ms: float
    operation: str | None
    route: str | None
    backend: str | None
    provider: str | None
    request_model: str | None
    response_model: str | None
    model_version: str | None
    model_sha256: str | None
    model_quantization: str | None
    prompt_sha256: str | None
    key: Named | None
    project: Named | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nano_usd: int | None
    usage_estimated: bool
    snapshot_version: str | None
    config_sha256: str | None
    ledger: tuple[LedgerMention, ...]


@dataclass(frozen=True)
class ResolvedPage:
    """Newest first: a prompt's hash may have served many."""

    items: list[Resolved]
    next: str | None
    cut: str | None
