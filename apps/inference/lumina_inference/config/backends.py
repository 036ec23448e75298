"""One entry's `litellm_params` and `model_info` into a backend."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from lumina_contracts.snapshot import Backend
from lumina_inference.config.fields import Fields, LeftOut
from lumina_inference.config.findings import Level
from lumina_inference.config.providers import PROVIDERS, TRANSLATED, Provider, split_model

_OPENAI_NAMES = re.compile(r"(?:gpt-|chatgpt-|o\d|text-embedding-|ft:|davinci|babbage)")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,8192}")
_OUR_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "upgrade", "te"})
_MOST_SECONDS = 86_400.0
_NANO = 1_000_000_000

PARAMS_USED = frozenset(
    {
        "model", "custom_llm_provider", "api_base", "base_url", "api_key", "timeout", "stream_timeout", "weight",
        "extra_headers", "organization", "input_cost_per_token", "output_cost_per_token",
    }
)  # fmt: skip
INFO_USED = frozenset({"id", "mode", "input_cost_per_token", "output_cost_per_token"})


@dataclass(frozen=True)
class Origin:
    """Where a backend's model comes from."""

    name: str
    provider: Provider
    model: str


def read_backend(route: str, ordinal: int, params: Fields, info: Fields) -> Backend | None:
    """The backend, or None with errors reported. `ordinal` tells like entries apart. Raises LeftOut."""
    origin = _origin(params)
    if origin is None:
        return None
    url = _url(params, origin)
    if url is None:
        return None
    price = (_price(params, info, "input"), _price(params, info, "output"))
    return Backend(
        id=info.text("id") or _identity(route, ordinal, origin, url),
        provider=origin.provider.telemetry or origin.name,
        model=origin.model,
        url=url,
        api_key=_api_key(params, origin),
        headers=tuple(_headers(params)),
        weight=_or_one(params.number("weight", least=0, most=1e6)),
        timeout_seconds=params.number("timeout", least=0.001, most=_MOST_SECONDS),
        stream_timeout_seconds=params.number("stream_timeout", least=0.001, most=_MOST_SECONDS),
        input_nano_usd_per_token=price[0],
        output_nano_usd_per_token=price[1],
    )


def provider_of(params: Fields) -> Provider | None:
    """The provider of an entry whose backend was read."""
    origin = _origin(params)
    return origin.provider if origin else None


def _origin(params: Fields) -> Origin | None:
    at = params.get("model")
    model = params.text("model")
    if at is None or not model:
        where = at or params.at
        params.findings.error(
            where.line, f"{params.at.path}.model", "is missing; write provider/name, as openai/gpt-4o"
        )
        return None
    forced = params.text("custom_llm_provider")
    named, name = (forced, model.removeprefix(f"{forced}/")) if forced else split_model(model)
    if named is None and _OPENAI_NAMES.match(model):
        named = "openai"
    if named in PROVIDERS:
        if "*" in model:
            raise LeftOut(at, "wildcards are not routed yet", Level.NOT_YET)
        provider = PROVIDERS[named]
        prefixed = name if "accounts/" in name else f"{provider.model_prefix}{name}"
        return Origin(named, provider, prefixed)
    _unserved(params, named, model)
    return None


def _unserved(params: Fields, named: str | None, model: str) -> None:
    at = params.values["model"]
    if model == "*":
        raise LeftOut(at, "wildcards are not routed yet", Level.NOT_YET)
    if named in TRANSLATED:
        raise LeftOut(at, f"{named} needs a translation of its wire format, which does not exist yet", Level.NOT_YET)
    known = "openai/, hosted_vllm/, ollama/, lm_studio/, groq/, mistral/, openrouter/ ..."
    params.findings.error(
        at.line, at.path, f"{model[:200]!r} names no known provider ({known}); for any OpenAI-compatible server "
        "write openai/NAME and its api_base"
    )  # fmt: skip


def _url(params: Fields, origin: Origin) -> str | None:
    given = params.text("api_base") or params.text("base_url")
    from_environment = next((params.environ[name] for name in origin.provider.base if params.environ.get(name)), None)
    url = given or from_environment or origin.provider.url
    at = params.get("api_base") or params.get("base_url") or params.values["model"]
    if url is None:
        params.findings.error(
            at.line, f"{params.at.path}.api_base", f"is missing; {origin.name} has no address of its own"
        )
        return None
    url = url.rstrip("/")
    problem = _url_problem(url)
    if problem:
        params.findings.error(at.line, at.path, problem)
        return None
    appended = origin.provider.appended
    return url if url.endswith(appended) else url + appended


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "is no valid address"
    if not valid or not url.isascii() or "\\" in url or any(character.isspace() for character in url):
        return "must be an address that begins with http:// or https://"
    if parts.username or parts.password:
        return "must not hold a user name or password; use api_key or extra_headers"
    if parts.query or parts.fragment:
        return "must end with the path, as .../v1, without ? or #"
    if parts.path.endswith(("/chat/completions", "/embeddings", "/completions")):
        return f"must end before {parts.path[parts.path.rindex('/v1') + 3 :] if '/v1' in parts.path else parts.path}"
    return None


def _api_key(params: Fields, origin: Origin) -> str | None:
    given = params.text("api_key")
    if given:
        return _checked_key(params, given)
    named = next((name for name in origin.provider.keys if params.environ.get(name)), None)
    elsewhere = (params.get("api_base") or params.get("base_url")) and origin.provider.url is not None
    if elsewhere:
        _say_unsent(params, named)
        return None
    if named is None and origin.provider.key_needed and origin.provider.url:
        wanted = f"set {origin.provider.keys[0]}, or write api_key"
        raise LeftOut(params.values["model"], f"{origin.name} needs a key: {wanted}")
    return _checked_key(params, params.environ[named]) if named else None


def _say_unsent(params: Fields, named: str | None) -> None:
    """A provider's key does not go to an address that the file names, unless the file says so."""
    if named:
        at = params.get("api_base") or params.values["model"]
        params.findings.warning(
            at.line, at.path, f"{named} is set, and is not sent to another address; write api_key: os.environ/{named}"
        )


def _checked_key(params: Fields, key: str) -> str | None:
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    at = params.get("api_key") or params.values["model"]
    params.findings.error(at.line, at.path, "the key holds characters that no HTTP header can carry")
    return None


def _headers(params: Fields) -> Iterator[tuple[str, str]]:
    organization = params.text("organization")
    if organization:
        yield "OpenAI-Organization", organization
    headers = params.section("extra_headers")
    for name, value in headers.values.items():
        text = headers.text(name)
        if name.casefold() in _OUR_HEADERS or not _HEADER_NAME.fullmatch(name):
            params.findings.error(value.line, value.path, "is no header that can be set here")
        elif text is not None and not _HEADER_VALUE.fullmatch(text):
            params.findings.error(value.line, value.path, "holds characters that no HTTP header can carry")
        elif text is not None:
            yield name, text


def _price(params: Fields, info: Fields, side: str) -> float | None:
    name = f"{side}_cost_per_token"
    price = info.number(name, least=0, most=1_000)
    price = params.number(name, least=0, most=1_000) if price is None else price
    return None if price is None else price * _NANO


def _or_one(weight: float | None) -> float:
    return 1.0 if weight is None else weight


def _identity(route: str, ordinal: int, origin: Origin, url: str) -> str:
    """The same for the same entry, wherever it stands in the file; no secret goes into it."""
    content = "\n".join((route, origin.name, origin.model, url, str(ordinal)))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
