"""Call parameters of entries whose backends speak OpenAI's format: what requests get that do not say it themselves."""

from msgspec import json

from lumina_contracts.snapshot import Parameters
from lumina_inference.config.fields import Fields, shown
from lumina_inference.config.translation import Plain, plain


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SAMPLING = _names(
    "temperature top_p n stop max_tokens presence_penalty frequency_penalty logit_bias seed user top_k min_p "
    "repetition_penalty"
)
_BY_WHAT_IS_ASKED = {
    "chat": _SAMPLING
    | _names(
        "max_completion_tokens tools tool_choice parallel_tool_calls functions function_call response_format logprobs "
        "top_logprobs modalities audio prediction reasoning_effort verbosity service_tier safety_identifier "
        "prompt_cache_key prompt_cache_retention store web_search_options thinking"
    ),
    "completion": _SAMPLING,
    "embedding": _names("dimensions encoding_format user"),
    "responses": _names(
        "temperature top_p top_logprobs parallel_tool_calls service_tier user safety_identifier prompt_cache_key "
        "prompt_cache_retention"
    ),
    "messages": _names("temperature top_p top_k thinking"),
}
EXTRA = "extra_body"
CALL_PARAMETERS = frozenset({EXTRA}).union(*_BY_WHAT_IS_ASKED.values())
_OF_THE_REQUEST = _names("model messages prompt input stream stream_options")


def read_parameters(params: Fields) -> Parameters | None:
    """The parameters, or None without any. Raises LeftOut when a variable that one refers to is not set."""
    found = {name: plain(params, params.values[name]) for name in CALL_PARAMETERS - {EXTRA} if params.get(name)}
    by_what = {what: _text(found, names) for what, names in _BY_WHAT_IS_ASKED.items()}
    read = Parameters(**by_what, extra_body=_extra(params))
    return None if read == Parameters() else read


def _text(found: dict[str, Plain], names: frozenset[str]) -> str | None:
    chosen = {name: value for name, value in sorted(found.items()) if name in names}
    return json.encode(chosen).decode() if chosen else None


def _extra(params: Fields) -> str | None:
    at = params.get(EXTRA)
    if at is None:
        return None
    if at.mapping is None:
        params.findings.error(at.line, at.path, f"must be a mapping, and is {shown(at)}")
        return None
    for name in at.mapping.keys() & _OF_THE_REQUEST:
        value = at.mapping[name]
        params.findings.warning(value.line, value.path, "is the caller's to say; it is ignored")
    given = {name: plain(params, value) for name, value in at.mapping.items() if name not in _OF_THE_REQUEST}
    return json.encode(given).decode() if given else None
