"""How a backend is looked at when it is in doubt, and how often otherwise. No probe costs anything."""

from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlsplit

from lumina_contracts.snapshot import Probe
from lumina_inference.config.addresses import Address
from lumina_inference.config.fields import Fields
from lumina_inference.config.origins import Origin

KINDS: tuple[str, ...] = get_args(Probe)
INTERVAL_SECONDS = 30.0
OFF = "off"
_MOST_SECONDS = 86_400.0
# A LiteLLM proxy's /health calls its models, which costs; this does not.
_ALIVE = {"litellm_proxy": "/health/liveliness"}


@dataclass(frozen=True)
class ProbeDefaults:
    """What holds for backends at an address that the file gives. `seconds` None: only when in doubt."""

    kind: Probe | None = None
    seconds: float | None = INTERVAL_SECONDS


@dataclass(frozen=True)
class Probing:
    """How one backend is probed."""

    kind: Probe
    url: str | None
    seconds: float | None


def read_defaults(section: Fields, general: Fields) -> ProbeDefaults:
    """`lumina_settings.probes`, over what `general_settings` says of background health checks."""
    seconds: float | None = INTERVAL_SECONDS
    if general.flag("background_health_checks") is False:
        seconds = None
    else:
        seconds = general.number("health_check_interval", least=1, most=_MOST_SECONDS) or seconds
    if section.get("interval"):
        seconds = read_interval(section, "interval")
    return ProbeDefaults(_kind(section, "kind"), seconds)


def read_probing(info: Fields, origin: Origin, address: Address, defaults: ProbeDefaults) -> Probing:
    """The probe of one backend: what its `model_info` says, else the defaults, else what its provider has."""
    own = _kind(info, "lumina_probe")
    kind = own or (defaults.kind if address.own or defaults.kind == "none" else None) or _usual(origin, address)
    url = info.text("lumina_probe_url") or _url(kind, origin, address)
    if kind == "none" or (url is None and origin.provider.translated):
        return Probing("none", None, None)
    return Probing(kind, url, _seconds(info, address, defaults))


def read_interval(fields: Fields, name: str) -> float | None:
    """Seconds, or None for `off`; YAML reads that word as false."""
    found = fields.get(name)
    if found is None or found.data is False or found.text == OFF:
        return None
    return fields.number(name, least=1, most=_MOST_SECONDS)


def _seconds(info: Fields, address: Address, defaults: ProbeDefaults) -> float | None:
    if info.get("lumina_probe_interval"):
        return read_interval(info, "lumina_probe_interval")
    if info.flag("disable_background_health_check") or not address.own:
        return None
    return defaults.seconds


def _kind(fields: Fields, name: str) -> Probe | None:
    return cast(Probe | None, fields.one_of(name, KINDS))


def _usual(origin: Origin, address: Address) -> Probe:
    if origin.name in _ALIVE:
        return "health"
    if not origin.provider.translated:
        return "models"
    return "tcp" if address.url else "none"


def _url(kind: Probe, origin: Origin, address: Address) -> str | None:
    """The address to probe, where it is not below the backend's own."""
    if address.url is None or (kind != "health" and not origin.provider.translated):
        return None
    parts = urlsplit(address.url)
    server = f"{parts.scheme}://{parts.netloc}"
    if kind == "tcp":
        return server
    if kind == "models":
        return f"{address.url}/models"
    root = address.url.removesuffix("/v1") if origin.name in _ALIVE else server
    return root + _ALIVE.get(origin.name, "/health")
