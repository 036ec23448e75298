"""What the gateway does with each key of a LiteLLM configuration file, from the tables that the reader itself uses."""

from collections.abc import Iterator

from lumina_inference.config.acted import SECTIONS
from lumina_inference.config.guards import guarded
from lumina_inference.config.known import known_keys
from lumina_inference.config.lumina_settings import KEYS
from lumina_inference.config.prices import price_table
from lumina_inference.config.providers import PROVIDERS
from lumina_inference.config.strategies import MEANINGS, STRATEGIES
from lumina_inference.config.translated import TRANSLATED
from tools.reference.tables import page, table

_TITLES = {"top": "Top level", "entry": "An entry of `model_list`"}
_TRANSLATED_NOTE = (
    "For translated providers every other key of `litellm_params` that belongs to a call, as `temperature` or "
    "`aws_region_name`, goes to the LiteLLM library as it is."
)


def litellm_config() -> str:
    intro = (
        "`lumina config check FILE` says by line which of these a file has. Keys have LiteLLM's names and meanings; "
        "what is accepted and not acted on gets a line that says *not yet*, an unknown key a warning, and "
        "so does a key that would limit money or access and does not act here."
    )
    acted = (part for name in SECTIONS for part in _section(name))
    return page("Keys of a LiteLLM configuration", intro, *acted, *_lumina(), *_strategies(), *_providers(), _prices())


def _section(name: str) -> Iterator[str]:
    keys = SECTIONS[name]
    yield f"## {_TITLES.get(name, f'`{name}`')}"
    yield table(["key", "what it does"], [[f"`{key}`", meaning] for key, meaning in keys.items()])
    if name == "litellm_params":
        yield _TRANSLATED_NOTE
    guards = guarded(name)
    if guards:
        yield f"Not enforced; a warning says what to use instead: {_listed(sorted(guards))}."
    rest = sorted(known_keys()[name] - keys.keys() - guards)
    if rest:
        yield f"Accepted, and not acted on yet: {_listed(rest)}."


def _lumina() -> Iterator[str]:
    yield "## `lumina_settings`"
    yield table(["key", "what it does"], [[f"`{key}`", meaning] for key, meaning in KEYS.items()])
    yield "An unknown key here is an error."


def _strategies() -> Iterator[str]:
    yield "## Strategies"
    rows = [[f"`{written}`", MEANINGS[strategy]] for written, strategy in STRATEGIES.items()]
    yield table(["`routing_strategy`", "asks first"], rows)


def _providers() -> Iterator[str]:
    yield "## Providers"
    yield f"Called directly, since they speak OpenAI's wire format: {_listed(sorted(PROVIDERS))}."
    yield f"Called through the LiteLLM library: {_listed(sorted(TRANSLATED))}."


def _prices() -> str:
    found = price_table()
    models = sum(map(len, found.providers.values()))
    return f"## Price table\n\n{models:,} models, as of {found.date}, from {found.source}."


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
