"""Conditions on log records: as SQL with parameters for what is stored, as a test for what comes in."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec

from lumina_telemetry import visibility, wheres
from lumina_telemetry.errors import BadQuery
from lumina_telemetry.rows import LogRow
from lumina_telemetry.store.writing import halves
from lumina_telemetry.visibility import Visible
from lumina_telemetry.wheres import Where

Parameter = str | int | float | list[str]
MOST_WORDS = 10
SEVERITIES: Mapping[str, int] = MappingProxyType(
    {"trace": 1, "debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "fatal": 21, "critical": 21}
)
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "service.name": "service",
        "otel.scope.name": "scope",
        "level": "severity_text",
        **{name: name for name in ("service", "scope", "severity_text", "event_name", "body", "project")},
    }
)
"""What may be named in a condition and is a column; all else is an attribute."""

_WORDS = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class Condition:
    """True of the records that are meant; the second way of asking gets the record's attributes decoded."""

    sql: str
    parameters: tuple[Parameter, ...]
    holds: Callable[[LogRow, Mapping[str, Any]], bool]


@dataclass(frozen=True)
class LogFilter:
    """Several conditions, all of which hold."""

    conditions: Sequence[Condition] = field(default_factory=tuple)

    @property
    def sql(self) -> str:
        """The conditions, each begun with AND."""
        return "".join(f" AND ({condition.sql})" for condition in self.conditions)

    @property
    def parameters(self) -> list[Parameter]:
        return [parameter for condition in self.conditions for parameter in condition.parameters]

    def holds(self, row: LogRow) -> bool:
        """Whether a record is meant."""
        attributes = msgspec.json.decode(row.attributes) if self.conditions else {}
        return all(condition.holds(row, attributes) for condition in self.conditions)

    def also(self, *conditions: Condition) -> "LogFilter":
        return LogFilter([*self.conditions, *conditions])


def asked(parameters: Mapping[str, str], where: Sequence[str], scope: Visible) -> LogFilter:
    """The filter that a query string asks for: `q`, `severity`, `service`, `trace_id`, `where`. Raises BadQuery."""
    conditions = [] if scope is None else [_visible(scope)]
    conditions += [make(parameters[name]) for name, make in _NAMED.items() if parameters.get(name)]
    return LogFilter([*conditions, *_words(parameters.get("q", "")), *map(_where, wheres.parsed(where))])


def of_trace(trace_id: str) -> Condition:
    """Records said within a trace. Raises BadQuery."""
    if not re.fullmatch("[0-9a-fA-F]{32}", trace_id):
        raise BadQuery(f"{trace_id[:60]!r} is no trace id: those are 32 hexadecimal digits.")
    wanted = trace_id.lower()
    return Condition("trace_hi = ? AND trace_lo = ?", halves(wanted), lambda row, _: row.trace_id == wanted)


def _equal(column: str, value: str) -> Condition:
    return Condition(f"{column} = ?", (value,), lambda row, _: bool(getattr(row, column) == value))


def _visible(scope: tuple[str, ...]) -> Condition:
    return Condition(visibility.SQL, (list(scope),), lambda row, _: visibility.sees(scope, row.project))


def _at_least(severity: str) -> Condition:
    number = SEVERITIES.get(severity.lower()) or (int(severity) if re.fullmatch("[0-9]{1,2}", severity) else -1)
    if not 0 <= number <= 24:
        known = ", ".join(SEVERITIES)
        raise BadQuery(f"{severity[:60]!r} is no severity.", next_step=f"Give one of {known}, or 0 to 24.")
    return Condition("severity >= ?", (number,), lambda row, _: row.severity >= number)


_NAMED: Mapping[str, Callable[[str], Condition]] = MappingProxyType(
    {"severity": _at_least, "service": lambda value: _equal("service", value), "trace_id": of_trace}
)


def _words(text: str) -> list[Condition]:
    """Every word must be in the text or the attributes of a record; words in quotation marks belong together."""
    if len(text) > wheres.MOST_TEXT:
        raise BadQuery(f"A search of {len(text)} letters is too long.", next_step=f"Give {wheres.MOST_TEXT} at most.")
    words = [phrase or word for phrase, word in _WORDS.findall(text) if phrase or word]
    if len(words) > MOST_WORDS:
        raise BadQuery(f"{len(words)} words are too many.", next_step="Put words that belong together in quotes.")
    return list(map(_word, words))


def _word(word: str) -> Condition:
    lower = word.lower()
    escaped = msgspec.json.encode(lower).decode()[1:-1]
    return Condition(
        "contains(lower(body), ?) OR contains(lower(attributes), ?)",
        (lower, escaped),
        lambda row, _: lower in row.body.lower() or escaped in row.attributes.lower(),
    )


def _where(where: Where) -> Condition:
    return _asked_of(where) if where.attribute in COLUMNS else _of_record_or_sender(where)


def _of_record_or_sender(where: Where) -> Condition:
    """An attribute may be the record's own or its sender's; as it comes in, only its own are known."""
    asked_of = _asked_of(where.positive)
    sql = f"({asked_of.sql}) OR resource IN (SELECT id FROM resources WHERE {asked_of.sql})"
    if where.op != "!=":
        return Condition(sql, asked_of.parameters * 2, asked_of.holds)
    return Condition(f"({sql}) IS NOT TRUE", asked_of.parameters * 2, lambda row, all_: not asked_of.holds(row, all_))


def _asked_of(where: Where) -> Condition:
    held, op = _held(where.attribute), where.op
    if op is None:
        return Condition(f"{held.sql} IS NOT NULL", held.parameters, lambda row, all_: held.of(row, all_) is not None)
    return _compared(held, op, where.number) if op in "<>" else _matched(held, op, where.value)


@dataclass(frozen=True)
class _Held:
    """What a record has under a name, as text: in SQL, and of a record."""

    sql: str
    parameters: tuple[Parameter, ...]
    of: Callable[[LogRow, Mapping[str, Any]], str | None]


def _held(attribute: str) -> _Held:
    if column := COLUMNS.get(attribute):
        return _Held(column, (), lambda row, _: getattr(row, column))
    pointer = wheres.pointer(attribute)
    return _Held("json_extract_string(attributes, ?)", (pointer,), lambda _, all_: _text(all_.get(attribute)))


def _matched(held: _Held, op: str, value: str) -> Condition:
    if op == "~":
        sql = f"contains({held.sql}, ?)"
        return Condition(sql, (*held.parameters, value), lambda row, all_: value in (held.of(row, all_) or ""))
    sql = f"{held.sql} {'IS DISTINCT FROM' if op == '!=' else '='} ?"
    same = op == "="
    return Condition(sql, (*held.parameters, value), lambda row, all_: (held.of(row, all_) == value) is same)


def _compared(held: _Held, op: str, number: float) -> Condition:
    def holds(row: LogRow, attributes: Mapping[str, Any]) -> bool:
        try:
            found = float(held.of(row, attributes) or "")
        except ValueError:
            return False
        return found > number if op == ">" else found < number

    return Condition(f"TRY_CAST({held.sql} AS DOUBLE) {op} ?", (*held.parameters, number), holds)


def _text(value: object) -> str | None:
    """As the database shows it."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
