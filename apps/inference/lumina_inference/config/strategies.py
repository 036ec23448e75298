"""`routing_strategy`, for all routes or for a group of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lumina_contracts.snapshot import Policy, Strategy
from lumina_inference.config.fields import Fields, shown

STRATEGIES: Mapping[str, Strategy] = {
    "simple-shuffle": "simple-shuffle",
    "least-busy": "least-busy",
    "usage-based-routing": "usage-based",
    "usage-based-routing-v2": "usage-based",
    "latency-based-routing": "latency-based",
    "cost-based-routing": "cost-based",
}
MEANINGS: Mapping[Strategy, str] = {
    "simple-shuffle": "at random, by weight, else by rpm, else by tpm",
    "least-busy": "the one with the fewest requests in flight",
    "usage-based": "the one that has used least of its rpm and tpm in this minute",
    "latency-based": "the one that answered fastest of late; `lowest_latency_buffer` widens the choice",
    "cost-based": "the cheapest one, by the prices of the file or of the price table",
}
_OTHERS = frozenset({"provider-budget-routing", "lar-1", "priority"})
_GROUP_KEYS = frozenset({"group_name", "models", "routing_strategy", "routing_strategy_args"})
_DEFAULT = Policy()


@dataclass(frozen=True)
class Choosing:
    """How a backend is chosen."""

    strategy: Strategy = _DEFAULT.strategy
    latency_ttl_seconds: float = _DEFAULT.latency_ttl_seconds
    latency_buffer: float = _DEFAULT.latency_buffer


def read_choosing(section: Fields) -> Choosing:
    """The strategy of a section with its arguments."""
    args = section.section("routing_strategy_args")
    ttl = args.number("ttl", least=1, most=86_400)
    buffer = args.number("lowest_latency_buffer", least=0, most=1_000)
    _report(args, frozenset({"ttl", "lowest_latency_buffer"}))
    return Choosing(
        strategy=_strategy(section),
        latency_ttl_seconds=_DEFAULT.latency_ttl_seconds if ttl is None else ttl,
        latency_buffer=_DEFAULT.latency_buffer if buffer is None else buffer,
    )


def read_groups(router: Fields, known: Mapping[str, str]) -> dict[str, Choosing]:
    """`routing_groups`: the strategy of each route that stands in one. `known` leads names to routes."""
    found: dict[str, Choosing] = {}
    listed = router.get("routing_groups")
    if listed is not None and listed.items is None:
        router.findings.error(listed.line, listed.path, f"must be a list, and is {listed.kind}")
    for item in (listed.items if listed else None) or ():
        group = Fields(item, router.environ, router.findings)
        if item.mapping is None:
            router.findings.error(item.line, item.path, f"must be a mapping, and is {item.kind}")
            continue
        _report(group, _GROUP_KEYS)
        choosing = read_choosing(group)
        found = dict.fromkeys(_members(group, known), choosing) | found
    return found


def _members(group: Fields, known: Mapping[str, str]) -> Iterator[str]:
    for model in group.texts("models", "model names"):
        route = known.get(model.text or "")
        if route is None:
            group.findings.error(model.line, model.path, f"{shown(model)} is no model_name of this file")
        else:
            yield route


def _strategy(section: Fields) -> Strategy:
    found = section.get("routing_strategy")
    if found is not None and found.text in _OTHERS:
        instead = f"{found.text!r} is not acted on yet; {_DEFAULT.strategy} is used"
        section.findings.not_yet(found.line, found.path, instead)
        return _DEFAULT.strategy
    named = section.one_of("routing_strategy", STRATEGIES)
    return STRATEGIES.get(named or "", _DEFAULT.strategy)


def _report(fields: Fields, used: frozenset[str]) -> None:
    for name, value in fields.values.items():
        if name not in used:
            fields.findings.not_yet(value.line, value.path)
