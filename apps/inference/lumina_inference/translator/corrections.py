"""What the library gets wrong and gives no switch for. Each has a test that fails without it."""

from collections.abc import Callable
from typing import Any

from litellm.litellm_core_utils import core_helpers
from litellm.llms.vertex_ai.gemini import vertex_and_google_ai_studio_gemini as gemini


def correct() -> None:
    """Apply all of them, once in a process."""
    # An answer that was cut by the context window is not a complete one.
    core_helpers._FINISH_REASON_MAP["model_context_window_exceeded"] = "length"
    gemini.ModelResponseIterator.chunk_parser = _with_finish(gemini.ModelResponseIterator.chunk_parser)


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
