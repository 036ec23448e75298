"""Conditions on spans: what a caller asks for, as SQL with parameters. Nothing of a caller becomes SQL text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from lumina_contracts import attributes as names
from lumina_telemetry import lifted, visibility, wheres
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.visibility import Visible
from lumina_telemetry.wheres import Where

Parameter = str | int | float | list[int] | list[str]
STATUS = {"unset": 0, "ok": 1, "error": 2}

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        **lifted.COLUMNS,
        names.PROJECT.name: "project",
        "service.name": "service",
        "otel.scope.name": "scope",
        **{column: column for column in ("service", "scope", "name", "project", "status_message")},
        **{column: column for column in lifted.COLUMNS.values()},
    }
)
"""What may be named in a condition and is a column; all else is an attribute."""

NUMBERS = lifted.WHOLE_NUMBERS | lifted.REAL_NUMBERS
EQUAL = (
    "service", "name", "operation", "provider", "route", "backend", "project", "key_id", "request_id", "response_id",
    "prompt_sha256", "error_type", "scope",
)  # fmt: skip
"""Parameters that ask for one value of the column of the same name."""


@dataclass(frozen=True)
class Condition:
    """SQL that is true of the spans that are meant."""

    sql: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Filter:
    """Several conditions, all of which hold, among what may be seen."""

    conditions: Sequence[Condition] = field(default_factory=tuple)
    scope: Visible = None

    @property
    def sql(self) -> str:
        """The conditions, each begun with AND."""
        return "".join(f" AND ({condition.sql})" for condition in self.all)

    @property
    def parameters(self) -> list[Parameter]:
        return [parameter for condition in self.all for parameter in condition.parameters]

    @property
    def all(self) -> list[Condition]:
        return [*within(self.scope), *self.conditions]


def within(scope: Visible) -> list[Condition]:
    """What holds of all that may be seen."""
    return [] if scope is None else [Condition(visibility.SQL, ([*scope],))]


def asked(parameters: Mapping[str, str], where: Sequence[str], scope: Visible) -> Filter:
    """The filter that a query string asks for. Raises BadQuery."""
    conditions = [Condition(f"{name} = ?", (parameters[name],)) for name in EQUAL if name in parameters]
    conditions += [make(parameters[name]) for name, make in _NAMED.items() if name in parameters]
    return Filter([*conditions, *map(_where, wheres.parsed(where))], scope)


def column_of(attribute: str) -> Condition:
    """The text of an attribute of a span, NULL where it has none."""
    if column := COLUMNS.get(attribute):
        return Condition(f"{column}::VARCHAR" if column in NUMBERS else column)
    return Condition("json_extract_string(attributes, ?)", (wheres.pointer(attribute),))


def _model(value: str) -> Condition:
    return Condition("request_model = ? OR response_model = ?", (value, value))


def _status(value: str) -> Condition:
    if value not in STATUS:
        raise BadQuery(f"{value[:60]!r} is no status.", next_step=f"Give one of {', '.join(STATUS)}.")
    if value == "ok":
        return Condition("status <> 2")
    return Condition("status = ?", (STATUS[value],))


def _at_least(value: str) -> Condition:
    return Condition("duration_ns >= ?", (round(wheres.number(value) * 1e6),))


def _at_most(value: str) -> Condition:
    return Condition("duration_ns <= ?", (round(wheres.number(value) * 1e6),))


_NAMED: Mapping[str, Callable[[str], Condition]] = MappingProxyType(
    {"model": _model, "status": _status, "min_ms": _at_least, "max_ms": _at_most}
)


def _where(where: Where) -> Condition:
    return _compared(where) if where.attribute in COLUMNS else _of_span_or_sender(where)


def _of_span_or_sender(where: Where) -> Condition:
    """An attribute may be the span's own or its resource's."""
    held = _compared(where.positive)
    sender = f"resource IN (SELECT id FROM resources WHERE {held.sql})"
    either = Condition(f"({held.sql}) OR {sender}", held.parameters * 2)
    return Condition(f"({either.sql}) IS NOT TRUE", either.parameters) if where.op == "!=" else either


def _compared(where: Where) -> Condition:
    left, op = column_of(where.attribute), where.op
    if op is None:
        return Condition(f"{left.sql} IS NOT NULL", left.parameters)
    if op in "<>":
        return Condition(f"TRY_CAST({left.sql} AS DOUBLE) {op} ?", (*left.parameters, where.number))
    if op == "~":
        return Condition(f"contains({left.sql}, ?)", (*left.parameters, where.value))
    return Condition(f"{left.sql} {'IS DISTINCT FROM' if op == '!=' else '='} ?", (*left.parameters, where.value))
