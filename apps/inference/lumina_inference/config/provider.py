"""What is known of a provider."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """Where a provider answers and which variables hold its key. Without `url` the file may have to give `api_base`.

    `telemetry` is its name in OpenTelemetry's list, where that differs from LiteLLM's. A `translated` one is called
    through the LiteLLM library; `borrowed` are its parameters that come from variables if the file has none.
    """

    url: str | None = None
    keys: tuple[str, ...] = ()
    base: tuple[str, ...] = ()
    telemetry: str | None = None
    key_needed: bool = True
    base_needed: bool = False
    appended: str = ""
    model_prefix: str = ""
    kinds: tuple[str, ...] | None = None
    translated: bool = False
    borrowed: tuple[tuple[str, tuple[str, ...]], ...] = ()
