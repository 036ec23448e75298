"""`lumina_settings`: what only Lumina has. LiteLLM ignores the section; a slip in it is an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lumina_inference.config.fallbacks import Names, targets
from lumina_inference.config.fields import Fields, shown

WHOLE = "whole"
_MOST_HOLD_SECONDS = 600.0
KEYS = {
    "routes.<model_name>.stream_hold": "how long a stream is held back so that it can move to another backend unseen: "
    "`0` (the default), seconds, or `whole`; it is added to the time to the first token",
    "routes.<model_name>.fallbacks": "as `fallbacks` of `router_settings`, for this route and before them",
    "probes.kind": "`models`, `health`, `tcp` or `none`, for backends at an address that the file gives",
    "probes.interval": "seconds between two probes of such a backend, or `off`; 30 without it",
}


@dataclass(frozen=True)
class LuminaSettings:
    """What the section says, by route. `holds` in seconds; None holds a stream until it is whole."""

    holds: Mapping[str, float | None] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_lumina_settings(section: Fields, names: Names) -> LuminaSettings:
    """The routes' part; `probes` is read with the backends."""
    _only(section, {"routes", "probes"})
    _only(section.section("probes"), {"interval", "kind"})
    holds: dict[str, float | None] = {}
    fallbacks: dict[str, tuple[str, ...]] = {}
    routes = section.section("routes")
    for name, value in routes.values.items():
        if name not in names.known:
            routes.findings.error(value.line, value.path, f"{name[:200]!r} is no model_name of this file")
            continue
        route = routes.section(name)
        _only(route, {"stream_hold", "fallbacks"})
        if route.get("stream_hold"):
            holds[names.known[name]] = _hold(route)
        if route.get("fallbacks"):
            fallbacks[names.known[name]] = targets(route, "fallbacks", names)
    return LuminaSettings(names.inherited(holds), names.inherited(fallbacks))


def _hold(route: Fields) -> float | None:
    found = route.values["stream_hold"]
    if found.text == WHOLE:
        return None
    if found.text is not None:
        expected = f"must be seconds from 0 to {_MOST_HOLD_SECONDS:g}, or {WHOLE}, and is {shown(found)}"
        route.findings.error(found.line, found.path, expected)
        return 0.0
    return route.number("stream_hold", least=0, most=_MOST_HOLD_SECONDS) or 0.0


def _only(section: Fields, keys: set[str]) -> None:
    for name, value in section.values.items():
        if name not in keys:
            expected = f"is no key of Lumina's; here stand {', '.join(sorted(keys))}"
            section.findings.error(value.line, value.path, expected)
