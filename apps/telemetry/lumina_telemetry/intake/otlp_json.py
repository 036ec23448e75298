"""OTLP's JSON: protobuf's, but for ids, which are hexadecimal, and fields that are not known, which are ignored."""

from base64 import b64encode
from typing import Any

import msgspec
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from lumina_telemetry.errors import BadOtlp

_IDS = frozenset({"traceId", "spanId", "parentSpanId"})
_NOT_AN_ID = b64encode(b"?").decode()


def parse(body: bytes, into: Message) -> None:
    """Fill a request. Raises BadOtlp for what is no OTLP in JSON."""
    try:
        document = msgspec.json.decode(body)
        if not isinstance(document, dict):
            raise BadOtlp("The body is JSON, but no object.", next_step="Send an OTLP export request.")
        _with_ids(document)
        ParseDict(document, into, ignore_unknown_fields=True)
    except (msgspec.DecodeError, ParseError, ValueError, TypeError, RecursionError) as error:
        raise BadOtlp.of("JSON", error) from None


def _with_ids(node: Any) -> None:
    """Ids as protobuf's JSON has them. What is no hexadecimal becomes an id that no row takes."""
    if isinstance(node, list):
        for part in node:
            _with_ids(part)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _IDS and isinstance(value, str):
                node[key] = _base64(value)
            elif isinstance(value, dict | list):
                _with_ids(value)


def _base64(hexadecimal: str) -> str:
    try:
        return b64encode(bytes.fromhex(hexadecimal)).decode()
    except ValueError:
        return _NOT_AN_ID
