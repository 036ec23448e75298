"""Which models a key may use: those that its own limits and its project's both name."""

from collections.abc import Mapping

from lumina_contracts.snapshot import Limits, Route

_WILD = "*"


def allowed(key: Limits, project: Limits, asked: str, route: str) -> bool:
    """Whether a caller may use a model. `asked` is the name in the request, `route` the one that it leads to.

    Either of both may be what a limit names, so that naming a route allows its aliases, and naming an alias allows
    that alias alone. A name that ends with `*` stands for every name that begins so.
    """
    return _names(key.models, asked, route) and _names(project.models, asked, route)


def visible(key: Limits, project: Limits, listed: Mapping[str, Route]) -> list[str]:
    """Of the names that `/v1/models` lists those that the caller may use, sorted."""
    return sorted(name for name, route in listed.items() if allowed(key, project, name, route.name))


def _names(models: tuple[str, ...] | None, asked: str, route: str) -> bool:
    if models is None or asked in models or route in models:
        return True
    return any(name.endswith(_WILD) and (asked.startswith(name[:-1]) or route.startswith(name[:-1])) for name in models)
