"""Answers by the OTLP specification, in the encoding of the request."""

from aiohttp import web
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from msgspec import json

from lumina_kit.errors import LuminaError, TooMany
from lumina_telemetry.errors import DiskFull
from lumina_telemetry.intake.bodies import JSON, PROTOBUF

_CODES = {429: 8, 413: 8, 503: 14, 500: 13}
"""HTTP status to gRPC's; all others are INVALID_ARGUMENT."""
_INVALID_ARGUMENT = 3
_DISK_SECONDS = 30.0


def success(message: Message, encoding: str) -> web.Response:
    """200: all of it, or with a partial success some of it, was taken."""
    body = json.encode(MessageToDict(message)) if encoding == JSON else message.SerializeToString()
    return web.Response(body=body, content_type=encoding)


def refusal(error: LuminaError, encoding: str) -> web.Response:
    """A google.rpc.Status, with Retry-After where the sender should come again."""
    code = _CODES.get(error.status, _INVALID_ARGUMENT)
    message = " ".join(filter(None, (error.message, error.next_step)))
    known = encoding if encoding in (JSON, PROTOBUF) else JSON
    body = json.encode({"code": code, "message": message}) if known == JSON else _status(code, message)
    answer = web.Response(body=body, status=error.status, content_type=known)
    seconds = _retry_after(error)
    if seconds is not None:
        answer.headers["retry-after"] = str(max(1, round(seconds)))
    return answer


def _retry_after(error: LuminaError) -> float | None:
    if isinstance(error, DiskFull):
        return _DISK_SECONDS
    return (error.retry_after or 1.0) if isinstance(error, TooMany) else None


def _status(code: int, message: str) -> bytes:
    """google.rpc.Status has two fields here: 1 the code, 2 the message."""
    text = message.encode()[:4096]
    return bytes([0x08, code, 0x12]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _varint(number >> 7)
