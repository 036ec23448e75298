"""A matched span and what stands behind it, put together."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from lumina_contracts import attributes as names
from lumina_contracts.attributes import Attribute
from lumina_contracts.provenance import Behind, Served
from lumina_telemetry.resolve.models import Resolved
from lumina_telemetry.traces.models import Match

Value = TypeVar("Value", str, int)


def served(match: Match) -> Served:
    """What to look for in the records of the platform."""
    return Served(
        at=_at(match.span.start),
        project_id=match.span.project,
        key_id=_of(match, names.KEY_ID, str),
        config_sha256=_of(match, names.CONFIG_SHA256, str),
    )


def joined(match: Match, behind: Behind, *, whole: bool) -> Resolved:
    """`whole`: with who changed what and why, which only readers of the ledger are told."""
    span = match.span
    entries = behind.entries if whole else tuple(replace(entry, who=None, why=None) for entry in behind.entries)
    return Resolved(
        matched=match.matched,
        at=span.start,
        trace_id=span.trace_id,
        span_id=span.span_id,
        request_id=_of(match, names.REQUEST_ID, str),
        response_id=_of(match, names.RESPONSE_ID, str),
        status=span.status,
        http_status=_of(match, names.HTTP_STATUS, int),
        error_type=_of(match, names.ERROR_TYPE, str),
        error=span.status_message,
        duration_ms=span.duration_ms,
        operation=_of(match, names.OPERATION, str),
        route=_of(match, names.ROUTE, str),
        backend=_of(match, names.BACKEND, str),
        provider=_of(match, names.PROVIDER, str),
        request_model=_of(match, names.REQUEST_MODEL, str),
        response_model=_of(match, names.RESPONSE_MODEL, str),
        model_version=_of(match, names.MODEL_VERSION, str),
        model_sha256=_of(match, names.MODEL_SHA256, str),
        model_quantization=_of(match, names.MODEL_QUANTIZATION, str),
        prompt_sha256=_of(match, names.PROMPT_SHA256, str),
        key=behind.key,
        project=behind.project,
        input_tokens=_of(match, names.INPUT_TOKENS, int),
        output_tokens=_of(match, names.OUTPUT_TOKENS, int),
        cost_nano_usd=_of(match, names.COST, int),
        usage_estimated=bool(span.attributes.get(names.USAGE_ESTIMATED.name)),
        snapshot_version=_of(match, names.SNAPSHOT, str),
        config_sha256=_of(match, names.CONFIG_SHA256, str),
        ledger=entries,
    )


def _of(match: Match, attribute: Attribute, kind: type[Value]) -> Value | None:
    value = match.span.attributes.get(attribute.name)
    return value if isinstance(value, kind) else None


def _at(text: str) -> datetime:
    """To the microsecond: more than that a datetime does not hold."""
    head, _, nanoseconds = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{nanoseconds[:6]:0<6}+00:00")
