import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lumina_platform.supervisor.journal import LONGEST_LINE, Journal
from lumina_platform.supervisor.rendering import Format
from lumina_platform.supervisor.sinks import LogFile, Terminal


@dataclass
class Sinks:
    """What the file and the terminal got."""

    file: list[bytes] = field(default_factory=list)
    terminal: list[bytes] = field(default_factory=list)

    @property
    def records(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in b"".join(self.file).splitlines()]

    @property
    def shown(self) -> list[str]:
        return b"".join(self.terminal).decode().splitlines()


async def followed(output: bytes, form: Format = "console") -> Sinks:
    """What the sinks get of a process that printed this."""
    sinks = Sinks()
    journal = Journal(sinks.file.append, sinks.terminal.append, form)
    reading, writing = os.pipe()
    await journal.follow("web", os.fdopen(reading, "rb", buffering=0))
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(output)
    await journal.finish()
    return sinks


def printed(**fields: object) -> bytes:
    """A line of a process, as its logger writes it."""
    told = {"event": "started", "level": "info", "timestamp": "2026-11-21T01:02:03.456789Z", "part": "web", **fields}
    return json.dumps(told).encode() + b"\n"


async def test_on_a_terminal_every_line_names_its_part() -> None:
    sinks = await followed(b"one\ntwo\n")

    assert sinks.shown == ["web        | one", "web        | two"]


async def test_a_last_line_without_its_end_is_kept() -> None:
    sinks = await followed(b"Segmentation fault")

    assert sinks.shown == ["web        | Segmentation fault"]


async def test_people_read_time_level_event_and_fields() -> None:
    sinks = await followed(printed(path="/a b", n=3, module="web.app"))

    assert sinks.shown == [
        "web        | 2026-11-21T01:02:03.456789Z [info     ] started module=web.app n=3 path='/a b'"
    ]


async def test_people_read_a_request_in_short() -> None:
    line = printed(event="request", module="gateway.access", method="POST", path="/v1/x", status=502, ms=1.5, model="m",
                   backend="b", server="b-2", key_id="k", error="upstream", request_id="r", trace_id="t")  # fmt: skip

    sinks = await followed(line)

    assert sinks.shown[0].endswith("[info     ] request POST /v1/x 502 1.5 ms m b upstream server=b-2 request_id=r")


async def test_people_read_a_traceback_line_by_line() -> None:
    sinks = await followed(printed(exception="Traceback:\n  in it\nValueError"))

    assert sinks.shown[1:] == ["web        | Traceback:", "web        |   in it", "web        | ValueError"]


async def test_what_a_caller_wrote_cannot_steer_the_terminal() -> None:
    sinks = await followed(printed(path="\x1b[2J"))

    assert "\x1b" not in sinks.shown[0]
    assert sinks.records[0]["path"] == "\x1b[2J"


async def test_json_lines_are_passed_on_as_they_are() -> None:
    line = printed(path="/x") * 2

    sinks = await followed(line, form="json")

    assert b"".join(sinks.file) == line
    assert b"".join(sinks.terminal) == line


@pytest.mark.parametrize("line", [b"Traceback", b'{"torn": ', b"{'a': 1}", b"\xff\xfe", b'{"a":' + b"[" * 9000 + b"}"])
@pytest.mark.parametrize("form", ["console", "json"])
async def test_the_file_holds_json_alone(line: bytes, form: Format) -> None:
    sinks = await followed(line + b"\n", form)

    [record] = sinks.records
    assert (record["part"], record["level"], record["event"]) == ("web", "info", line.decode(errors="replace"))
    assert record["timestamp"].endswith("Z")


async def test_json_of_a_library_that_names_no_part_gets_one() -> None:
    sinks = await followed(b'{"message": "loaded"}\n')

    assert sinks.records == [{"message": "loaded", "part": "web"}]


async def test_a_line_without_end_is_cut_so_that_memory_stays_bounded() -> None:
    sinks = await followed(b"x" * (3 * LONGEST_LINE + 5))

    assert [len(record["event"]) for record in sinks.records] == [LONGEST_LINE] * 3 + [5]


async def test_a_pipe_that_someone_still_holds_does_not_keep_us() -> None:
    lines: list[bytes] = []
    journal = Journal(Sinks().file.append, lines.append)
    reading, writing = os.pipe()
    await journal.follow("web", os.fdopen(reading, "rb", buffering=0))
    os.write(writing, b"said\n")

    await journal.finish(seconds=0.2)

    assert lines == [b"web        | said\n"]
    os.close(writing)


@pytest.mark.parametrize("form", ["console", "json"])
def test_our_own_lines_are_events_as_the_others(form: Format) -> None:
    sinks = Sinks()

    Journal(sinks.file.append, sinks.terminal.append, form).say("gateway exited with 1", "warning")

    [told] = sinks.records
    assert (told["part"], told["level"], told["event"]) == ("supervisor", "warning", "gateway exited with 1")
    assert (sinks.shown[0].startswith("supervisor | ")) is (form == "console")


def test_the_log_is_bounded_and_the_newest_lines_are_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "lumina.log", size_bytes=1000, kept=2)

    for number in range(1000):
        log.write(b"line %06d\n" % number)
    log.close()

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["lumina.log", "lumina.log.1", "lumina.log.2"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert b"line 000999" in (tmp_path / "lumina.log").read_bytes()


def test_a_log_that_cannot_be_written_loses_lines_and_nothing_else(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "not-there" / "lumina.log")

    log.write(b"lost\n")
    log.close()

    assert not (tmp_path / "not-there").exists()


def test_a_terminal_that_stalls_makes_nobody_wait_and_says_what_it_missed() -> None:
    reading, writing = os.pipe()
    terminal = Terminal(writing, waiting=10)
    line = b"x" * 60_000 + b"\n"

    for _ in range(100):
        terminal.write(line)
    shown: list[bytes] = []
    reader = threading.Thread(target=lambda: shown.extend(os.fdopen(reading, "rb")))
    reader.start()
    terminal.close()
    os.close(writing)
    reader.join()

    assert 10 <= shown.count(line) < 20
    assert b"lines not shown: this terminal was too slow" in shown[-1]


def test_a_terminal_that_is_gone_does_not_matter() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    terminal = Terminal(writing)

    terminal.write(b"hello?\n")
    terminal.close()

    os.close(writing)
