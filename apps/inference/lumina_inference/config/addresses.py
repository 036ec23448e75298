"""The address of a backend: from the file, the environment, or its provider."""

from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from lumina_inference.config.fields import Fields
from lumina_inference.config.origins import Origin
from lumina_inference.config.providers import PROVIDERS
from lumina_inference.config.translated import TRANSLATED
from lumina_inference.config.tree import Value


@dataclass(frozen=True)
class Address:
    """An address without a slash at its end. None: only the LiteLLM library knows it. `own`: it is no provider's."""

    url: str | None
    given: bool
    own: bool


def read_address(params: Fields, origin: Origin) -> Address | None:
    """The address, or None with an error reported. Raises LeftOut."""
    provider = origin.provider
    given = params.text("api_base") or params.text("base_url")
    from_environment = next((params.environ[name] for name in provider.base if params.environ.get(name)), None)
    url = given or from_environment or provider.url
    if url is None and provider.translated and not provider.base_needed:
        return Address(None, given=False, own=False)
    if url is None:
        params.findings.error(
            place(params).line, f"{params.at.path}.api_base", f"is missing; {origin.name} has no address of its own"
        )
        return None
    url = url.rstrip("/")
    problem = _problem(url, provider.translated)
    if problem:
        params.findings.error(place(params).line, place(params).path, problem)
        return None
    own = urlsplit(url).hostname not in _hosted_names() and not provider.base_needed
    return Address(url, given=bool(given or from_environment), own=own)


def place(params: Fields) -> Value:
    """Where the file gives the address, else where it names the model."""
    return params.get("api_base") or params.get("base_url") or params.values["model"]


def ending(url: str, appended: str) -> str:
    """The address with what a provider's has at its end."""
    return url if url.endswith(appended) else url + appended


@cache
def _hosted_names() -> frozenset[str | None]:
    every = (*PROVIDERS.values(), *TRANSLATED.values())
    return frozenset(urlsplit(each.url).hostname for each in every if each.key_needed and each.url)


def _problem(url: str, translated: bool) -> str | None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "is no valid address"
    if not valid or not url.isascii() or "\\" in url or any(character.isspace() for character in url):
        return "must be an address that begins with http:// or https://"
    if parts.username or parts.password:
        return "must not hold a user name or password; use api_key or extra_headers"
    if translated:  # the library takes whole addresses for some providers
        return None
    if parts.query or parts.fragment:
        return "must end with the path, as .../v1, without ? or #"
    if parts.path.endswith(("/chat/completions", "/embeddings", "/completions")):
        return f"must end before {parts.path[parts.path.rindex('/v1') + 3 :] if '/v1' in parts.path else parts.path}"
    return None
