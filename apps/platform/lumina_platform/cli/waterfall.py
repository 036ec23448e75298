"""Traces as people read them: a line each, or a tree with a bar for each span. It imports Rich."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import cast

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lumina_platform.cli.client import Row
from lumina_platform.cli.printable import printable, shortened
from lumina_platform.cli.units import NOTHING, count, dollars, seconds

WIDE, WIDER, WIDEST = 120, 150, 160
LEAST_BAR = 12
WIDEST_NAME = 70
OTHER_COLUMNS = 110  # the cells of ids, times and numbers
_DAY_SECONDS = 86_400


def clock(text: object, now: datetime | None = None) -> str:
    """A local time: of the last day to the second, else with its date."""
    at = datetime.fromisoformat(readable(str(text))).astimezone()
    recent = abs(((now or datetime.now(at.tzinfo)) - at).total_seconds()) < _DAY_SECONDS
    return at.strftime("%H:%M:%S" if recent else "%m-%d %H:%M")


def readable(text: str) -> str:
    """A time with nanoseconds, as Python reads it: with microseconds."""
    head, point, rest = text.removesuffix("Z").partition(".")
    return f"{head}{point}{rest[:6]}+00:00" if text.endswith("Z") else text


def lines(rows: Sequence[Row], width: int) -> Table:
    """A line for each trace; a narrow terminal shows fewer columns, and what gives way to ids and times are names."""
    wide, names = width >= WIDE, _names(rows, width)
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), expand=not _fit(rows, names, width)
    )
    table.add_column("Trace", no_wrap=True)
    table.add_column("Began", no_wrap=True)
    table.add_column("Took", justify="right", no_wrap=True)
    table.add_column("Status", no_wrap=True, overflow="ellipsis", max_width=18 if wide else 10)
    for name in names:
        table.add_column(name.title(), no_wrap=True, overflow="ellipsis", ratio=2 if name == "name" else 1)
    for title in ("Spans", "Tokens", "Cost") if wide else ():
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_line(row, names, wide=wide))
    return table


def _fit(rows: Sequence[Row], names: Sequence[str], width: int) -> bool:
    """Whether names as long as they are leave room for the other columns; else they share what there is."""
    longest = (max((len(_told(row, name)) + 1 for row in rows), default=0) for name in names)
    return width > WIDEST and sum(longest) <= width - OTHER_COLUMNS


def _told(row: Row, name: str) -> str:
    return shortened(printable(str(row[name] or NOTHING)), WIDEST_NAME)


def _names(rows: Sequence[Row], width: int) -> list[str]:
    """What there is room for, and what tells rows apart."""
    services = {row["service"] for row in rows}
    several = len(services) > 1 and width >= WIDE
    fits = {"service": several or width > WIDEST, "route": width >= WIDER, "model": width >= WIDE}
    return ["name", *(name for name, shown in fits.items() if shown)]


def _line(row: Row, names: Sequence[str], *, wide: bool) -> Iterator[Text]:
    yield Text(str(row["trace_id"]))
    yield Text(clock(row["start"]))
    yield Text(_took(row))
    yield _status(row)
    for name in names:
        yield Text(_told(row, name))
    if wide:
        yield Text(count(cast("int", row["spans"])))
        yield Text(_tokens(row))
        yield Text(dollars(cast("int | None", row["cost_nano_usd"]) or 0))


def _status(row: Row) -> Text:
    if row["status"] != "error":
        return Text("ok", "green")
    return Text(shortened(printable(str(row.get("error_type") or "error"))), "red")


def _tokens(row: Row) -> str:
    sides = [cast("int | None", row[f"{side}_tokens"]) for side in ("input", "output")]
    return NOTHING if sides == [None, None] else " + ".join(count(side or 0) for side in sides)


def _took(row: Row) -> str:
    return seconds(cast("float", row["duration_ms"]) / 1000)


def tree(trace: Row, nodes: Sequence[Row], width: int, *, attributes: bool) -> RenderableType:
    """The trace's head, and a row for each span: its name below its parent's, its time as a bar."""
    width = min(width, WIDEST)
    whole_ms = max(cast("float", trace["duration_ms"]), 0.001)
    bar_width = max(LEAST_BAR, width // 3, width - WIDEST_NAME)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0), width=width)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=bar_width, no_wrap=True)
    for node in nodes:
        span = cast("Row", node["span"])
        table.add_row(_name(node, span), _took(span), _bar(node, span, whole_ms, bar_width))
        for detail in _details(node, span) if attributes else ():
            table.add_row(detail, "", "")
    return Group(_head(trace), "", table)


def _head(trace: Row) -> Text:
    services = ", ".join(shortened(printable(name)) for name in cast("Sequence[str]", trace["services"]))
    facts = [f"{trace['spans']} span{'' if trace['spans'] == 1 else 's'}"]
    if trace["errors"]:
        facts.append(f"{trace['errors']} with errors")
    head = Text.assemble(("Trace ", "bold"), str(trace["trace_id"]))
    head.append(f"\n{_took(trace)} from {moment(trace['start'])}, {', '.join(facts)}, of {services}")
    for name, told in _ODD.items():
        if number := trace.get(name):
            head.append(f"\n{number} {told}", "yellow")
    return head


_ODD = {
    "orphans": "spans whose parent has not come in: they stand at the top",
    "cycles": "spans that are their own ancestors: they stand at the top",
    "early": "spans begin before their parent: a clock is wrong",
    "ahead": "spans begin after they came in: a clock is ahead",
    "duplicates": "spans had the id of another",
}


def moment(text: object) -> str:
    """A local time to the millisecond."""
    at = datetime.fromisoformat(readable(str(text))).astimezone()
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _name(node: Row, span: Row) -> Text:
    name = Text("  " * min(cast("int", node["depth"]), 20) + shortened(printable(str(span["name"]))))
    if node["depth"] == 0:
        name.append(f"  {shortened(printable(str(span['service'])))}", "dim")
    if span["status"] == "error":
        attributes = cast("Row", span["attributes"])
        why = span["status_message"] or attributes.get("error.type") or "error"
        name.append(f"  {printable(str(why))}", "red")
    return name


def _bar(node: Row, span: Row, whole_ms: float, width: int) -> Text:
    """From where to where of the trace's time, at least one cell long."""
    offset, duration = cast("float", node["offset_ms"]), cast("float", span["duration_ms"])
    begin = min(width - 1, max(0, int(offset / whole_ms * width)))
    length = max(1, min(width - begin, round(duration / whole_ms * width)))
    return Text(" " * begin + "━" * length, "red" if span["status"] == "error" else "cyan")


def _details(node: Row, span: Row) -> Iterator[Text]:
    indent = "  " * (min(cast("int", node["depth"]), 20) + 2)
    attributes = cast("Mapping[str, object]", span["attributes"])
    for name in sorted(attributes):
        yield Text(printable(f"{indent}{name} {attributes[name]}"), "dim")
    for event in cast("Sequence[Row]", span["events"]):
        yield Text(printable(f"{indent}* {event.get('name', '')} {event.get('attributes') or ''}"), "dim")
