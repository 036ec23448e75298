"""One entry's `litellm_params` and `model_info` into a backend."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import structs

from lumina_contracts.snapshot import Backend, Terms
from lumina_inference.config.addresses import Address, ending, read_address
from lumina_inference.config.credential_list import Credentials, with_credential
from lumina_inference.config.credentials import read_headers, read_key
from lumina_inference.config.fields import Fields, LeftOut
from lumina_inference.config.findings import Level
from lumina_inference.config.origins import Origin, read_origin
from lumina_inference.config.parameters import read_parameters
from lumina_inference.config.prices import is_listed_later, price_list, read_terms, table_name
from lumina_inference.config.probing import ProbeDefaults, read_probing
from lumina_inference.config.translation import Plain, translation
from lumina_inference.wildcards import WILD

TRANSLATOR_URL = "http://translator/v1"
TRANSLATOR_SOCKET = "translator.sock"
TRANSLATOR_PART = "translator"
_MOST_SECONDS = 86_400.0
_MOST_PER_MINUTE = 1_000_000_000
_MOST_RETRIES = 100


@dataclass(frozen=True)
class EntryDefaults:
    """What holds for every entry that says nothing else."""

    probes: ProbeDefaults
    library: Mapping[str, Plain] = field(default_factory=dict)
    credentials: Credentials = field(default_factory=dict)


@dataclass(frozen=True)
class Drafted:
    """A backend before its route's weights are known. `weight` is LiteLLM's own key; `kinds` are its provider's."""

    backend: Backend
    weight: float | None
    kinds: tuple[str, ...] | None
    price_list: Mapping[str, Terms] | None = None


def read_backend(name: str, ordinal: int, params: Fields, info: Fields, defaults: EntryDefaults) -> Drafted | None:
    """The backend, or None with errors reported. `ordinal` tells like entries apart. Raises LeftOut."""
    params = with_credential(params, defaults.credentials)
    origin = read_origin(params)
    if origin is None:
        return None
    _check_wildcard(name, params, origin)
    address = read_address(params, origin)
    if address is None:
        return None
    weight = params.number("weight", least=0, most=1e6)
    backend = _backend(params, info, origin, address, defaults)
    identity = info.text("id") or _identity(name, ordinal, origin, address)
    backend = structs.replace(backend, id=identity)
    listed = price_list(origin) if is_listed_later(info, origin) else None
    if listed:
        source = backend.price_source or table_name()
        backend = structs.replace(backend, price_list=origin.library_model, price_source=source)
    return Drafted(backend, weight, origin.provider.kinds, listed)


def _backend(params: Fields, info: Fields, origin: Origin, address: Address, defaults: EntryDefaults) -> Backend:
    key, translated = read_key(params, origin), origin.provider.translated
    terms, source = read_terms(params, info, origin)
    probing = read_probing(info, origin, address, defaults.probes)
    headers = tuple(read_headers(params))
    return Backend(
        id="",
        provider=origin.provider.telemetry or origin.name,
        model=origin.model,
        url=TRANSLATOR_URL if translated else ending(address.url or "", origin.provider.appended),
        api_key=None if translated else key,
        headers=() if translated else headers,
        socket=TRANSLATOR_SOCKET if translated else None,
        part=TRANSLATOR_PART if translated else None,
        translated=translated,
        parameters=None if translated else read_parameters(params),
        translation=translation(params, origin, address, key, defaults.library),
        timeout_seconds=params.number("timeout", least=0.001, most=_MOST_SECONDS),
        stream_timeout_seconds=params.number("stream_timeout", least=0.001, most=_MOST_SECONDS),
        input_nano_usd_per_token=terms.input,
        output_nano_usd_per_token=terms.output,
        cached_input_nano_usd_per_token=terms.cached_input,
        price_source=source,
        max_input_tokens=terms.max_input_tokens,
        max_output_tokens=terms.max_output_tokens,
        tags=tuple(params.resolved(tag) for tag in params.texts("tags", "tags")),
        order=params.whole("order", least=1, most=1_000) or 1,
        requests_per_minute=_per_minute(params, info, "rpm"),
        tokens_per_minute=_per_minute(params, info, "tpm"),
        max_parallel_requests=params.whole("max_parallel_requests", least=1, most=1_000_000),
        cooldown_seconds=_either(info, params, "cooldown_time"),
        num_retries=_retries(params),
        probe=probing.kind,
        probe_url=probing.url,
        probe_seconds=probing.seconds,
    )


def _check_wildcard(name: str, params: Fields, origin: Origin) -> None:
    if WILD in origin.model and (WILD not in name or not origin.model.endswith(WILD) or origin.model.count(WILD) > 1):
        wrong = "a * in the model stands for the caller's own name: it ends the model, and the model_name too"
        raise LeftOut(params.values["model"], wrong, Level.WARNING)


def _either(info: Fields, params: Fields, key: str) -> float | None:
    seconds = info.number(key, least=0, most=_MOST_SECONDS)
    return params.number(key, least=0, most=_MOST_SECONDS) if seconds is None else seconds


def _per_minute(params: Fields, info: Fields, key: str) -> int | None:
    own = params.whole(key, least=0, most=_MOST_PER_MINUTE)
    return info.whole(key, least=0, most=_MOST_PER_MINUTE) if own is None else own


def _retries(params: Fields) -> int | None:
    own = params.whole("num_retries", least=0, most=_MOST_RETRIES)
    return params.whole("max_retries", least=0, most=_MOST_RETRIES) if own is None else own


def _identity(route: str, ordinal: int, origin: Origin, address: Address) -> str:
    """The same for the same entry, wherever it stands in the file; no secret goes into it."""
    url = ending(address.url or "", origin.provider.appended)
    content = "\n".join((route, origin.name, origin.model, url, str(ordinal)))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
