"""The embedded models over HTTP on a unix socket: OpenAI's wire format, no credentials (the folder is private)."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from lumina_inference.embedded.answering import reply
from lumina_inference.embedded.answers import streamed, whole
from lumina_inference.embedded.chat import Job, chat_job, completion_job
from lumina_inference.embedded.embeddings import embeddings
from lumina_inference.embedded.encoder import Encoder
from lumina_inference.embedded.refusals import Refusal
from lumina_kit import logs

BODY_SECONDS = 30.0
JSON = "application/json"
log = logs.get(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Models:
    """The handlers, and when the last request ended."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._last_end = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """How long no request has been under way; 0 while one is."""
        return 0.0 if self._encoder.worker.busy else time.monotonic() - self._last_end

    def app(self, body_bytes: int) -> web.Application:
        """The application; bodies beyond `body_bytes` get a 413."""
        app = web.Application(client_max_size=body_bytes, middlewares=[self._guarded])
        app.router.add_post("/v1/embeddings", self.embeddings)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/completions", self.completions)
        app.router.add_get("/healthz", self.healthz)
        return app

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        sdk = request.headers.get("x-stainless-lang")
        return web.Response(body=await embeddings(await _body(request), sdk, self._encoder), content_type=JSON)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, chat_job)

    async def completions(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, completion_job)

    async def healthz(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ready"})

    async def _answered(self, request: web.Request, job_of: Callable[[bytes], Job]) -> web.StreamResponse:
        # Splitting a large conversation takes a while too: it is work for the thread, like the model's.
        job = await self._encoder.worker.run(job_of, await _body(request))
        answers = await reply(job, self._encoder)
        if not job.stream:
            return web.Response(body=whole(job, answers), content_type=JSON)
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
        await response.prepare(request)
        for event in streamed(job, answers):
            await response.write(event)
        await response.write_eof()
        return response

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A place in the queue for each request, and every failure as an error in OpenAI's shape."""
        try:
            with self._encoder.worker.place():
                return await handler(request)
        except Refusal as refusal:
            return _refused(refusal)
        except web.HTTPException as error:
            return _refused(_as_refusal(error))
        except Exception:  # the edge: the caller gets an error, the log the reason
            log.exception("request failed", path=request.path)
            return _refused(
                Refusal("The embedded model failed; Lumina's log has the reason.", code="internal_error", status=500)
            )
        finally:
            self._last_end = time.monotonic()


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Refusal(f"The body was not complete within {BODY_SECONDS:g} s.", code="slow_body", status=408) from None


def _as_refusal(error: web.HTTPException) -> Refusal:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Refusal(f"The body is too large: {error.text}", code="body_too_large", status=413)
    return Refusal(f"{error.reason}: no such call on the embedded models.", code="unknown_url", status=error.status)


def _refused(refusal: Refusal) -> web.Response:
    headers = {"retry-after": str(refusal.retry_after)} if refusal.retry_after else {}
    return web.Response(body=refusal.body, status=refusal.status, content_type=JSON, headers=headers)
