"""From a parsed HTTP request to an answer: one place where failures become bodies and requests become records."""

import asyncio

from aiohttp.web import BaseRequest, StreamResponse

from lumina_inference.gateway import calls
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ApiError
from lumina_inference.gateway.recorder import Recorder
from lumina_inference.gateway.replies import reply_error
from lumina_inference.gateway.routing import Endpoint, Table
from lumina_inference.gateway.snapshots import Snapshots
from lumina_kit import logs

_log = logs.get(__name__)
_NO_ROUTE = "*"


class Dispatch:
    """Answers every request."""

    def __init__(self, table: Table, snapshots: Snapshots, recorder: Recorder) -> None:
        self.table = table
        self._snapshots = snapshots
        self._recorder = recorder

    async def __call__(self, request: BaseRequest) -> StreamResponse:
        call = calls.begin(request, self._snapshots.current)
        try:
            endpoint = self.table.find(request.method, request.rel_url.raw_path)
        except ApiError as error:
            response = reply_error(call, error)
            self._recorder.finish(call, _NO_ROUTE)
            return response
        return await self._answer(call, endpoint)

    async def _answer(self, call: Call, endpoint: Endpoint) -> StreamResponse:
        try:
            response = await endpoint.handler(call)
            await _send(call, response)
            return response
        except ApiError as error:
            return reply_error(call, error)
        except ConnectionError:
            _note_hang_up(call)
            raise
        except asyncio.CancelledError:
            if not call.delivered:
                _note_hang_up(call)
            raise
        except Exception:  # noqa: BLE001  # whatever it is, the caller gets an answer and the log the cause
            _log.exception("request failed", path=endpoint.path, request_id=call.request_id)
            if call.request.writer.output_size:
                call.error_type = ApiError.code
                raise ConnectionResetError("An answer has begun; only a cut tells that it is not whole.") from None
            return reply_error(call, ApiError(f"The gateway failed. Its log knows more of {call.request_id}."))
        finally:
            if call.at_end is not None:
                call.at_end(call)
            if not endpoint.quiet:
                self._recorder.finish(call, endpoint.path)


def _note_hang_up(call: Call) -> None:
    call.status, call.error_type = calls.CLIENT_CLOSED, "client_closed"


async def _send(call: Call, response: StreamResponse) -> None:
    """Before the request is recorded, so that no caller waits for that."""
    await response.prepare(call.request)
    await response.write_eof()
