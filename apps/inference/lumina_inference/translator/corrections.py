"""What the library gets wrong and gives no switch for. Each has a test that fails without it."""

from collections.abc import Callable
from typing import Any

from httpx import _models
from litellm.litellm_core_utils import core_helpers
from litellm.llms.vertex_ai.gemini import vertex_and_google_ai_studio_gemini as gemini


def correct() -> None:
    """Apply all of them, once in a process."""
    # An answer that was cut by the context window is not a complete one.
    core_helpers._FINISH_REASON_MAP["model_context_window_exceeded"] = "length"
    gemini.ModelResponseIterator.chunk_parser = _with_finish(gemini.ModelResponseIterator.chunk_parser)
    setattr(_models, "LineDecoder", Lines)  # noqa: B010  # it is not exported


class Lines:
    """Lines that end as those of server-sent events do.

    The client's own end at U+2028 and the like too, which JSON has inside texts: such an answer would be torn apart.
    """

    def __init__(self) -> None:
        self._begun: list[str] = []

    def decode(self, text: str) -> list[str]:
        """The lines that end in this piece."""
        first, *others = text.split("\n")
        self._begun.append(first)
        if not others:
            return []
        *whole, rest = "".join(self._begun), *others
        self._begun = [rest]
        return [line.removesuffix("\r") for line in whole]

    def flush(self) -> list[str]:
        """What stands after the last end of a line."""
        rest, self._begun = "".join(self._begun), []
        return [rest] if rest else []


def _with_finish(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Gemini's chunks all look unfinished, so that a stream that was cut ends with a "stop" that nobody said."""

    def chunk_parser(self: object, chunk: dict[str, Any]) -> Any:
        parsed = parse(self, chunk)
        if parsed is not None:
            parsed.hidden_params["is_finished"] = _finishes(chunk)
        return parsed

    return chunk_parser


def _finishes(chunk: dict[str, Any]) -> bool:
    blocked = "blockReason" in (chunk.get("promptFeedback") or {})
    return blocked or any("finishReason" in candidate for candidate in chunk.get("candidates") or ())
