"""The translation over HTTP on a unix socket: four APIs in, no credentials (the folder is private)."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientConnectionResetError, web

from lumina_inference.settings import InferenceSettings
from lumina_inference.translator.calling import BETA, Answer, Asked, shared
from lumina_inference.translator.chat import chat, completion, embedding
from lumina_inference.translator.clients import Clients
from lumina_inference.translator.failures import refusal_of
from lumina_inference.translator.introducing import introduce
from lumina_inference.translator.messages import messages
from lumina_inference.translator.refusals import Refusal, Shape
from lumina_inference.translator.responses import responses
from lumina_inference.translator.shapes import check_shapes
from lumina_inference.translator.target import HEADER, Target
from lumina_kit import logs

BODY_SECONDS = 30.0
JSON = "application/json"
log = logs.get(__name__)

Translation = Callable[[Asked], Awaitable[Answer]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPENAI: dict[str, Translation] = {
    "/v1/chat/completions": chat,
    "/v1/completions": completion,
    "/v1/embeddings": embedding,
}


class Translator:
    """The handlers, how many requests are under way, and when the last one ended."""

    def __init__(self, run_dir: Path, settings: InferenceSettings) -> None:
        self._run_dir = run_dir
        self._settings = settings
        self._clients = Clients()
        self._under_way = 0
        self._last_end = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """How long no request has been under way; 0 while one is."""
        return 0.0 if self._under_way else time.monotonic() - self._last_end

    def app(self) -> web.Application:
        """The application; bodies beyond `translator_body_bytes` get a 413."""
        app = web.Application(client_max_size=self._settings.translator_body_bytes)
        for path, translation in OPENAI.items():
            app.router.add_post(path, self._handler(translation, "openai"))
        app.router.add_post("/v1/responses", self._handler(responses, "responses"))
        app.router.add_post("/v1/messages", self._handler(messages, "anthropic"))
        app.router.add_get("/healthz", self._healthz)
        return app

    async def close(self) -> None:
        """Close the connections."""
        await self._clients.close()

    async def _healthz(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ready"})

    def _handler(self, translation: Translation, shape: Shape) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if self._under_way >= self._settings.translator_calls:
                return _refused(_full(self._settings.translator_calls), shape)
            self._under_way += 1
            try:
                return await self._answered(request, translation, shape)
            finally:
                self._under_way -= 1
                self._last_end = time.monotonic()

        return handle

    async def _answered(self, request: web.Request, translation: Translation, shape: Shape) -> web.StreamResponse:
        target = Target("", {})
        try:
            body = await _body(request)
            check_shapes(body)
            target = Target.of(request.headers.get(HEADER), body.get("model"), self._run_dir)
            client = self._clients.of_socket(target) if target.socket else None
            arguments = shared(target, client, self._settings.translator_call_seconds)
            introduce(target)
            answer = await translation(Asked(body, target, arguments, self._clients.http, request.headers.get(BETA)))
            if answer.events is None:
                return web.Response(body=answer.body, content_type=JSON)
            return await _streamed(request, answer, target, shape)
        except Exception as error:  # noqa: BLE001 - the edge: whatever the library raises becomes an error of the API
            return _refused(_told(error, target), shape)


async def _streamed(request: web.Request, answer: Answer, target: Target, shape: Shape) -> web.StreamResponse:
    """The first event is awaited before the status is sent: until then a failure keeps its own."""
    assert answer.events is not None
    async with aclosing(answer.events) as events:
        first = await anext(events, b"")
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
        await response.prepare(request)
        await response.write(first)
        try:
            async for event in events:
                await response.write(event)
        except ClientConnectionResetError:
            return response  # the caller has gone; a provider's connection breaks with other errors
        except Exception as error:  # noqa: BLE001 - the edge too, but inside the stream there is no status any more
            await response.write(_told(error, target).event(shape))
        await response.write_eof()
        return response


def _told(error: Exception, target: Target) -> Refusal:
    refusal = refusal_of(error, target)
    if refusal.status >= 500:
        # Never the text, which may quote the prompt.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        log.debug("call failed", error=type(error).__name__, where=where, status=refusal.status, code=refusal.code)
    return refusal


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return msgspec.json.decode(await request.read(), type=dict[str, Any])
    except TimeoutError:
        raise Refusal(f"The body was not complete within {BODY_SECONDS:g} s.", code="slow_body", status=408) from None
    except web.HTTPRequestEntityTooLarge as error:
        raise Refusal(f"The body is too large: {error.text}", code="body_too_large", status=413) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(f"The body is no JSON object: {str(error)[:200]}", code="invalid_json") from None


def _full(most: int) -> Refusal:
    message = (
        f"{most} translated requests are under way already; try again, or raise LUMINA_INFERENCE_TRANSLATOR_CALLS."
    )
    return Refusal(message, status=429, code="translator_full", headers={"retry-after": "1"})


def _refused(refusal: Refusal, shape: Shape) -> web.Response:
    return web.Response(body=refusal.body(shape), status=refusal.status, content_type=JSON, headers=refusal.headers)
