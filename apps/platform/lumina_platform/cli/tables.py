"""Tables for people, JSON for programs. It imports Rich: commands import it where they print."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lumina_platform.cli.printable import printable, shortened

Row = Mapping[str, object]
Columns = Mapping[str, str]
PIPED_WIDTH = 240
NOTHING = "-"
SHORT_ID = 8  # commands take the beginning of an id
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_TRACE = re.compile(r"[0-9a-f]{32}")  # in one piece, so that it can be copied
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def show(
    rows: Sequence[Row], columns: Columns, *, as_json: bool, empty: str = "None.", names: Sequence[str] = ()
) -> None:
    """Print rows: all of each as JSON, or the fields of `columns` (title to field; a dot goes into an object).

    `empty` is said where there is no row: it names the next step. Fields in `names` are cut where they are too long.
    """
    if as_json:
        show_json(rows)
        return
    if not rows:
        console().print(empty, markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    cells = [[_cell(row, name, is_name=name in names) for name in columns.values()] for row in rows]
    for title, column in zip(columns, zip(*cells, strict=True), strict=True):
        table.add_column(title, overflow="fold", no_wrap=any(map(_TRACE.fullmatch, column)))
    for line in cells:
        table.add_row(*map(escape, line))
    console().print(table)


def show_fields(row: Row, columns: Columns, *, as_json: bool) -> None:
    """Print one object: all of it as JSON, or a line for each field of `columns` that has a value."""
    if as_json:
        show_json(row)
        return
    width = max(map(len, columns)) + 2
    for title, name in columns.items():
        value = text(field(row, name))
        if value != NOTHING:
            console().print(f"[bold]{title:{width}}[/bold]{escape(value)}", soft_wrap=True)


def show_json(value: object) -> None:
    """Print a value as indented JSON."""
    console().print(json.dumps(value, indent=2), markup=False, highlight=False, soft_wrap=True)


def console() -> Console:
    """Standard output; wide when it goes to a program, so that nothing is cut."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def field(row: Row, name: str) -> object:
    """A field of a row, of an object in it, or of each object of a list in it; None if it is not there."""
    first, _, rest = name.partition(".")
    value = row.get(first)
    if not rest:
        return value
    if isinstance(value, list):
        return [field(each, rest) for each in value]
    return field(value, rest) if isinstance(value, Mapping) else None


def text(value: object) -> str:
    """A value as people read it: a time is local, to the minute."""
    if value is None or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text(each)}" for name, each in value.items())
    plain = str(value)
    if _TIME.fullmatch(plain):
        return datetime.fromisoformat(plain).astimezone().strftime("%Y-%m-%d %H:%M")
    return printable(plain, keep="\n")


def _cell(row: Row, name: str, *, is_name: bool) -> str:
    told = _short(text(field(row, name)))
    return shortened(told) if is_name else told


def _short(cell: str) -> str:
    return cell[:SHORT_ID] if _UUID.fullmatch(cell) else cell
