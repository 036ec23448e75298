"""Call parameters of the configuration in the fields of a request."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Raw, json

from lumina_contracts.snapshot import Parameters
from lumina_inference.gateway.operations import OPERATIONS, Operation

Fields = dict[str, Raw]
_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})


@dataclass(frozen=True, slots=True)
class Filling:
    """What requests of one path get. `defaults` give way to the caller's fields, `extra` does not."""

    defaults: Fields
    unlimited: Fields
    extra: Fields

    def filled(self, fields: Fields) -> Fields:
        # A limit on the answer has two names, of which a request may have one.
        defaults = self.defaults if _LIMITS.isdisjoint(fields) else self.unlimited
        return defaults | fields | self.extra


def fillings(parameters: Parameters | None, *, extra: bool) -> Mapping[str, Filling]:
    """By path, those that have something to fill in. Without `extra` the LiteLLM library adds `extra_body` itself."""
    if parameters is None:
        return {}
    more = _read(parameters.extra_body) if extra else {}
    every = {operation.path: _filling(_read(_own(parameters, operation)), more) for operation in OPERATIONS}
    return {path: filling for path, filling in every.items() if filling.defaults or filling.extra}


def _filling(defaults: Fields, extra: Fields) -> Filling:
    return Filling(defaults, {name: value for name, value in defaults.items() if name not in _LIMITS}, extra)


def _own(parameters: Parameters, operation: Operation) -> str | None:
    by_form = {"responses": parameters.responses, "messages": parameters.messages}
    by_kind = {
        "chat": parameters.chat, "completion": parameters.completion, "embedding": parameters.embedding,
    }  # fmt: skip
    return by_kind[operation.kind] if operation.form == "chat" else by_form[operation.form]


def _read(text: str | None) -> Fields:
    return json.decode(text, type=Fields) if text else {}
