"""Fallbacks into one bounded list of routes per route.

As in LiteLLM a fallback's own fallbacks come after it, and nothing is tried twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from lumina_inference.config.fields import Fields, shown
from lumina_inference.config.providers import split_model
from lumina_inference.config.settings import Settings
from lumina_inference.config.tree import Value

MOST_FALLBACKS = 64
EVERY = "*"
GENERAL = "fallbacks"
WINDOW = "context_window_fallbacks"
CONTENT = "content_policy_fallbacks"
KINDS = (GENERAL, WINDOW, CONTENT)
Chains = Mapping[str, tuple[str, ...]]
Said = TypeVar("Said")


@dataclass(frozen=True)
class Names:
    """What a name in the file leads to: `known` has routes and aliases, also of backends that were left out.

    `taken` has the routes that a wildcard made, which have its settings where they have none of their own.
    """

    known: Mapping[str, str]
    served: frozenset[str]
    taken: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _wild(self) -> tuple[str, ...]:
        return tuple(route for route in self.served if route.endswith(EVERY))

    @cached_property
    def bare(self) -> frozenset[str]:
        """The routes' names without their providers."""
        return frozenset(split_model(route)[1] for route in self.known)

    def route(self, name: str) -> str | None:
        """The route, or the name itself if a wildcard takes it, or None."""
        return self.known.get(name) or (name if self.wildcard(name) else None)

    def wildcard(self, name: str) -> str | None:
        """The longest name with `*` that takes this one."""
        return longest_wildcard(name, self._wild)

    def serves(self, name: str) -> bool:
        return name in self.served or self.wildcard(name) is not None

    def inherited(self, said: Mapping[str, Said]) -> dict[str, Said]:
        """What is said of each route, with what is said of its wildcard."""
        return {name: said[wild] for name, wild in self.taken.items() if wild in said} | dict(said)


def longest_wildcard(name: str, wild: Iterable[str]) -> str | None:
    """Of names with `*` the longest that takes this one."""
    return max((route for route in wild if name.startswith(route[:-1])), key=len, default=None)


def read_chains(settings: Settings, kind: str, names: Names) -> Chains:
    """`fallbacks`, or those of another kind: by the name that they are for."""
    section = settings.of(kind)
    found = section.get(kind)
    chains: dict[str, tuple[str, ...]] = {}
    if found is not None and found.items is None:
        section.findings.error(found.line, found.path, f"must be a list of {{model: [models]}}, and is {shown(found)}")
    for item in (found.items if found else None) or ():
        if item.mapping is None or len(item.mapping) != 1:
            section.findings.error(item.line, item.path, f"must be one {{model: [models]}}, and is {shown(item)}")
            continue
        for name in item.mapping:
            chain = targets(Fields(item, section.environ, section.findings), name, names)
            chains.setdefault(_key(section, name, item.mapping[name], names), chain)
    return chains


def targets(section: Fields, name: str, names: Names) -> tuple[str, ...]:
    """The routes of one list, those that are served."""
    found = section.get(name)
    if found is not None and found.items is None:
        section.findings.error(found.line, found.path, f"must be a list of models, and is {shown(found)}")
    items = (found.items if found else None) or ()
    if found is not None and len(items) > MOST_FALLBACKS:
        section.findings.error(found.line, found.path, f"has {len(items)} models; {MOST_FALLBACKS} are taken")
        return ()
    routes = [_target(section, item, names) for item in items]
    return tuple(route for route in routes if route is not None and names.serves(route))


def chain_of(route: str, chains: Chains, limit: int = MOST_FALLBACKS) -> tuple[str, ...]:
    """What is tried for a route, in order."""
    seen = {route: None}
    for target in _walk(route, chains, seen):
        seen[target] = None
        if len(seen) > limit:
            break
    return tuple(seen)[1:]


def _walk(route: str, chains: Chains, seen: Mapping[str, None]) -> Iterator[str]:
    """Depth first, without recursion; the caller marks in `seen` what it was given."""
    waiting = list(reversed(_own(route, chains)))
    while waiting:
        target = waiting.pop()
        if target not in seen:
            yield target
            waiting.extend(reversed(_own(target, chains)))


def _own(route: str, chains: Chains) -> Sequence[str]:
    """A route's list: its own, that of its name without the provider, or the one for every route."""
    provider, bare = split_model(route)
    for name in (route, bare if provider else route, EVERY):
        if name in chains:
            return chains[name]
    return ()


def _key(section: Fields, name: str, at: Value, names: Names) -> str:
    if name == EVERY or name in names.known:
        return names.known.get(name, name)
    if name not in names.bare:
        told = f"{name[:200]!r} is no model_name of this file, so these fallbacks never apply"
        section.findings.warning(at.line, at.path, told)
    return name


def _target(section: Fields, item: Value, names: Names) -> str | None:
    name = _name(section, item)
    if name is None:
        return None
    route = names.route(name)
    if route is None:
        section.findings.error(item.line, item.path, f"{name[:200]!r} is no model_name of this file")
    return route


def _name(section: Fields, item: Value) -> str | None:
    """A fallback is a name, or a mapping with `model`, whose other keys LiteLLM lays over the request."""
    if item.text:
        return item.text
    model = (item.mapping or {}).get("model")
    if model is None or not model.text:
        section.findings.error(item.line, item.path, f"must be a model name, and is {shown(item)}")
        return None
    for name, value in (item.mapping or {}).items():
        if name != "model":
            section.findings.not_yet(value.line, value.path)
    return model.text
