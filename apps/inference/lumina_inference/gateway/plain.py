"""Relays an answer that comes in one piece."""

import asyncio

from aiohttp import ClientError, ClientResponse

from lumina_inference.gateway import answers
from lumina_inference.gateway.answers import Answer
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ApiError, BackendFailed, BackendTimedOut
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.refusals import refusal
from lumina_inference.gateway.replies import Reply, passed_on, reply
from lumina_inference.gateway.sending import Sending
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.gateway.upstream import Upstream, explained


async def relay(call: Call, sending: Sending, upstream: Upstream, settings: GatewaySettings) -> Reply:
    """Send, read the whole answer, pass its bytes on. Raises ApiError leaves; nothing was answered then."""
    target = sending.target
    seconds = target.backend.timeout_seconds or settings.total_timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            response = await upstream.post(target, sending.url, sending.headers, sending.body)
            body = await read_whole(target, response, settings.max_response_bytes)
    except TimeoutError:
        raise BackendTimedOut(f"{target.name} did not answer within {seconds:g} s.") from None
    _note(call, _checked(target, response, body))
    call.reply_headers.extend(passed_on(response.headers))
    return reply(call, body)


async def read_whole(target: Target, response: ClientResponse, most: int) -> bytes:
    """The body of an answer, up to `most` bytes."""
    content = response.content
    try:
        if content.is_eof() and content.exception() is None and content.total_bytes <= most:
            return content.read_nowait()
        return await _read_parts(target, response, most)
    except (ClientError, OSError) as error:
        raise explained(target, error, begun=True) from error
    finally:
        response.release()


async def _read_parts(target: Target, response: ClientResponse, most: int) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most:
            raise BackendFailed(f"{target.name} answered with more than {most:,} bytes.")
    return b"".join(parts)


def _checked(target: Target, response: ClientResponse, body: bytes) -> Answer:
    if not 200 <= response.status < 300:
        raise _refused(target, response, body)
    answer = answers.read(body)
    if answer is None:
        raise BackendFailed(f"{target.name} answered with something that is not a JSON object.")
    return answer


def _refused(target: Target, response: ClientResponse, body: bytes) -> ApiError:
    return refusal(target, response.status, body, dict(passed_on(response.headers)))


def _note(call: Call, answer: Answer) -> None:
    call.response_id = answer.id
    call.response_model = answer.model
    call.finish_reasons = answer.finish_reasons
    call.usage = answer.usage
