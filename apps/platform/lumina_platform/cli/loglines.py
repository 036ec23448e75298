"""Log records as lines. It imports Rich."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import httpx
from rich.console import Console
from rich.text import Text

from lumina_platform.cli import tables
from lumina_platform.cli.client import Row, connected, refusal
from lumina_platform.cli.listings import Parameters, address
from lumina_platform.cli.printable import printable, shortened
from lumina_platform.cli.target import Target
from lumina_platform.cli.units import count
from lumina_platform.cli.waterfall import clock

FOLLOW = "/logs/tail"
_LEVELS = ((21, "FATAL", "bold red"), (17, "ERROR", "red"), (13, "WARN", "yellow"), (9, "INFO", "green"),
           (5, "DEBUG", "dim"), (1, "TRACE", "dim"))  # fmt: skip
_COUNTED = ("fatal", "error", "warning", "info", "debug", "trace", "none")
_STYLES = {"fatal": "bold red", "error": "red", "warning": "yellow", "info": "green"}


def show(newest_first: Sequence[Row], *, of_trace: str | None = None) -> None:
    """Oldest first: the newest line stands where people look, above the prompt."""
    out = tables.console()
    for record in reversed(newest_first):
        out.print(line(record, of_trace), soft_wrap=True)


def line(record: Row, of_trace: str | None = None) -> Text:
    """Time, level, service, text, the attributes behind it, and its trace if that is not the one that is shown."""
    name, style = _level(cast("int", record["severity"]))
    told = Text.assemble(
        (clock(record["time"]), "dim"),
        " ",
        (f"{name:5}", style),
        " ",
        (shortened(printable(str(record["service"]))), "cyan"),
    )
    told.append(f" {printable(str(record['body'] or record['event_name']))}")
    attributes = cast("Mapping[str, object]", record["attributes"])
    if attributes:
        told.append("  " + " ".join(f"{key}={_value(value)}" for key, value in attributes.items()), "dim")
    if record["trace_id"] not in (None, of_trace):
        told.append(f" trace={record['trace_id']}", "dim")
    return told


def _level(severity: int) -> tuple[str, str]:
    return next(((name, style) for least, name, style in _LEVELS if severity >= least), ("-", "dim"))


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text if text and " " not in text else json.dumps(text, ensure_ascii=False))


def follow(target: Target, project: str | None, parameters: Parameters, *, as_json: bool) -> None:
    """Print records as they come in, until the stream ends or Ctrl-C. Raises CallRefused or NotRunning."""
    out = tables.console()
    for kind, data in _events(target, project, parameters):
        if kind == "dropped":
            out.print(f"{data['count']} records came too fast to be shown.", style="yellow")
        elif as_json:
            out.print(json.dumps(data), markup=False, soft_wrap=True)
        else:
            out.print(line(data), soft_wrap=True)


def _events(target: Target, project: str | None, parameters: Parameters) -> Iterator[tuple[str, Row]]:
    headers = {"X-Lumina-Project": project} if project else {}
    with (
        connected(target, target.control) as client,
        client.stream("GET", address(FOLLOW, parameters), headers=headers, timeout=None) as reply,
    ):
        if reply.is_error:
            reply.read()
            raise refusal(reply)
        yield from _parsed(reply)


def _parsed(reply: httpx.Response) -> Iterator[tuple[str, Row]]:
    """Each event with a name and JSON; comments keep the line open."""
    kind = ""
    for text in reply.iter_lines():
        if text.startswith("event: "):
            kind = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield kind, json.loads(text.removeprefix("data: "))


def show_histogram(buckets: Sequence[Row]) -> None:
    """A bar for each stretch of time, in the colours of severities."""
    out = tables.console()
    most = max((cast("int", bucket["total"]) for bucket in buckets), default=0)
    for bucket in buckets:
        out.print(_bar(bucket, most, out))


def _bar(bucket: Row, most: int, out: Console) -> Text:
    width = max(10, min(out.width, 120) - 40)
    told = Text.assemble((clock(bucket["start"]), "dim"), " ")
    cells = round(cast("int", bucket["total"]) / most * width) if most else 0
    for name in _COUNTED:
        share = cast("int", bucket[name]) / max(1, cast("int", bucket["total"]))
        told.append("█" * (max(1, round(cells * share)) if bucket[name] and cells else 0), _STYLES.get(name, "dim"))
    return told.append(f" {_told(bucket)}" if bucket["total"] else " -")


def _told(bucket: Row) -> str:
    found: Iterable[str] = (f"{name} {count(cast('int', bucket[name]))}" for name in _COUNTED if bucket[name])
    return ", ".join(found)
