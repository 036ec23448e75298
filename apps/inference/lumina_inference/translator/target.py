"""Which backend a request is for: what the gateway sends along, as the entry of the configuration has it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from lumina_inference.translator.refusals import Refusal

HEADER = "x-lumina-translation"
_LEAST_SECRET = 6
_MODEL = re.compile(r"[\w.:/@+-]{1,300}")


@dataclass(frozen=True)
class Target:
    """A backend as the library is to call it. `options` are `litellm_params` without the model."""

    model: str
    options: dict[str, Any]
    socket: Path | None = None

    @classmethod
    def of(cls, header: str | None, model: object, run_dir: Path) -> "Target":
        """Read the header; `model` is the request's, which fills a `*` in the entry's."""
        entry = _entry(header)
        named = str(entry.pop("model", ""))
        if "*" in named:
            named = named.replace("*", _safe(model), 1)
        socket = entry.pop("socket", None)
        return cls(named, entry, run_dir / Path(str(socket)).name if socket else None)

    @property
    def provider(self) -> str:
        """The part of the model's name that says which provider it is; empty when the name does not."""
        given = self.options.get("custom_llm_provider")
        return str(given) if given else self.model.partition("/")[0] if "/" in self.model else ""

    @property
    def has_own_address(self) -> bool:
        """Whether it speaks OpenAI's API, and is not OpenAI."""
        return self.provider == "openai" and bool(self.socket or self.options.get("api_base"))

    @property
    def drops(self) -> bool:
        """Whether what the provider lacks is left out, instead of refused."""
        return self.options.get("drop_params") is True

    def redacted(self, text: str) -> str:
        """The text without any secret of the entry."""
        for secret in _secrets(self.options, hidden=False):
            text = text.replace(secret, "***")
        return text


def _secrets(value: object, *, hidden: bool) -> Iterator[str]:
    """The texts below a name that promises a secret, `Bearer` apart; shorter ones would hide parts of words."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _secrets(below, hidden=hidden or _is_secret(str(name).lower()))
    elif hidden and isinstance(value, str) and len(secret := value.removeprefix("Bearer ")) >= _LEAST_SECRET:
        yield secret


def _is_secret(name: str) -> bool:
    return any(word in name for word in ("key", "token", "secret", "password", "credential", "headers"))


def _safe(model: object) -> str:
    # It becomes part of an address for some providers.
    if isinstance(model, str) and _MODEL.fullmatch(model) and ".." not in model:
        return model
    raise Refusal(f"{str(model)[:200]!r} is no name of a model.", param="model", code="model_not_found", status=404)


def _entry(header: str | None) -> dict[str, Any]:
    try:
        entry = msgspec.json.decode(unquote(header or ""), type=dict[str, Any])
    except msgspec.DecodeError:
        entry = {}
    if not entry.get("model"):
        raise Refusal(f"The header {HEADER} must name the backend, as a JSON object with a model.", code="no_backend")
    return entry
