"""Settings, roles, events, and telemetry names, each as one page of Markdown."""

from collections.abc import Iterable, Sequence
from inspect import getdoc
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from lumina_contracts import attributes
from lumina_contracts import events as event_types
from lumina_kit.roles import INSTALLATION_WIDE, SCOPES, TABLE, Permission
from lumina_platform.control.variables import SETTINGS

GENERATED = "<!-- Written by `python -m tools.reference`; edit the code it names instead. -->"


def page(title: str, intro: str, *parts: str) -> str:
    """A page of the reference."""
    return "\n\n".join([GENERATED, f"# {title}", intro, *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    intro = (
        "The environment wins over `$LUMINA_HOME/lumina.yaml`, which wins over the defaults. "
        "A list is written with commas."
    )
    return page("Settings", intro, *(_settings_of(app, cls) for app, cls in SETTINGS.items()))


def _settings_of(app: str, cls: type[msgspec.Struct]) -> str:
    hints = get_type_hints(cls, include_extras=True)
    rows = [_setting(app, field, hints[field.name]) for field in msgspec.structs.fields(cls)]
    return f"## `{app}`\n\n" + table(["environment", "in `lumina.yaml`", "default", "meaning"], rows)


def _setting(app: str, field: msgspec.structs.FieldInfo, hint: Any) -> list[str]:
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return [f"`LUMINA_{app.upper()}_{field.name.upper()}`", f"`{app}.{field.name}`", _shown(default), _meaning(hint)]


def _shown(value: object) -> str:
    if value is None or value in ("", ()):
        return "none"
    return f"`{value}`"


def _meaning(hint: Any) -> str:
    """The description in an annotation, outermost first."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        said = [note.description for note in reversed(notes) if isinstance(note, msgspec.Meta) and note.description]
        return said[0] if said else _meaning(inner)
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, map(_meaning, get_args(hint))), "")
    return ""


def roles() -> str:
    by_role = [[_marked(p), *("yes" if p in TABLE[role] else "" for role in TABLE)] for p in Permission]
    by_scope = [[f"`{scope}`", ", ".join(f"`{p}`" for p in sorted(given))] for scope, given in SCOPES.items()]
    intro = "What each role may do, and what a key with a scope may. Enforced by one dependency, from this one table."
    wide = "\\* for the whole installation: signed-in admins and the key in `admin.key` have it, no other key does."
    return page(
        "Roles and scopes",
        intro,
        table(["permission", *(str(role) for role in TABLE)], by_role),
        wide,
        table(["scope of a key", "gives"], by_scope),
    )


def _marked(permission: Permission) -> str:
    return f"`{permission}`" + (" \\*" if permission in INSTALLATION_WIDE else "")


def events() -> str:
    classes = sorted(_leaves(event_types.Event), key=lambda cls: str(cls.model_fields["type"].default))
    rows = [[f"`{cls.model_fields['type'].default}`", getdoc(cls) or "", _data_of(cls)] for cls in classes]
    intro = "CloudEvents 1.0, handled at least once, in no promised order. A breaking change is a new type, `v2`."
    return page("Events", intro, table(["type", "when", "data"], rows))


def _leaves(cls: type[event_types.Event]) -> list[type[event_types.Event]]:
    return [found for found in cls.__subclasses__() if found.__module__ == event_types.__name__]


def _data_of(cls: type[event_types.Event]) -> str:
    own = cls.model_fields.keys() - event_types.Event.model_fields.keys()
    return ", ".join(f"`{name}`" for name in sorted(own | {"project_id"}))


def telemetry() -> str:
    spans = [[f"`{a.name}`", a.type, a.meaning] for a in attributes.SPAN_ATTRIBUTES]
    metrics = [[f"`{m.name}`", f"`{m.prometheus}`", m.kind, m.unit, m.meaning] for m in attributes.METRICS]
    intro = (
        f"Version {attributes.TABLE_VERSION} of the names, by the OpenTelemetry GenAI conventions "
        f"({attributes.SEMCONV_VERSION}). No prompt and no answer is ever among the values."
    )
    return page(
        "Telemetry",
        intro,
        "## Attributes of a gateway span\n\n" + table(["attribute", "type", "meaning"], spans),
        "## Metrics of the gateway\n\n" + table(["OpenTelemetry", "Prometheus", "kind", "unit", "meaning"], metrics),
    )
