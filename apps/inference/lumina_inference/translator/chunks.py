"""The library's stream of chunks, with its mistakes put right: a cut stream is an error, and not a short answer."""

from typing import Any, Self

from lumina_inference.translator.closing import to_the_end
from lumina_inference.translator.refusals import Refusal


class Chunks:
    """The chunks of one chat answer, once each. Other attributes are the library's stream's own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._first: list[Any] = []
        self._finished = False

    async def begun(self) -> Self:
        """Wait for the first chunk: some providers are called only then, and their errors still have a status."""
        self._first = [await self._next()]
        return self

    @property
    def model_name(self) -> str:
        """The provider's name of the model, from the chunk that is waited for."""
        return str(getattr(self._first[0], "model", "")) if self._first else ""

    @property
    def chat_id(self) -> str:
        """The id of the answer, from the chunk that is waited for."""
        return str(getattr(self._first[0], "id", "")) if self._first else ""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return self._first.pop() if self._first else await self._next()

    async def aclose(self) -> None:
        """Close the connection to the provider."""
        await to_the_end(self._stream.aclose())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def _next(self) -> Any:
        try:
            chunk = await anext(self._stream)
        except StopAsyncIteration:
            if not self._finished:
                raise _cut() from None
            raise
        if any(getattr(choice, "finish_reason", None) for choice in chunk.choices):
            if getattr(self._stream, "received_finish_reason", "") is None:
                raise _cut()  # the provider gave no finish reason: this "stop" is the library's own
            self._finished = True
        return chunk


def _cut() -> Refusal:
    return Refusal("The provider's stream ended before the answer did.", status=502, code="stream_cut")
