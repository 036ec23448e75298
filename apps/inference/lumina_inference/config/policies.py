"""One complete policy per route, so that the gateway looks nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import structs

from lumina_contracts.snapshot import Alias, Policy, Tolerance
from lumina_inference.config.failures import by_route, read_handling
from lumina_inference.config.fallbacks import (
    CONTENT,
    EVERY,
    GENERAL,
    KINDS,
    WINDOW,
    Chains,
    Names,
    chain_of,
    read_chains,
    targets,
)
from lumina_inference.config.fields import Fields
from lumina_inference.config.lumina_settings import LuminaSettings, read_lumina_settings
from lumina_inference.config.settings import Settings
from lumina_inference.config.strategies import Choosing, read_choosing, read_groups

RESERVED = "lumina/"
_BOTH = frozenset({"num_retries", "allowed_fails", "cooldown_time", "default_fallbacks", "max_fallbacks", *KINDS})
_MOST_FALLBACKS = 64
_DEFAULT = Policy()


@dataclass(frozen=True)
class _Read:
    """What the file says, before it is told apart by route. `chains` by kind of fallback, then by route."""

    base: Policy
    groups: Mapping[str, Choosing]
    retries: Mapping[str, Tolerance]
    chains: Mapping[str, Chains]
    lumina: LuminaSettings


def read_policies(settings: Settings, lumina: Fields, names: Names) -> dict[str, Policy]:
    """The policy of every route that is served."""
    settings.warn_of_shadowed(_BOTH)
    read = _Read(
        base=_base(settings),
        groups=names.inherited(read_groups(settings.router, names.known)),
        retries=names.inherited(by_route(settings.router, names.known)),
        chains={kind: names.inherited(read_chains(settings, kind, names)) for kind in KINDS},
        lumina=read_lumina_settings(lumina, names),
    )
    every = targets(settings.of("default_fallbacks"), "default_fallbacks", names)
    generally = {**read.chains[GENERAL], **({EVERY: every} if every else {}), **read.lumina.fallbacks}
    read = _Read(read.base, read.groups, read.retries, {**read.chains, GENERAL: generally}, read.lumina)
    return {route: _policy(route, read) for route in names.served}


def known_names(routes: Mapping[str, object], aliases: Mapping[str, Alias]) -> dict[str, str]:
    """Every name that may stand in a setting, and the route that it leads to."""
    return {name: alias.target for name, alias in aliases.items()} | {name: name for name in routes}


def _base(settings: Settings) -> Policy:
    """What holds for every route."""
    router, handling, choosing = settings.router, read_handling(settings), read_choosing(settings.router)
    most = settings.of("max_fallbacks").whole("max_fallbacks", least=0, most=_MOST_FALLBACKS)
    matches_any = router.flag("tag_filtering_match_any")
    return Policy(
        **vars(handling),
        **vars(choosing),
        max_fallbacks=_DEFAULT.max_fallbacks if most is None else most,
        checks_context_window=bool(router.flag("enable_pre_call_checks")),
        filters_tags=bool(router.flag("enable_tag_filtering")),
        matches_any_tag=_DEFAULT.matches_any_tag if matches_any is None else matches_any,
    )


def _policy(route: str, read: _Read) -> Policy:
    base, chosen = read.base, read.groups.get(route)
    if chosen is not None:
        base = structs.replace(base, **vars(chosen))
    return structs.replace(
        base,
        retry_policy=read.retries.get(route, base.retry_policy),
        fallbacks=_chain(route, read.chains[GENERAL]),
        context_window_fallbacks=_chain(route, read.chains[WINDOW]),
        content_policy_fallbacks=_chain(route, read.chains[CONTENT]),
        hold_seconds=read.lumina.holds.get(route, base.hold_seconds),
    )


def _chain(route: str, chains: Chains) -> tuple[str, ...]:
    """The embedded models have only the fallbacks that the file gives to them by name."""
    if route.startswith(RESERVED):
        chains = {name: chain for name, chain in chains.items() if name != EVERY}
    return chain_of(route, chains)
