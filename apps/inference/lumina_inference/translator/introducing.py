"""Models that are newer than the library's list of them."""

import litellm

from lumina_inference.translator.target import Target

_PROVIDER = "gemini"
_MOST = 1_000
_introduced: set[str] = set()


def introduce(target: Target) -> None:
    """Tell the library what Gemini's models can do: for one that it does not know, it moves the system prompt away."""
    name = target.model
    if target.provider != _PROVIDER or name in litellm.model_cost or len(_introduced) >= _MOST:
        return
    _introduced.add(name)
    able = ("system_messages", "function_calling", "response_schema", "vision", "tool_choice")
    entry = {"litellm_provider": _PROVIDER, "mode": "chat"} | {f"supports_{what}": True for what in able}
    litellm.register_model({name: entry})
