"""Which provider an entry names, and the model there."""

import re
from dataclasses import dataclass

from lumina_inference.config.fields import Fields
from lumina_inference.config.provider import Provider
from lumina_inference.config.providers import PROVIDERS, split_model
from lumina_inference.config.translated import TRANSLATED
from lumina_inference.config.tree import Value
from lumina_inference.wildcards import WILD

# Names that LiteLLM knows without their provider.
_BARE = (
    (re.compile(r"(?:gpt-|chatgpt-|o\d|text-embedding-|ft:|davinci|babbage)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-|text-embedding-00\d|textembedding-gecko"), "vertex_ai"),
    (re.compile(r"command-|embed-(?:english|multilingual)-"), "cohere_chat"),
)
ANY = "litellm"
_ANY_PROVIDER = Provider(key_needed=False, translated=True)


@dataclass(frozen=True)
class Origin:
    """Where a backend's model comes from. `library_model` is its name for the LiteLLM library."""

    name: str
    provider: Provider
    model: str

    @property
    def library_model(self) -> str:
        """The name with its provider, as LiteLLM's own library takes it."""
        return self.model if self.name == ANY else f"{self.name}/{self.model}"


def read_origin(params: Fields) -> Origin | None:
    """The origin, or None with an error reported. Raises LeftOut."""
    at, model = params.get("model"), params.text("model")
    if at is None or not model:
        where = at or params.at
        params.findings.error(
            where.line, f"{params.at.path}.model", "is missing; write provider/name, as openai/gpt-4o"
        )
        return None
    if model == WILD:
        return Origin(ANY, _ANY_PROVIDER, WILD)
    named, name = _named(params, model)
    provider = PROVIDERS.get(named or "") or TRANSLATED.get(named or "")
    if named is None or provider is None:
        _refuse(params, at, model)
        return None
    return Origin(named, provider, name if "accounts/" in name else f"{provider.model_prefix}{name}")


def _named(params: Fields, model: str) -> tuple[str | None, str]:
    forced = params.text("custom_llm_provider")
    if forced:
        return forced, model.removeprefix(f"{forced}/")
    named, name = split_model(model)
    return named or provider_of(model), name


def provider_of(model: str) -> str | None:
    """The provider of a name that LiteLLM knows without one."""
    return next((provider for pattern, provider in _BARE if pattern.match(model)), None)


def _refuse(params: Fields, at: Value, model: str) -> None:
    known = "openai/, anthropic/, gemini/, azure/, bedrock/, hosted_vllm/, ollama/, groq/, mistral/ ..."
    params.findings.error(
        at.line, at.path, f"{model[:200]!r} names no known provider ({known}); for any OpenAI-compatible server "
        "write openai/NAME and its api_base"
    )  # fmt: skip
