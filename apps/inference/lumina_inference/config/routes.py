"""`model_list` and `model_group_alias` into routes: entries of one `model_name` become the backends of one route."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lumina_contracts.snapshot import Alias, Policy, Route, Terms
from lumina_inference.config.acted import ENTRY, MODEL_INFO, PARAMS
from lumina_inference.config.backends import Drafted, EntryDefaults, read_backend
from lumina_inference.config.fields import Fields, LeftOut, not_text
from lumina_inference.config.findings import Level
from lumina_inference.config.parameters import CALL_PARAMETERS
from lumina_inference.config.translation import passed_on
from lumina_inference.config.tree import Value
from lumina_inference.config.weights import weighted
from lumina_inference.wildcards import WILD

RESERVED = "lumina/"
MOST_ENTRIES = 5_000
MOST_NAME = 256
EVERY_KIND = ("chat", "completion", "embedding")
_KINDS = {"chat": ("chat",), "responses": ("chat",), "completion": ("completion",), "embedding": ("embedding",)}


@dataclass
class RouteDrafts:
    """Routes while the list is read. `names` has those of left-out backends too, since aliases may point at them."""

    backends: dict[str, list[Drafted]] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    ids: dict[str, int] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def kinds_of(self, name: str) -> tuple[str, ...]:
        return tuple(kind for kind in EVERY_KIND if kind in self.kinds[name])

    def price_lists(self) -> dict[str, dict[str, Terms]]:
        """Those that backends name."""
        every = (each for drafted in self.backends.values() for each in drafted)
        return {each.backend.price_list: dict(each.price_list or {}) for each in every if each.backend.price_list}

    def routes(self, policies: Mapping[str, Policy]) -> tuple[Route, ...]:
        """The routes that have a backend, in the order of the file."""
        return tuple(
            Route(
                name=name,
                backends=weighted(drafted),
                kinds=self.kinds_of(name),
                owned_by="config",
                policy=policies[name],
            )
            for name, drafted in self.backends.items()
        )


def read_routes(root: Fields, defaults: EntryDefaults) -> RouteDrafts:
    """All entries of `model_list`; what is wrong or left out is in the findings."""
    drafts = RouteDrafts()
    listed = root.get("model_list")
    if listed is None:
        return drafts
    if listed.items is None:
        root.findings.error(listed.line, listed.path, f"must be a list, and is {listed.kind}")
        return drafts
    if len(listed.items) > MOST_ENTRIES:
        root.findings.error(listed.line, listed.path, f"has {len(listed.items)} entries; {MOST_ENTRIES} are taken")
        return drafts
    for item in listed.items:
        _read_entry(Fields(item, root.environ, root.findings), drafts, defaults)
    return drafts


def read_aliases(router: Fields, routes: Mapping[str, object]) -> dict[str, Alias]:
    """`model_group_alias`: another name of a route, as text or as `{model, hidden}`."""
    aliases = {}
    section = router.section("model_group_alias")
    for name, value in section.values.items():
        alias = _alias(section, value)
        if alias is None:
            continue
        problem = _alias_problem(name, alias, routes)
        if problem:
            section.findings.error(value.line, value.path, problem)
        else:
            aliases[name] = alias
    return aliases


def _read_entry(entry: Fields, drafts: RouteDrafts, defaults: EntryDefaults) -> None:
    if entry.at.mapping is None:
        entry.findings.error(entry.at.line, entry.at.path, f"must be a mapping, and is {entry.at.kind}")
        return
    params, info = entry.section("litellm_params"), entry.section("model_info")
    entry.report_rest("entry", frozenset(ENTRY))
    info.report_rest("model_info", frozenset(MODEL_INFO))
    name = _name(entry)
    if name is None:
        return
    drafts.names.add(name)
    translated = True
    try:
        translated = _add_backend(name, params, info, drafts, defaults)
    except LeftOut as left_out:
        message = f"{left_out.message}; this backend of {name!r} is left out"
        entry.findings.add(left_out.level, left_out.at.line, left_out.at.path, message)
    params.report_rest("litellm_params", frozenset(PARAMS) | (passed_on(params) if translated else CALL_PARAMETERS))


def _add_backend(name: str, params: Fields, info: Fields, drafts: RouteDrafts, defaults: EntryDefaults) -> bool:
    """Take the entry's backend in, if it has one; says whether it is called through the LiteLLM library."""
    kinds = _kinds(info)
    drafted = read_backend(name, drafts.seen[_signature(name, params)], params, info, defaults)
    drafts.seen[_signature(name, params)] += 1
    if drafted is None or kinds is None:
        return False
    backend = drafted.backend
    first = drafts.ids.setdefault(backend.id, params.at.line)
    if first != params.at.line:
        at = info.get("id") or params.at
        params.findings.error(at.line, at.path, f"the id {backend.id!r} is taken by the entry at line {first}")
        return False
    drafts.backends.setdefault(name, []).append(drafted)
    drafts.kinds.setdefault(name, set()).update(drafted.kinds or kinds)
    return backend.translated


def _signature(name: str, params: Fields) -> str:
    shown = [str(value.data) for key in ("model", "api_base", "base_url") if (value := params.get(key))]
    return "\n".join([name, *shown])


def _name(entry: Fields) -> str | None:
    at = entry.get("model_name")
    name = at.text if at else None
    path = f"{entry.at.path}.model_name"
    if at is None or not name:
        wrong = not_text(at) if at else "is missing"
        entry.findings.error(at.line if at else entry.at.line, path, wrong)
        return None
    if problem := _name_problem(name):
        entry.findings.error(at.line, path, problem)
        return None
    if WILD in name.removesuffix(WILD):
        entry.findings.not_yet(at.line, path, f"a * may only end a name; {name!r} is left out")
        return None
    return name


def _name_problem(name: str) -> str | None:
    if name.startswith(RESERVED):
        return f"{name!r}: names that begin with {RESERVED} belong to the models embedded in Lumina"
    if len(name) > MOST_NAME or not name.isprintable():
        return f"must be up to {MOST_NAME} printable characters"
    return None


def _kinds(info: Fields) -> tuple[str, ...] | None:
    """What an entry answers by its `mode`; without one it may be anything. Raises LeftOut for other modes."""
    at = info.get("mode")
    mode = info.text("mode")
    if at is None or mode is None:
        return EVERY_KIND
    if mode not in _KINDS:
        raise LeftOut(at, f"the mode {mode[:60]!r} is not served yet", Level.NOT_YET)
    return _KINDS[mode]


def _alias(section: Fields, value: Value) -> Alias | None:
    if value.text:
        return Alias(target=value.text)
    fields = Fields(value, section.environ, section.findings)
    target, hidden = fields.get("model"), fields.get("hidden")
    if target is None or not target.text or (hidden is not None and not isinstance(hidden.data, bool)):
        section.findings.error(value.line, value.path, "must be a model name, or {model: name, hidden: true or false}")
        return None
    for name in fields.values.keys() - {"model", "hidden"}:
        extra = fields.values[name]
        section.findings.warning(extra.line, extra.path, "LiteLLM has no such key; it is ignored")
    return Alias(target=target.text, hidden=bool(hidden and hidden.data))


def _alias_problem(name: str, alias: Alias, routes: Mapping[str, object]) -> str | None:
    if problem := _name_problem(name):
        return problem
    if name in routes:
        return f"{name!r} is a model_name already"
    if alias.target not in routes:
        return f"points at {alias.target[:200]!r}, which is no model_name of this file"
    return None
