"""Captured content as people read it: span by span, the request before its answer. It imports Rich and YAML."""

import json
from collections.abc import Mapping, Sequence

import yaml
from rich.console import Console

from lumina_platform.cli import streamed, tables
from lumina_platform.cli.client import Row
from lumina_platform.cli.printable import printable
from lumina_platform.cli.waterfall import moment

TURNS: Sequence[object] = ("request", "attributes", "events", "answer")
INDENT = "  "
LEAST_WIDTH = 40


def show(rows: Sequence[Row], head: Mapping[str, str]) -> None:
    """Each record below a line that tells what it is and who sent it, with the fields of `head`."""
    out = tables.console()
    for row in in_turn(rows):
        out.print(f"[bold]{str(row['kind']).upper()}[/bold] from {_SENDERS.get(row['source'], row['source'])}")
        tables.show_fields({**row, "at": moment(row["at"]), "cut": row["cut"] or None}, head, as_json=False)
        out.print()
        out.print(readable(row["body"], out), markup=False, soft_wrap=True)
        out.print()


_SENDERS: Mapping[object, str] = {"gateway": "the gateway", "otlp": "a program, by OTLP"}


def in_turn(rows: Sequence[Row]) -> Sequence[Row]:
    """The spans as they began, and of each what was asked before what was answered."""
    began: dict[object, str] = {}
    for row in rows:
        began[row["span_id"]] = min(began.get(row["span_id"], str(row["at"])), str(row["at"]))
    return sorted(rows, key=lambda row: (began[row["span_id"]], str(row["span_id"]), _turn(row), str(row["at"])))


def _turn(row: Row) -> int:
    return TURNS.index(row["kind"]) if row["kind"] in TURNS else len(TURNS)


def readable(body: object, out: Console) -> str:
    """Text as it is; of objects and lists, also those in a text, a line or paragraph for each value, as in YAML."""
    held = _held(body) if isinstance(body, str) else body
    inner = isinstance(held, dict | list)
    told = _as_yaml(held, max(LEAST_WIDTH, out.width - len(INDENT))) if inner else str(body)
    return "".join(f"{INDENT}{line}\n" for line in printable(told, keep="\n\t").split("\n")).rstrip("\n")


def _held(text: str) -> object:
    """What the gateway keeps is the body as it was sent: most often JSON, or the events of a stream."""
    if said := streamed.words(text):
        return {"streamed": said}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _as_yaml(body: object, width: int) -> str:
    told = yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
    return told.rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Text of several lines stands as it is."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
