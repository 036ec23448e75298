"""One request on its way through the gateway: what its span, its metrics and its log line are written from."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp.web import BaseRequest
from msgspec import Struct

from lumina_contracts.attributes import UNKNOWN
from lumina_inference.gateway import tracecontext
from lumina_inference.gateway.answers import Usage
from lumina_inference.gateway.capture import Content
from lumina_inference.gateway.failures import Failure
from lumina_inference.gateway.index import Caller, Choices, Index, Target
from lumina_inference.gateway.limits import Reservation, pricing
from lumina_inference.gateway.operations import Operation
from lumina_inference.gateway.tracecontext import Trace

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
CLIENT_CLOSED = 499


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that brought nothing: what the span tells as an event."""

    at_ns: int
    backend: str
    failure: Failure

    @classmethod
    def of(cls, target: Target, failure: Failure) -> "FailedAttempt":
        return cls(time.time_ns(), target.backend.id, failure)


class Call(Struct, eq=False):
    """Filled in as the request is served; read once, when it is over.

    `delivered`: the caller has the end of its stream, so nothing that happens after it is a failure. `retries` and
    `fallbacks` count what was tried after the first attempt. `backend_headers` are those of the backend that answered.
    `waited_seconds` for backends and the caller's body are not our own time; `overhead_seconds` until the answer began
    are. `reserved_output` tokens of it are reserved; `at_end` books what was used. `content` is there
    where the caller's project captures it.
    """

    request: BaseRequest
    index: Index | None
    trace: Trace
    request_id: str
    started_ns: int
    started: float
    operation: Operation | None = None
    caller: Caller | None = None
    choices: Choices | None = None
    target: Target | None = None
    asked_model: str | None = None
    stream: bool = False
    prompt_sha256: str | None = None
    status: int = CLIENT_CLOSED
    error_type: str | None = None
    first_chunk_seconds: float | None = None
    response_id: str | None = None
    response_model: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: Usage | None = None
    usage_estimated: bool = False
    estimated_input: int = 0
    retries: int = 0
    max_retries: int = 0
    fallbacks: int = 0
    timeout_seconds: float | None = None
    waited_seconds: float = 0.0
    overhead_seconds: float | None = None
    reservation: Reservation | None = None
    reserved_output: int = 0
    at_end: "Callable[[Call], None] | None" = None
    rate_headers: list[tuple[str, str]] = []
    failed_attempts: list[FailedAttempt] = []
    backend_headers: tuple[tuple[str, str], ...] = ()
    body_bytes: int = 0
    _priced: Usage | None = None
    _cost_nano_usd: int | None = None
    delivered: bool = False
    reply_headers: list[tuple[str, str]] = []
    content: Content | None = None

    @property
    def model(self) -> str | None:
        """The model as the caller named it, if a route has it; `unknown` where a `*` let in what is no identifier."""
        asked = self.asked_model
        if self.choices is None or asked is None:
            return None
        return asked if asked == self.choices.route.name or _MODEL.fullmatch(asked) else UNKNOWN

    @property
    def cost_nano_usd(self) -> int | None:
        """What the answer cost, where the prices and the usage are known. It is asked for often, and computed once."""
        if self.usage is None or self.target is None:
            return None
        if self._priced is not self.usage:
            self._priced, self._cost_nano_usd = self.usage, pricing.cost_nano_usd(self.target.backend, self.usage)
        return self._cost_nano_usd


def begin(request: BaseRequest, index: Index | None) -> Call:
    """Start to account for a request."""
    headers = request.headers
    trace = tracecontext.begin(headers.get("traceparent"), headers.get("tracestate"))
    given = headers.get("x-request-id")
    request_id = given if given and _REQUEST_ID.fullmatch(given) else tracecontext.request_id()
    return Call(
        request=request,
        index=index,
        trace=trace,
        request_id=request_id,
        started_ns=time.time_ns(),
        started=time.perf_counter(),
        reply_headers=[("x-request-id", request_id), ("x-lumina-trace-id", trace.trace_id)],
    )
