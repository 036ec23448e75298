"""Routes with `*` for one model: what the `*` stands for goes into the models of their backends."""

from collections.abc import Mapping

from msgspec import json
from msgspec.structs import replace

from lumina_contracts.snapshot import Backend, Terms

WILD = "*"
PriceLists = Mapping[str, Mapping[str, Terms]]
_UNKNOWN = Terms()


def concrete(backend: Backend, rest: str, price_lists: PriceLists) -> Backend:
    """The backend for the model that `rest` makes of its `*`, with that model's price and limits."""
    terms = price_lists.get(backend.price_list or "", {}).get(rest, _UNKNOWN)
    quoted = json.encode(rest).decode()[1:-1]  # the model comes first in a translation, so the first * is its own
    named = replace(
        backend,
        model=backend.model.replace(WILD, rest),
        translation=backend.translation and backend.translation.replace(WILD, quoted, 1),
        price_list=None,
        max_input_tokens=backend.max_input_tokens or terms.max_input_tokens,
        max_output_tokens=backend.max_output_tokens or terms.max_output_tokens,
    )
    return named if _is_priced(backend) else _priced(named, terms)


def _is_priced(backend: Backend) -> bool:
    return backend.input_nano_usd_per_token is not None or backend.output_nano_usd_per_token is not None


def _priced(backend: Backend, terms: Terms) -> Backend:
    cached = backend.cached_input_nano_usd_per_token
    return replace(
        backend,
        input_nano_usd_per_token=terms.input,
        output_nano_usd_per_token=terms.output,
        cached_input_nano_usd_per_token=terms.cached_input if cached is None else cached,
        price_source=backend.price_source if terms != _UNKNOWN else None,
    )
