"""Which fields of a request reach the library. It takes its own options as arguments too: no caller may set those."""

from collections.abc import Mapping
from typing import Any

from lumina_inference.translator.refusals import Refusal
from lumina_inference.translator.target import Target


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SAMPLING = _names("temperature top_p n stop max_tokens presence_penalty frequency_penalty logit_bias user seed")
CHAT = _SAMPLING | _names(
    "messages max_completion_tokens modalities prediction audio response_format tools tool_choice parallel_tool_calls "
    "logprobs top_logprobs functions function_call reasoning_effort verbosity safety_identifier service_tier "
    "prompt_cache_key web_search_options thinking top_k safety_settings"
)
COMPLETION = _SAMPLING | _names("prompt suffix echo best_of logprobs")
EMBEDDING = _names("input dimensions encoding_format user input_type")
RESPONSES = _names(
    "input instructions include max_output_tokens parallel_tool_calls reasoning text tool_choice tools temperature "
    "top_p truncation user service_tier safety_identifier prompt_cache_key top_logprobs"
)
MESSAGES = _names(
    "messages max_tokens stop_sequences system temperature thinking tool_choice tools top_k top_p metadata "
    "service_tier output_config output_format"
)
# They ask for nothing that an answer would show, or the caller of this module reads them itself.
_SET_ASIDE = frozenset({"model", "stream", "stream_options", "store", "metadata"})


def wanted(body: Mapping[str, Any], known: frozenset[str], target: Target) -> dict[str, Any]:
    """The request's fields without those set to null. Raises Refusal naming one that cannot be translated."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in given:
        if name not in known and name not in _SET_ASIDE and not target.drops:
            raise Refusal(
                f"{name[:100]!r} cannot be translated for {target.model}; leave it out, or set drop_params: true "
                "in the model's litellm_params to have such fields dropped.",
                param=name[:100],
                code="unsupported_parameter",
            )
    return {name: value for name, value in given.items() if name in known}


def required(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> None:
    """Raises Refusal when the request lacks the field or has something else there."""
    if not isinstance(body.get(name), kind):
        raise Refusal(f"{name!r} is missing or of the wrong type.", param=name, code="invalid_type")
