"""What a backend costs and takes: what the file says, else the price table, which has a date."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from msgspec import Struct, json

from lumina_contracts.snapshot import Terms
from lumina_inference.config.fields import Fields
from lumina_inference.config.origins import ANY, Origin, provider_of
from lumina_inference.config.providers import split_model
from lumina_inference.wildcards import WILD

_NANO = 1_000_000_000
_MOST_TOKENS = 1_000_000_000
_Row = tuple[float | None, float | None, float | None, int | None, int | None, str]
_SAME_PRICES = {
    "anthropic_text": "anthropic", "azure_text": "azure", "bedrock_converse": "bedrock", "cohere_chat": "cohere",
    "custom_openai": "openai", "ollama_chat": "ollama", "text-completion-openai": "openai",
    "vertex_ai_beta": "vertex_ai",
}  # fmt: skip


class PriceTable(Struct, frozen=True, kw_only=True):
    """Prices in nano-dollars per token, limits in tokens, by provider and model; `python -m tools.prices` writes it."""

    source: str
    date: str
    unit: str
    columns: tuple[str, ...]
    providers: Mapping[str, Mapping[str, _Row]]


CONFIG = "config"


@cache
def price_table() -> PriceTable:
    """The table that comes with this version; read once, when the first price is asked for."""
    content = files("lumina_inference.config").joinpath("prices.json").read_bytes()
    return json.decode(content, type=PriceTable)


def read_terms(params: Fields, info: Fields, origin: Origin) -> tuple[Terms, str | None]:
    """The terms of one entry, and where its price is from.

    A file that gives a price gives all of them: no column comes from the table then.
    """
    given = [_cost(params, info, name) for name in ("input_cost_per_token", "output_cost_per_token")]
    cached = _cost(params, info, "cache_read_input_token_cost")
    listed = _listed(info, origin)
    in_file = given != [None, None]
    if in_file:
        listed = Terms(None, None, None, listed.max_input_tokens, listed.max_output_tokens)
    terms = Terms(
        input=_first(given[0], listed.input),
        output=_first(given[1], listed.output),
        cached_input=_first(cached, listed.cached_input),
        max_input_tokens=_tokens(info, "max_input_tokens") or listed.max_input_tokens,
        max_output_tokens=_tokens(info, "max_output_tokens") or listed.max_output_tokens,
    )
    return terms, CONFIG if in_file else None if listed.input is None and listed.output is None else table_name()


def is_listed_later(info: Fields, origin: Origin) -> bool:
    """Whether only a request tells the model, and with it the price."""
    return WILD in origin.model and not info.get("base_model")


def price_list(origin: Origin) -> dict[str, Terms]:
    """The terms of every model that the `*` of this one may stand for, by what it stands for."""
    if origin.name == ANY:
        return _every_model()
    found: dict[str, Terms] = {}
    for provider, pattern in _candidates(None, origin):
        stem = pattern.removesuffix(WILD)
        for model, row in price_table().providers.get(provider, {}).items():
            if model.startswith(stem):
                found.setdefault(model.removeprefix(stem), Terms(*row[:5]))
    return found


@cache
def _every_model() -> dict[str, Terms]:
    """All of the table, by names as LiteLLM takes them: with the provider, or without where it knows the name."""
    found = {
        f"{provider}/{model}": Terms(*row[:5])
        for provider, rows in price_table().providers.items()
        for model, row in rows.items()
    }
    bare = {name.partition("/")[2]: terms for name, terms in found.items() if _is_known_bare(name)}
    return found | bare


def _is_known_bare(name: str) -> bool:
    provider, _, model = name.partition("/")
    known = provider_of(model)
    return known is not None and provider in (known, _SAME_PRICES.get(known))


def table_name() -> str:
    """The table as the source of a price."""
    return f"table of {price_table().date}"


def _listed(info: Fields, origin: Origin) -> Terms:
    base = info.text("base_model")
    if WILD in origin.model and not base:
        return Terms()
    for provider, model in _candidates(base, origin):
        row = price_table().providers.get(provider, {}).get(model)
        if row is not None:
            return Terms(*row[:5])
    return Terms()


def _candidates(base: str | None, origin: Origin) -> Iterator[tuple[str, str]]:
    """Where to look: LiteLLM's `base_model` first, at its own provider, at the entry's, at OpenAI."""
    own = (origin.name, _SAME_PRICES.get(origin.name, origin.name))
    if base:
        named, name = split_model(base)
        yield from ((provider, name) for provider in ([named] if named else [*own, "openai", "anthropic"]))
    yield from ((provider, origin.model) for provider in own)
    prefix = origin.provider.model_prefix
    if prefix:
        yield origin.name, origin.model.removeprefix(prefix)


def _cost(params: Fields, info: Fields, name: str) -> float | None:
    price = info.number(name, least=0, most=1_000)
    price = params.number(name, least=0, most=1_000) if price is None else price
    return None if price is None else price * _NANO


def _tokens(info: Fields, name: str) -> int | None:
    return info.whole(name, least=1, most=_MOST_TOKENS)


def _first(given: float | None, listed: float | None) -> float | None:
    return listed if given is None else given
