"""Relays an answer that comes in one piece."""

import asyncio

from aiohttp import ClientError, ClientResponse

from lumina_inference.gateway.answers import NOTHING, Answer, Usage
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.dialects import DIALECTS
from lumina_inference.gateway.errors import ApiError, BackendDied, BackendFailed, BackendTimedOut
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.refusals import refusal, refusal_in_stream
from lumina_inference.gateway.replies import Reply, passed_on, reply_answer
from lumina_inference.gateway.sending import Sending
from lumina_inference.gateway.standings import Attempt
from lumina_inference.gateway.upstream import Upstream, explained

_BYTES_PER_TOKEN = 4


async def relay(
    call: Call, sending: Sending, attempt: Attempt, seconds: float, upstream: Upstream, most_bytes: int
) -> Reply:
    """Send, read the whole answer, pass its bytes on. Raises ApiError leaves; nothing was answered then."""
    target = sending.target
    try:
        async with asyncio.timeout(seconds) as attempt.limit:
            response = await upstream.post(target, sending.url, sending.headers, sending.body)
            attempt.heard_at = asyncio.get_running_loop().time()
            body = await read_whole(target, response, most_bytes)
    except TimeoutError:
        raise _silence(target, attempt, seconds) from None
    finally:
        attempt.limit = None
    waited = asyncio.get_running_loop().time() - attempt.started
    answer = _checked(sending, response, body)
    call.waited_seconds += waited
    _note(call, answer, len(body) // _BYTES_PER_TOKEN if sending.operation.streams else 0)
    call.backend_headers = tuple(passed_on(response.headers))
    attempt.begun = attempt.answered = True
    return reply_answer(call, body)


def _silence(target: Target, attempt: Attempt, seconds: float) -> ApiError:
    if attempt.died:
        return BackendDied(f"{target.name} fell silent, and does not answer a probe either.")
    return BackendTimedOut(f"{target.name} did not answer within {seconds:g} s.")


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


def _checked(sending: Sending, response: ClientResponse, body: bytes) -> Answer:
    target = sending.target
    if not 200 <= response.status < 300:
        raise refusal(target, response.status, body, dict(passed_on(response.headers)))
    answer = DIALECTS[sending.operation.form].whole(body)
    if answer is None:
        raise BackendFailed(f"{target.name} answered with something that is not a JSON object.")
    if sending.operation.form == "chat" and answer.choices is None and answer is not NOTHING:
        _check_filled(sending, answer)
    return answer


def _check_filled(sending: Sending, answer: Answer) -> None:
    """An answer without an answer: some backends tell of their failures with status 200."""
    if answer.failed:
        raise refusal_in_stream(sending.target, b'{"error":%b}' % bytes(answer.error))
    if sending.operation.streams:
        raise BackendFailed(f"{sending.target.name} answered without any choice.")


def _note(call: Call, answer: Answer, counted: int) -> None:
    call.response_id = answer.id
    call.response_model = answer.model
    call.finish_reasons = answer.finish_reasons
    call.usage = answer.usage
    if answer.usage is None or not answer.usage.is_plausible:
        call.usage = Usage(prompt_tokens=call.estimated_input, completion_tokens=counted)
        call.usage_estimated = True
