"""The Redis of the file, which the gateways of several machines share their limits through."""

from urllib.parse import quote, urlsplit

from lumina_inference.config.fields import Fields
from lumina_inference.config.settings import Settings

_SCHEMES = ("redis", "rediss", "unix")


def read_redis(settings: Settings, general: Fields) -> str | None:
    """Its address: `coordination_redis`, `router_settings`, else the cache of `litellm_settings` if that is one."""
    address = _address(general.section("coordination_redis"), "") or _address(settings.router, "redis_")
    cache = settings.litellm.section("cache_params")
    is_redis = cache.get("type") is None or cache.text("type") == "redis"
    return address or (_address(cache, "") if is_redis else None)


def _address(section: Fields, prefix: str) -> str | None:
    whole, host = section.text(f"{prefix}url"), section.text(f"{prefix}host")
    if whole:
        return _checked(section, f"{prefix}url", whole)
    port = section.whole(f"{prefix}port", least=1, most=65_535) or 6379
    database = section.whole(f"{prefix}db", least=0, most=1_000_000) or 0
    password = section.text(f"{prefix}password")
    if not host:
        return None
    user = quote(section.text(f"{prefix}username") or "", safe="")
    login = f"{user}:{quote(password, safe='')}@" if password else ""
    scheme = "rediss" if section.flag("ssl") else "redis"
    name = f"[{host}]" if ":" in host else host
    return _checked(section, f"{prefix}host", f"{scheme}://{login}{name}:{port}/{database}")


def _checked(section: Fields, key: str, address: str) -> str | None:
    try:
        parts = urlsplit(address)
        valid = parts.scheme in _SCHEMES and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if valid:
        return address
    at = section.values[key]
    section.findings.error(at.line, at.path, "must be an address as redis://host:6379")
    return None
