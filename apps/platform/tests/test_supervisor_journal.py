import json
import os
import threading
from pathlib import Path

from lumina_platform.supervisor.journal import LONGEST_LINE, Journal, LogFile, Terminal


async def followed(output: bytes, part: str = "web", form: str = "console") -> list[bytes]:
    """What a sink gets of a process that printed this."""
    lines: list[bytes] = []
    journal = Journal((lines.append,), "json" if form == "json" else "console")
    reading, writing = os.pipe()
    await journal.follow(part, os.fdopen(reading, "rb", buffering=0))
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        pipe.write(output)
    await journal.finish()
    return lines


async def test_every_line_names_its_part() -> None:
    assert await followed(b"one\ntwo\n") == [b"web        | one\n", b"web        | two\n"]


async def test_a_last_line_without_its_end_is_kept() -> None:
    assert await followed(b"Segmentation fault") == [b"web        | Segmentation fault\n"]


async def test_json_lines_stay_json_and_other_lines_get_the_prefix() -> None:
    lines = await followed(b'{"event": "x"}\nTraceback\n', form="json")

    assert json.loads(lines[0]) == {"event": "x"}
    assert lines[1] == b"web        | Traceback\n"


async def test_a_line_without_end_is_cut_so_that_memory_stays_bounded() -> None:
    lines = await followed(b"x" * (3 * LONGEST_LINE + 5))

    assert len(lines) == 4
    assert max(map(len, lines)) <= LONGEST_LINE + 20


async def test_a_pipe_that_someone_still_holds_does_not_keep_us() -> None:
    lines: list[bytes] = []
    journal = Journal((lines.append,))
    reading, writing = os.pipe()
    await journal.follow("web", os.fdopen(reading, "rb", buffering=0))
    os.write(writing, b"said\n")

    await journal.finish(seconds=0.2)

    assert lines == [b"web        | said\n"]
    os.close(writing)


def test_our_own_lines_are_json_when_the_others_are() -> None:
    lines: list[bytes] = []

    Journal((lines.append,), "json").say("gateway exited with 1", "warning")

    told = json.loads(lines[0])
    assert (told["part"], told["level"], told["event"]) == ("supervisor", "warning", "gateway exited with 1")


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
    terminal = Terminal(writing, waiting_lines=10)
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
