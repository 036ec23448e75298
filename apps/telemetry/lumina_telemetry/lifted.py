"""Attributes of spans that have a column of their own: small on disk, quick to filter by."""

from collections.abc import Mapping
from types import MappingProxyType

from lumina_contracts import attributes as names

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        names.OPERATION.name: "operation",
        names.PROVIDER.name: "provider",
        names.REQUEST_MODEL.name: "request_model",
        names.RESPONSE_MODEL.name: "response_model",
        names.ROUTE.name: "route",
        names.BACKEND.name: "backend",
        names.KEY_ID.name: "key_id",
        names.REQUEST_ID.name: "request_id",
        names.RESPONSE_ID.name: "response_id",
        names.PROMPT_SHA256.name: "prompt_sha256",
        names.ERROR_TYPE.name: "error_type",
        names.HTTP_STATUS.name: "http_status",
        names.INPUT_TOKENS.name: "input_tokens",
        names.OUTPUT_TOKENS.name: "output_tokens",
        names.COST.name: "cost_nano_usd",
        names.FIRST_CHUNK.name: "first_chunk_seconds",
    }
)
"""Attribute to column of `spans`, field of `SpanRow`. A value of another type than the column's stays an attribute."""

WHOLE_NUMBERS = frozenset({"http_status", "input_tokens", "output_tokens", "cost_nano_usd"})
REAL_NUMBERS = frozenset({"first_chunk_seconds"})
