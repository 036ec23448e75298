"""Names that only a wildcard takes, where the file says something of one of them: each becomes a route of its own."""

from collections.abc import Iterator
from dataclasses import replace

from lumina_inference.config.backends import Drafted
from lumina_inference.config.fallbacks import KINDS, longest_wildcard
from lumina_inference.config.providers import split_model
from lumina_inference.config.routes import RouteDrafts
from lumina_inference.config.sections import Sections
from lumina_inference.wildcards import WILD, concrete


def take_names(drafts: RouteDrafts, sections: Sections) -> dict[str, str]:
    """Add the routes to the drafts; gives the wildcard of each."""
    wild = [name for name in drafts.backends if name.endswith(WILD)]
    others = {*drafts.names, *sections.settings.router.section("model_group_alias").values}
    others |= {split_model(name)[1] for name in drafts.names}
    taken: dict[str, str] = {}
    for name in _said(sections):
        by = longest_wildcard(name, wild)
        if by is not None and name not in others and WILD not in name:
            taken[name] = by
    for name, by in taken.items():
        drafts.backends[name] = [_concrete(each, name.removeprefix(by[:-1])) for each in drafts.backends[by]]
        drafts.kinds[name] = drafts.kinds[by]
        drafts.names.add(name)
    return taken


def _concrete(drafted: Drafted, rest: str) -> Drafted:
    lists = {drafted.backend.price_list or "": drafted.price_list or {}}
    return replace(drafted, backend=concrete(drafted.backend, rest, lists), price_list=None)


def _said(sections: Sections) -> Iterator[str]:
    """What aliases lead to, and every name that has settings."""
    router = sections.settings.router
    for value in router.section("model_group_alias").values.values():
        model = value if value.mapping is None else value.mapping.get("model")
        yield (model.text if model else None) or ""
    yield from router.section("model_group_retry_policy").values
    yield from sections.lumina.section("routes").values
    for kind in KINDS:
        found = sections.settings.of(kind).get(kind)
        for item in (found.items if found else None) or ():
            yield from item.mapping or ()
