"""The key and the headers that go to a backend."""

import re
from collections.abc import Iterator

from lumina_inference.config.addresses import place
from lumina_inference.config.fields import Fields, LeftOut
from lumina_inference.config.origins import Origin

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,8192}")
_OUR_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "upgrade", "te"})


def read_key(params: Fields, origin: Origin) -> str | None:
    """The key, from the file or the environment. Raises LeftOut when the provider needs one and there is none."""
    given = params.text("api_key")
    if given:
        return _checked(params, given)
    provider = origin.provider
    named = next((name for name in provider.keys if params.environ.get(name)), None)
    in_file = params.get("api_base") or params.get("base_url")
    if in_file and provider.url is not None:
        _say_unsent(params, named)
        return None
    if named is None and provider.key_needed and (provider.url or provider.translated) and not _signs_in(params):
        raise LeftOut(
            params.values["model"], f"{origin.name} needs a key: set {provider.keys[0]}, or write api_key"
        )  # fmt: skip
    return _checked(params, params.environ[named]) if named else None


def read_headers(params: Fields) -> Iterator[tuple[str, str]]:
    """`organization` and `extra_headers`; what no request may set is reported."""
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


def _signs_in(params: Fields) -> bool:
    """Whether the library gets its key in another way, as Anthropic's workload identity."""
    return any("identity" in name or "federation" in name for name in params.values)


def _say_unsent(params: Fields, named: str | None) -> None:
    """A provider's key does not go to an address that the file names, unless the file says so."""
    if named:
        at = place(params)
        params.findings.warning(
            at.line, at.path, f"{named} is set, and is not sent to another address; write api_key: os.environ/{named}"
        )


def _checked(params: Fields, key: str) -> str | None:
    if key.isascii() and key.isprintable() and " " not in key:
        return key
    at = params.get("api_key") or params.values["model"]
    params.findings.error(at.line, at.path, "the key holds characters that no HTTP header can carry")
    return None
